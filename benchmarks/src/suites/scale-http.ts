import { serve, type TransportLike } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { Pool } from 'undici'
import { listenBareHttp, undiciRequest } from '../floors/bare-http.js'
import { withHandshake } from '../harness/handshake.js'
import { requestOf } from '../harness/messages.js'
import { type ManyConnections, scaleSuite } from '../harness/scale.js'
import type { Suite } from '../harness/suite.js'

const MANY = 5_000
/** The most sockets of a session. */
const SOCKETS_EACH = 64
const KEPT_FOR_MS = 60_000

/** One client process with all sessions, one server process. An idle session keeps one socket. */
export const suite: Suite<ManyConnections> = scaleSuite({
  name: 'scale-http',
  question:
    'What do many HTTP sessions cost, while 64 messages are in flight in them and while they are idle?',
  most: MANY,
  // The first load needs it, to compile the code.
  warmUpMs: 1_500,
  bare: {
    label: 'node:http and undici, a connection that is kept for each',
    dial: async (url) => {
      const pool = new Pool(new URL(url).origin, {
        connections: SOCKETS_EACH,
        keepAliveTimeout: KEPT_FOR_MS,
      })
      const wire = undiciRequest(url, 'json', pool)
      await answered(wire)
      return wire
    },
    serve: () => listenBareHttp('json'),
    socketsEach: SOCKETS_EACH,
  },
  ours: {
    label: 'httpClient, httpServer',
    dial: async (url) => {
      // The floor has no GET stream either.
      const transport = withHandshake(httpClient({ url, standaloneStream: false }))
      await transport.start()
      return transport
    },
    serve: async (accept) => {
      const listener = await serve(
        httpServer({ port: 0, responseFormat: 'json', maxConnections: 2 * MANY }),
        accept,
      )
      return listener.url
    },
    socketsEach: SOCKETS_EACH,
  },
})

/** Opens the connection with a first request. */
function answered(wire: TransportLike): Promise<void> {
  return new Promise((resolve, reject) => {
    wire.onmessage = () => resolve()
    wire.onerror = reject
    void wire.send(requestOf(-1))
  })
}
