import { serve, type TransportLike } from '@mcpwire/core'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { dialBare, listenBare } from '../floors/bare-ws.js'
import { bestWebSocket } from '../floors/web-socket.js'
import { connectionsOf, type ManyConnections, manyDriver } from '../harness/many.js'
import type { Suite } from '../harness/suite.js'

/** Both ends, each in a process: what a process holds for a connection that says nothing, and what one costs that does. */
export const suite: Suite<ManyConnections> = {
  name: 'scale-ws',
  question: 'What do ten thousand WebSockets cost?',
  reference: 'bare',
  loads: [connectionsOf(1, 'one'), connectionsOf(100, 'some'), connectionsOf(10_000, 'many')],
  contestants: [
    {
      id: 'bare',
      label: 'ws by itself, frames together',
      open: async ({ address }) => manyDriver(() => started(dialBare(address, bestWebSocket))),
      server: { startedBy: 'harness', serve: (accept) => listenBare(accept, bestWebSocket) },
    },
    {
      id: 'ours',
      label: 'wsClient, wsServer',
      open: async ({ address }) => manyDriver(() => started(wsClient({ url: address }))),
      server: {
        startedBy: 'harness',
        serve: async (accept) => {
          const listener = await serve(wsServer({ port: 0, maxConnections: Infinity }), accept)
          return listener.address
        },
      },
    },
  ],
}

async function started(making: TransportLike | Promise<TransportLike>): Promise<TransportLike> {
  const wire = await making
  await wire.start()
  return wire
}
