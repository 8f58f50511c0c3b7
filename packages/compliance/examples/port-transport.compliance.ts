//#region compliance
import { MessageChannel } from 'node:worker_threads'
import { describeTransport } from '@mcpwire/compliance'
import { portTransport } from './port-transport.js'

const connectsAtOnce = 'a port is connected from the start'
const spare = new MessageChannel()

describeTransport('port', {
  exempt: {
    unreachable: connectsAtOnce,
    hangsUpDuringStart: connectsAtOnce,
    neverConnects: connectsAtOnce,
    sendUnfinished: 'a port carries whole messages only',
    stall: 'a port has an unlimited queue of unknown length',
    maxQueuedBytes: 'a port has an unlimited queue of unknown length',
    cutHasReason: 'a port closes without a reason',
    C19: 'Node delivers the messages of one port in a row',
  },
  pair: (options) => {
    const { port1, port2 } = new MessageChannel()
    const other = { near: port2, far: port1 }
    return {
      near: portTransport(port1, options),
      far: portTransport(port2, options),
      sendRaw: (to, text) => other[to].postMessage(text),
      sendRawBytes: (to, bytes) => other[to].postMessage(bytes),
      cut: () => port1.close(),
      cleanup: () => port1.close(),
    }
  },
  create: (options) => portTransport(spare.port1, options),
  badOptions: [{ maxMessageBytes: -1 }, { maxMessageBytes: 0.5 }, { closeTimeoutMs: -1 }],
})
//#endregion
