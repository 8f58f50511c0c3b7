import { spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { TransportLike } from '@mcpwire/core'
import { stdioClient, stdioServer } from '@mcpwire/stdio'
import { StdioClientTransport as StdioClientV2 } from '@modelcontextprotocol/client/stdio'
import { StdioClientTransport as StdioClientV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StdioServerTransport as StdioServerV1 } from '@modelcontextprotocol/sdk/server/stdio.js'
import { StdioServerTransport as StdioServerV2 } from '@modelcontextprotocol/server/stdio'
import { bestByteStream, naiveByteStream } from '../floors/byte-stream.js'
import { type ExchangeLoad, exchangeDriver, roundTrips } from '../harness/exchange.js'
import type { Contestant, Place, Suite } from '../harness/suite.js'

/** A client and its child process, with the shutdown, the limits and the checks of their transports. */
export const suite: Suite<ExchangeLoad> = {
  name: 'stdio',
  question: 'What does a conversation with a child process cost?',
  reference: 'best',
  // With one request in flight there are few requests. A short warm-up would not compile the code.
  warmUpMs: 2_000,
  measureMs: 1_200,
  slices: 8,
  loads: [roundTrips(1), roundTrips(64), roundTrips(1024), roundTrips(4, 1_000_000)],
  contestants: [
    overPipes('naive', 'floor: a write per message', naiveByteStream),
    overPipes('best', 'floor: writes of about 3 KiB', bestByteStream),
    contestant(
      'sdk-v1',
      'SDK 1, stdio',
      (how) => new StdioClientV1(how),
      () => new StdioServerV1(),
    ),
    contestant(
      'sdk-v2',
      'SDK 2, stdio',
      (how) => new StdioClientV2(how),
      () => new StdioServerV2(),
    ),
    {
      ...contestant(
        'ours',
        'stdioClient, stdioServer',
        (how) => stdioClient(how),
        () => stdioServer(),
      ),
      isOurs: true,
    },
  ],
}

interface How {
  readonly command: string
  readonly args: string[]
}

function contestant(
  id: string,
  label: string,
  client: (how: How) => TransportLike,
  server: () => TransportLike,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ command, args }: Place) => await exchangeDriver(client({ command, args: [...args] })),
    server: {
      startedBy: 'client',
      serve: async (accept) => {
        await accept(server())
        return undefined
      },
    },
  }
}

function overPipes(
  id: string,
  label: string,
  wire: (input: Readable, output: Writable) => TransportLike,
): Contestant<ExchangeLoad> {
  return contestant(
    id,
    label,
    ({ command, args }) => {
      const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
      return wire(child.stdout, child.stdin)
    },
    () => wire(process.stdin, process.stdout),
  )
}
