import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Transport } from '@mcpwire/core'
import type { Command } from 'commander'
import { addServerOptions, endpointOptions, number, type ServerOptions } from '../command-options.js'
import { addressOf, endpoint } from '../endpoint.js'
import { printable } from '../printable.js'
import { probe } from '../probe.js'
import { probeTable } from '../probe-table.js'
import type { CommandContext } from '../program.js'
import { diagnose, log, logError, print } from '../report.js'
import { exitOnSignal } from '../signals.js'

const NAME = 'mcpwire probe'
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
      const output = new ServerOutput()
      const connect = async (): Promise<Transport> => {
        const isCommand = typeof target !== 'string'
        const transport = await endpoint(target, isCommand ? { ...options, stderr: 'pipe' } : options)
        output.add(transport)
        return transport
      }
      const report = await probe(connect, {
        count,
        timeoutMs,
        address: addressOf(target),
        onerror: (error) => void errors.push(error),
        onslow: (text) => {
          output.print('')
          log(NAME, text)
        },
      })
      output.print(report.error?.message ?? '')
      // The report already has its own error.
      const logged = new Set([report.error?.message])
      for (const error of errors) {
        const { message } = diagnose(error)
        if (!logged.has(message)) logError(NAME, error)
        logged.add(message)
      }
      if (report.error && report.address === null) {
        report.address = addressOf(target)
        report.error = { ...report.error, address: report.address }
      }
      await print(json ? JSON.stringify(report, null, 2) : probeTable(report, process.stdout))
      context.finish(report.healthy ? 0 : 1)
    })
}

/** The most lines of a server that are kept until they are printed. */
const MAX_LINES = 1_000

/** The standard error of a server that may be started several times. Each line is printed once. */
class ServerOutput {
  readonly #lines = new Set<string>()
  readonly #printed = new Set<string>()

  add(transport: Transport): void {
    const { stderr } = transport as { stderr?: Readable | null }
    if (!stderr) return
    createInterface({ input: stderr }).on('line', (line) => {
      if (this.#lines.size < MAX_LINES) this.#lines.add(line)
    })
  }

  /** Prints the new lines, except for those that a message contains. */
  print(message: string): void {
    for (const line of this.#lines) {
      const text = printable(line)
      if (text === '' || this.#printed.has(line) || message.includes(text)) continue
      this.#printed.add(line)
      process.stderr.write(`${text}\n`)
    }
  }
}
