//#region example
import { describeTransport } from '@mcpwire/compliance'
import { memoryPair } from '@mcpwire/core'

const typed = 'memory carries messages, not text'
const connected = 'a pair is connected from the start'

describeTransport('memory', {
  exempt: {
    ...{ sendRaw: typed, sendRawBytes: typed, sendUnfinished: typed, cut: typed, stall: typed },
    ...{ unreachable: connected, hangsUpDuringStart: connected, neverConnects: connected },
    countsBytes: 'memory counts UTF-16 units',
  },
  pair: (options) => {
    const [near, far] = memoryPair(options)
    return { near, far }
  },
  create: (options) => memoryPair(options)[0],
})
//#endregion
