import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { type BareWire, dialBare, listenBare } from '../floors/bare-ws.js'
import { bestWebSocket, naiveWebSocket } from '../floors/web-socket.js'
import { type ExchangeLoad, exchangeDriver, roundTrips } from '../harness/exchange.js'
import { overListener } from '../harness/sockets.js'
import type { Contestant, Suite } from '../harness/suite.js'

/** Compared with the `ws` library alone, with and without combined frames. Neither official SDK has a server. */
export const suite: Suite<ExchangeLoad> = {
  name: 'ws',
  question: 'What does a conversation over WebSocket cost?',
  reference: 'best',
  measureMs: 1_200,
  slices: 8,
  loads: [roundTrips(1), roundTrips(64), roundTrips(64, 2_000)],
  contestants: [
    bare('naive', 'floor: a plain ws echo', (socket) => naiveWebSocket(socket)),
    bare('best', 'floor: ws, frames together', bestWebSocket),
    overListener(
      'ours',
      'wsClient, wsServer',
      (url) => wsClient({ url }),
      async () => wsServer({ port: 0 }),
    ),
    overListener(
      'ours-deflate',
      'the same, compressing from 1 KiB',
      (url) => wsClient({ url, deflate: {} }),
      async () => wsServer({ port: 0, deflate: {} }),
    ),
  ],
}

function bare(id: string, label: string, wire: BareWire): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ address }) => await exchangeDriver(await dialBare(address, wire)),
    server: { startedBy: 'harness', serve: (accept) => listenBare(accept, wire) },
  }
}
