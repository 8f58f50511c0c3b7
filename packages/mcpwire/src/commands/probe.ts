import type { Command } from 'commander'
import { addServerOptions, endpointOptions, number, type ServerOptions } from '../command-options.js'
import { addressOf, endpoint } from '../endpoint.js'
import { probe } from '../probe.js'
import { probeTable } from '../probe-table.js'
import type { CommandContext } from '../program.js'
import { diagnose, logError, print } from '../report.js'
import { exitOnSignal } from '../signals.js'

const COUNT = 20
const MAX_COUNT = 1_000_000
const TIMEOUT_MS = 10_000

interface Options extends ServerOptions {
  readonly count: number
  readonly timeoutMs: number
  readonly json?: boolean
}

/** Adds the options and the action of `mcpwire probe`. */
export function define(command: Command, context: CommandContext): void {
  addServerOptions(command)
  command
    .usage('[options] (<url> | -- <command> [argument...])')
    .option('--count <n>', 'number of round trips to time', number(1, MAX_COUNT), COUNT)
    .option('--timeout-ms <n>', 'longest time until each response', number(1, Infinity), TIMEOUT_MS)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Sends server/discover first (2026-07-28), and initialize if the server does not support it.
Exit code: 0 the server is healthy, 1 it is not, 2 invalid usage.

Examples:
  mcpwire probe http://127.0.0.1:8080/mcp
  mcpwire probe -- npx -y @modelcontextprotocol/server-everything`,
    )
    .action(async (_url: string | undefined, { count, timeoutMs, json, ...server }: Options) => {
      const target = context.targetOf(command.args)
      const options = endpointOptions(target, server)
      exitOnSignal()
      const errors: Error[] = []
      const report = await probe(() => endpoint(target, options), {
        count,
        timeoutMs,
        address: addressOf(target),
        onerror: (error) => void errors.push(error),
      })
      // The report already has its own error.
      for (const error of errors) {
        if (diagnose(error).message !== report.error?.message) logError('mcpwire probe', error)
      }
      if (report.error && report.address === null) {
        report.address = addressOf(target)
        report.error = { ...report.error, address: report.address }
      }
      await print(json ? JSON.stringify(report, null, 2) : probeTable(report, process.stdout))
      context.finish(report.healthy ? 0 : 1)
    })
}
