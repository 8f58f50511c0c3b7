import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { bestByteStream, naiveByteStream } from '../floors/byte-stream.js'
import { type ExchangeLoad, roundTrips } from '../harness/exchange.js'
import { type BareSockets, overListener, overSockets } from '../harness/sockets.js'
import type { Suite } from '../harness/suite.js'

const bare: BareSockets = {
  listen: async (server) => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return String((server.address() as AddressInfo).port)
  },
  dial: (port) => connect(Number(port), '127.0.0.1').setNoDelay(),
}

/** Two processes of one host and a TCP connection between them. */
export const suite: Suite<ExchangeLoad> = {
  name: 'tcp',
  question: 'What does a conversation over TCP cost?',
  reference: 'best',
  measureMs: 1_200,
  slices: 8,
  loads: [roundTrips(1), roundTrips(64), roundTrips(1024)],
  contestants: [
    overSockets('naive', 'floor: a write per message', bare, naiveByteStream),
    overSockets('best', 'floor: writes of about 3 KiB', bare, bestByteStream),
    overListener(
      'ours',
      'tcpClient, tcpServer',
      (address) => tcpClient({ port: Number(new URL(address).port) }),
      async () => tcpServer({ port: 0 }),
    ),
  ],
}
