import { spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { TransportLike } from '@mcpwire/core'
import { type ExchangeLoad, exchangeDriver } from './exchange.js'
import type { Contestant } from './suite.js'

/** A contestant over pipes. Its client starts its server. */
export function overPipes(
  id: string,
  label: string,
  wire: (input: Readable, output: Writable) => TransportLike,
): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ command, args }) => {
      const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
      return await exchangeDriver(wire(child.stdout, child.stdin))
    },
    server: {
      startedBy: 'client',
      serve: async (accept) => {
        await accept(wire(process.stdin, process.stdout))
        return undefined
      },
    },
  }
}
