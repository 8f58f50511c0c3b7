import { byteStreamDefaults } from '@mcpwire/core/node'
import type { Command } from 'commander'
import { bridge } from '../bridge.js'
import type { CommandContext } from '../command-context.js'
import { addServerOptions, number, type ServerOptions } from '../command-options.js'

/**
 * Half of what the transports take by themselves: who runs a bridge gives it 2 s or less before it is killed, and
 * the server must be gone by then.
 */
const CLOSE_TIMEOUT_MS = 1_000

interface Options extends ServerOptions {
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  readonly verbose?: boolean
}

/** Adds the options and the action of `mcpwire bridge`. */
export function define(command: Command, context: CommandContext): void {
  addServerOptions(command)
  command
    .usage('[options] -- <command> [argument...]')
    .option(
      '--max-message-bytes <n>',
      'longest message passed on, in either direction',
      number(1, Infinity),
      byteStreamDefaults.maxMessageBytes,
    )
    .option(
      '--close-timeout-ms <n>',
      'how long the server may take to end, terminated after half of it, killed after three quarters',
      number(0, Infinity),
      CLOSE_TIMEOUT_MS,
    )
    .option('--verbose', 'also tell when the server runs, and what passed when it is over')
    .addHelpText(
      'after',
      `
Messages come and go over standard input and output; words go to standard error.
Requests that are pending when the server ends are answered with error -31002.
Exit code: 0 the conversation ended in order, 1 the server failed, 2 the command line makes no sense.

Example:
  mcpwire bridge -- npx -y @modelcontextprotocol/server-everything`,
    )
    .action(async (url: string | undefined, { verbose = false, ...options }: Options) => {
      context.finish(await bridge(context.targetOf(url), { ...options, verbose }))
    })
}
