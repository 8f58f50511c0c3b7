import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describeTransport, lineHooks, tcpProxy } from '@mcpwire/compliance'
import { type Clock, systemClock } from '@mcpwire/core'
import { streamTransport } from './stream-transport.js'

const host = '127.0.0.1'
const never = new Promise<never>(() => {})

describeTransport('stream', {
  capabilities: { backpressure: true },
  exempt: {
    farStartsFirst: 'the far end is created when the near end connects',
    hangsUpDuringStart: 'a socket is connected before its peer can disconnect',
  },
  pair: async (options) => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, host)
    await once(server, 'listening')
    const proxy = await tcpProxy({ to: { host, port: (server.address() as AddressInfo).port } })
    const accepted = once(server, 'connection') as Promise<[Socket]>
    return {
      near: streamTransport((signal) => connected(proxy.port, signal), options),
      far: accepted.then(([socket]) => streamTransport(() => socket, options)),
      ...lineHooks(proxy),
      cleanup: async () => {
        await proxy.close()
        server.close()
      },
    }
  },
  unreachable: (options) => ({ transport: streamTransport((signal) => connected(1, signal), options) }),
  neverConnects: (options) => ({
    transport: streamTransport((signal) => unanswered(signal, options.clock), options),
  }),
  create: (options) => streamTransport(() => never, options),
})

async function connected(port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true })
  try {
    await once(socket, 'connect', { signal })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Each `open` has a deadline of its own. */
async function unanswered(signal: AbortSignal, clock: Clock = systemClock): Promise<never> {
  await clock.sleep(10_000, signal)
  throw new Error('the other end did not answer')
}
