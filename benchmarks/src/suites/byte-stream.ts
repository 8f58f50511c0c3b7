import type { Readable, Writable } from 'node:stream'
import type { TransportLike } from '@mcpwire/core'
import { createTransport } from '@mcpwire/core/authoring'
import { byteStreamDefaults, duplexChannel } from '@mcpwire/core/node'
import { StdioClientTransport as StdioClientV2 } from '@modelcontextprotocol/client/stdio'
import { StdioClientTransport as StdioClientV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StdioServerTransport as StdioServerV1 } from '@modelcontextprotocol/sdk/server/stdio.js'
import { StdioServerTransport as StdioServerV2 } from '@modelcontextprotocol/server/stdio'
import { bestByteStream, naiveByteStream } from '../floors/byte-stream.js'
import { type ExchangeLoad, exchangeDriver, oneWay, roundTrips } from '../harness/exchange.js'
import { overPipes } from '../harness/pipes.js'
import type { Contestant, Place, Suite } from '../harness/suite.js'

/** Two processes with a pipe in each direction; the client starts the server. */
export const suite: Suite<ExchangeLoad> = {
  name: 'byte-stream',
  question: 'What does newline-delimited JSON over a pipe between two processes cost?',
  reference: 'best',
  loads: [roundTrips(1), roundTrips(64), roundTrips(1024), oneWay(64)],
  contestants: [
    overPipes('naive', 'floor: a write per message', naiveByteStream),
    overPipes('best', 'floor: writes of about 3 KiB', bestByteStream),
    sdk(
      'sdk-v1',
      'SDK 1, stdio',
      ({ command, args }) => new StdioClientV1({ command, args: [...args] }),
      () => new StdioServerV1(),
    ),
    sdk(
      'sdk-v2',
      'SDK 2, stdio',
      ({ command, args }) => new StdioClientV2({ command, args: [...args] }),
      () => new StdioServerV2(),
    ),
    { ...overPipes('ours', 'duplexChannel', ourTransport), isOurs: true },
  ],
}

function sdk(
  id: string,
  label: string,
  client: (place: Place) => TransportLike,
  server: () => TransportLike,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async (place) => await exchangeDriver(client(place)),
    server: {
      startedBy: 'client',
      serve: async (accept) => {
        await accept(server())
        return undefined
      },
    },
  }
}

function ourTransport(readable: Readable, writable: Writable): TransportLike {
  const peer = { medium: 'pipe', address: 'pipe:' }
  return createTransport({
    connect: async (sink) => duplexChannel({ readable, writable }, sink, { ...byteStreamDefaults, peer }),
  })
}
