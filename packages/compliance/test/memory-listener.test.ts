import { memoryClient, memoryListener } from '@mcpwire/core'
import { describeListener, describeTransport, type TransportSubject } from '../src/index.js'
import { holdInMemory } from './memory-holders.js'

const typed = 'memory carries messages, not text; core runs this case over its byte streams'

describeListener('memory', {
  exempt: {
    beyondThisHost: 'memory is limited to this process',
    sameAddress: 'every listener in memory has its own address',
  },
  listen: (options) => memoryListener(options),
  connect: (listener, { headers }) => memoryClient({ listener, headers }),
  holdBytes: holdInMemory,
})

const memory: TransportSubject = {
  capabilities: { backpressure: true },
  exempt: {
    sendRaw: typed,
    sendRawBytes: typed,
    sendUnfinished: typed,
    countsBytes: 'memory counts UTF-16 units',
    cut: 'memory does not break',
    farStartsFirst: 'the far end is created when the near end connects',
  },
  pair: async (options) => {
    const listener = memoryListener(options)
    const far = new Promise<Parameters<NonNullable<typeof listener.onconnection>>[0]>((resolve) => {
      listener.onconnection = resolve
    })
    await listener.start()
    const near = memoryClient({ listener, ...options })
    return {
      near,
      far,
      stall: (side) => {
        const flow = side === 'near' ? near.flow : [...listener.connections][0]?.flow
        flow?.pause()
        return () => flow?.resume()
      },
      cleanup: () => listener.close(),
    }
  },
  create: (overlay) => memoryClient({ listener: memoryListener(), ...overlay }),
  unreachable: async (options) => ({ transport: memoryClient({ listener: memoryListener(), ...options }) }),
  hangsUpDuringStart: async (options) => {
    const listener = memoryListener({ gate: { admit: () => ({ admit: false, status: 403, reason: 'no' }) } })
    listener.onconnection = () => {}
    await listener.start()
    return { transport: memoryClient({ listener, ...options }), cleanup: () => listener.close() }
  },
  neverConnects: async (options) => {
    const listener = memoryListener(options)
    listener.onconnection = () => {}
    await listener.start()
    return { transport: memoryClient({ listener, ...options }), cleanup: () => listener.close() }
  },
}

describeTransport('a client of a listener in memory', memory)
