import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unixClient, unixServer } from '@mcpwire/unix'
import { bestByteStream, naiveByteStream } from '../floors/byte-stream.js'
import { type ExchangeLoad, roundTrips } from '../harness/exchange.js'
import { type BareSockets, overListener, overSockets } from '../harness/sockets.js'
import type { Suite } from '../harness/suite.js'

const bare: BareSockets = {
  listen: async (server) => {
    const path = newPath()
    await once(server.listen(path), 'listening')
    return path
  },
  dial: (path) => connect(path),
}

/** Two processes of one host and a socket with a path between them. */
export const suite: Suite<ExchangeLoad> = {
  name: 'unix',
  question: 'What does a conversation over a Unix socket cost?',
  reference: 'best',
  measureMs: 1_200,
  slices: 8,
  loads: [roundTrips(1), roundTrips(64), roundTrips(1024), roundTrips(4, 1_000_000)],
  contestants: [
    overSockets('naive', 'floor: a write per message', bare, naiveByteStream),
    overSockets('best', 'floor: writes of about 3 KiB', bare, bestByteStream),
    overListener(
      'ours',
      'unixClient, unixServer',
      (address) => unixClient({ path: address.slice('unix:'.length) }),
      async () => unixServer({ path: newPath() }),
    ),
  ],
}

/** A path in a new folder that is removed when the process exits. */
function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcpwire-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'socket')
}
