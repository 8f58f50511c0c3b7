import { existsSync } from 'node:fs'
import { isTransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { Command, CommanderError } from 'commander'
import { addressOf, isWeb, schemeOf } from './endpoint.js'
import type { Endpoint } from './endpoint-provider.js'
import { printable } from './printable.js'
import { type CommandContext, ownVersion, UsageError, usageMessage } from './program.js'
import { logError } from './report.js'
import { suggestedUrls } from './url-suggestions.js'

/** Each command, and the packages it needs, loads only when it runs. */
const commands = {
  bridge: {
    summary: 'pass messages between this process and a server',
    load: () => import('./commands/bridge.js'),
  },
  probe: {
    summary: 'connect to a server, list its tools and time round trips',
    load: () => import('./commands/probe.js'),
  },
  demo: {
    summary: 'drive a real server with the clients of both MCP SDKs',
    load: () => import('./commands/demo.js'),
  },
} as const

const FAILED = 1
const USAGE = 2

/** Runs one command line. Returns the exit code: 0 for success, 1 for a failure, 2 for invalid usage. */
export async function main(argv: readonly string[]): Promise<number> {
  const separator = argv.indexOf('--')
  // Options after `--` belong to the server.
  const own = separator < 0 ? argv : argv.slice(0, separator)
  const server = separator < 0 ? undefined : argv.slice(separator + 1)
  let exitCode = 0
  const program = await createProgram(own, {
    targetOf: (operands) => targetOf(operands, server),
    refuseServer: () => {
      if (server) throw new UsageError('this command runs no server: nothing may follow "--"')
    },
    finish: (code) => {
      exitCode = code
    },
  })
  try {
    await program.parseAsync(own, { from: 'user' })
    return exitCode
  } catch (error) {
    return reportFailure(error, program, own)
  }
}

async function createProgram(own: readonly string[], context: CommandContext): Promise<Command> {
  const program = new Command('mcpwire')
    .description(
      'MCP over standard input and output, HTTP, WebSocket, TCP and Unix sockets, with and without TLS.',
    )
    .usage('<command> [options]')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    // reportFailure() writes each error once, with its usage line.
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary)
    if (own.includes(name)) (await load()).define(command, context)
  }
  return program
}

/** The server, from the operands before `--` and the command after it. */
function targetOf(operands: readonly string[], server: readonly string[] | undefined): Endpoint {
  const [url, ...others] = operands
  if (url !== undefined && server)
    throw new UsageError(`either a URL or a command after "--", not both: ${operands.join(' ')}`)
  if (url !== undefined && schemeOf(url) === undefined) {
    const meant = existsSync(url) ? [] : suggestedUrls(url, 'endpoint')
    if (meant.length > 0) throw new UsageError(`not a URL: "${url}"; did you mean ${meant.join(' or ')}?`)
    throw new UsageError(`missing "--" before the command: -- ${operands.join(' ')}`)
  }
  if (url !== undefined && isWeb(url) && !URL.canParse(url))
    throw new UsageError(`the URL must be ${schemeOf(url)}//host:port/path; received "${addressOf(url)}"`)
  if (others.length > 0) throw new UsageError(`only one server is allowed: remove ${others.join(' ')}`)
  if (url !== undefined) return url
  if (!server) throw new UsageError('missing the server: a URL, or "--" and the command that runs it')
  const [program] = server
  if (program === undefined) throw new UsageError('missing the command after "--"')
  const [first = '', ...more] = program.trim().split(/\s+/)
  if (more.length > 0 && !existsSync(program))
    // Only the first word: arguments may be secrets.
    throw new UsageError(
      `the command is one argument with spaces: write it without quotes around it: -- ${first} …`,
    )
  return server
}

function reportFailure(thrown: unknown, program: Command, own: readonly string[]): number {
  const command = program.commands.find((each) => each.name() === own[0])
  const name = command ? `mcpwire ${command.name()}` : 'mcpwire'
  const problem = usageProblem(thrown, own)
  if (problem === undefined) {
    logError(name, toError(thrown))
    return FAILED
  }
  if (problem === '') return 0
  const helped = command ?? program
  process.stderr.write(
    `${name}: ${printable(problem)}\nusage: ${name} ${helped.usage()}\nSee ${name} --help\n`,
  )
  return USAGE
}

/** The text of a usage error. Empty if help was requested, `undefined` for another failure. */
function usageProblem(thrown: unknown, own: readonly string[]): string | undefined {
  if (thrown instanceof UsageError) return thrown.message
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return ''
    if (thrown.code !== 'commander.help') return thrown.message.replace(/^error: /, '')
    const [command, topic] = own
    return command === 'help' && topic !== undefined ? `unknown command '${topic}'` : 'missing a command'
  }
  return isTransportError(thrown, 'INVALID_OPTION') ? usageMessage(thrown, 'server') : undefined
}
