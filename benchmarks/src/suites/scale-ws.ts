import { once } from 'node:events'
import { serve } from '@mcpwire/core'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { dialBare, listenBare } from '../floors/bare-ws.js'
import { bestWebSocket } from '../floors/web-socket.js'
import { type ManyConnections, scaleSuite } from '../harness/scale.js'
import type { Suite } from '../harness/suite.js'

const MANY = 10_000

/** One client process with all connections, one server process. */
export const suite: Suite<ManyConnections> = scaleSuite({
  name: 'scale-ws',
  question: 'What do many WebSockets cost, while 64 messages are in flight on them and while they are idle?',
  most: MANY,
  bare: {
    label: 'the ws library',
    dial: async (address) => {
      const wire = await dialBare(address, (socket, below) => {
        const floor = bestWebSocket(socket, below)
        // The floor does not wait for the close of the other end. Not a copy: it calls its own `onmessage`.
        floor.close = async () => {
          socket.close()
          await once(socket, 'close')
        }
        return floor
      })
      await wire.start()
      return wire
    },
    serve: (accept) => listenBare(accept, bestWebSocket),
  },
  ours: {
    label: 'wsClient, wsServer',
    dial: async (url) => {
      const transport = wsClient({ url })
      await transport.start()
      return transport
    },
    serve: async (accept) => {
      const listener = await serve(wsServer({ port: 0, maxConnections: 2 * MANY }), accept)
      return listener.url
    },
  },
})
