import type { TransportLike } from '@mcpwire/core'
import { createTransport, fromTransport } from '@mcpwire/core/authoring'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { describeTransport } from '../src/index.js'

const objects = 'the transport of the SDK carries objects, not text'
const connected = 'a pair of the SDK is connected from the start'

describeTransport('the in-memory transport of the SDK through fromTransport', {
  exempt: {
    sendRaw: objects,
    sendRawBytes: objects,
    sendUnfinished: objects,
    maxMessageBytes: objects,
    maxQueuedBytes: objects,
    encodesText: objects,
    C11: 'the transport of the SDK delivers inside the send() of its other end',
    C19: 'the transport of the SDK delivers each message inside send(), so that a burst ends before the next send()',
    cut: 'memory does not break',
    stall: 'objects are delivered at once',
    unreachable: connected,
    hangsUpDuringStart: connected,
    neverConnects: connected,
    create: 'the SDK has no options to reject',
  },
  pair: (options) => {
    const [near, far] = InMemoryTransport.createLinkedPair() as [TransportLike, TransportLike]
    return {
      near: createTransport(fromTransport(near), options),
      far: createTransport(fromTransport(far), options),
    }
  },
})
