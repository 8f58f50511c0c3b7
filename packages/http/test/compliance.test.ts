import { describeListener, describeTransport, unfinishedMessage } from '@mcpwire/compliance'
import { httpClient, memoryEventStore } from '../src/index.js'
import { httpServer } from '../src/node/index.js'
import { introduce, listeningClient, portOf, relayedPair } from './support/server-pair.js'

const exempt = {
  answersMalformed: 'the answer to a malformed POST is the response to that POST, not a message',
  concurrentOrder: 'every message is a request of its own; across those no order is promised (clause C2)',
  farStartsFirst: 'the far end comes into being with the session',
  farEndIsOrderly: 'a session that its server ended is lost to the client, which looks for another',
  cut: 'a connection that breaks ends no session; see the tests of faults',
  hangsUpDuringStart: 'start() says nothing to the server',
  neverConnects: 'start() says nothing to the server',
  unreachable: 'start() says nothing to the server',
}

const { cut: _, ...exemptOld } = exempt

describeTransport('http', {
  exempt,
  pair: (options) => relayedPair(options),
  create: (overlay) => httpClient({ url: 'http://127.0.0.1:1/mcp', ...overlay }),
})

describeTransport('http with an event store, answering with streams', {
  exempt,
  pair: (options) =>
    relayedPair(options, { server: { eventStore: memoryEventStore(), responseFormat: 'sse' } }),
  create: (overlay) => httpClient({ url: 'http://127.0.0.1:1/mcp', ...overlay }),
})

describeTransport('HTTP+SSE', {
  exempt: exemptOld,
  pair: (options) => relayedPair(options, { isOld: true }),
  create: (overlay) => httpClient({ url: 'http://127.0.0.1:1/sse', ...overlay }),
})

describeListener('http', {
  listen: (options) => httpServer({ port: 0, ...options }),
  connect: ({ address = '' }, { headers = {} }) => listeningClient({ url: address, headers, httpSse: false }),
  initialize: introduce,
  holdBytes: ({ address }, bytes) =>
    unfinishedMessage({
      to: { port: portOf(address), host: '127.0.0.1' },
      connect: (port) => httpClient({ url: `http://127.0.0.1:${port}/mcp`, httpSse: false }),
      bytes,
    }),
  beyondThisHost: (options) => httpServer({ port: 0, host: '0.0.0.0', ...options }),
  sameAddress: ({ address }, options) => httpServer({ port: portOf(address), ...options }),
})
