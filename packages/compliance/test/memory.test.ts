import { memoryPair } from '@mcpwire/core'
import { describeTransport, type TransportSubject } from '../src/index.js'

const pairsOnly = 'a memory pair cannot fail to connect; core runs this case over its byte streams'
const typed = 'memory carries messages, not text; core runs this case over its byte streams'

/** The subject for a pair in memory. */
const memory: TransportSubject = {
  capabilities: { backpressure: true },
  exempt: {
    sendRaw: typed,
    sendRawBytes: typed,
    sendUnfinished: typed,
    countsBytes: 'memory counts UTF-16 units',
    cut: 'memory does not break',
    unreachable: pairsOnly,
    hangsUpDuringStart: pairsOnly,
    neverConnects: pairsOnly,
  },
  pair: (options) => {
    const [near, far] = memoryPair(options)
    return {
      near,
      far,
      stall: (side) => {
        const { flow } = side === 'near' ? near : far
        flow?.pause()
        return () => flow?.resume()
      },
    }
  },
  create: (overlay) => memoryPair(overlay)[0],
}

describeTransport('memory', memory)
