import { isTransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { Command, CommanderError } from 'commander'
import type { CommandContext } from './command-context.js'
import { addressOf, hasHeaders, schemeOf } from './endpoint.js'
import { ownVersion } from './own-version.js'
import { say, tellError } from './report.js'
import { UsageError } from './usage-error.js'
import type { Endpoint } from './wire.js'
import { complaintAbout } from './words.js'

/** Each loads with what it needs only when it is the one. */
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

/** Runs one command line and answers the exit code: 0 it went well, 1 it did not, 2 it makes no sense. */
export async function main(argv: readonly string[]): Promise<number> {
  const separator = argv.indexOf('--')
  // What follows `--` is the server's: no option in it is ours.
  const own = separator < 0 ? argv : argv.slice(0, separator)
  const server = separator < 0 ? undefined : argv.slice(separator + 1)
  let exitCode = 0
  const program = await createProgram(own, {
    targetOf: (places) => targetOf(places, server),
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
    return failed(error, program, own)
  }
}

async function createProgram(own: readonly string[], context: CommandContext): Promise<Command> {
  const program = new Command('mcpwire')
    .description(
      'MCP on every wire: standard input and output, HTTP, WebSocket, TCP and Unix sockets, with and without TLS.',
    )
    .usage('<command> [options]')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    // Errors are told once, with the usage line they are about.
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary)
    if (own.includes(name)) (await load()).define(command, context)
  }
  return program
}

/** Where the server is, by what stands before and after `--`. */
function targetOf(places: readonly string[], server: readonly string[] | undefined): Endpoint {
  const [url, ...others] = places
  if (url !== undefined && server)
    throw new UsageError(`either a URL or a command after "--", not both: ${places.join(' ')}`)
  if (url !== undefined && schemeOf(url) === undefined)
    throw new UsageError(`missing "--" before the command: -- ${places.join(' ')}`)
  if (url !== undefined && hasHeaders(url) && !URL.canParse(url))
    throw new UsageError(`the URL must be ${schemeOf(url)}//host:port/path; received "${addressOf(url)}"`)
  if (others.length > 0) throw new UsageError(`one server at a time, not also: ${others.join(' ')}`)
  if (url !== undefined) return url
  if (!server) throw new UsageError('missing the server: a URL, or "--" and the command that runs it')
  if (server.length === 0) throw new UsageError('missing the command after "--"')
  return server
}

function failed(thrown: unknown, program: Command, own: readonly string[]): number {
  const command = program.commands.find((each) => each.name() === own[0])
  const name = command ? `mcpwire ${command.name()}` : 'mcpwire'
  const complaint = complaintOf(thrown, own)
  if (complaint === undefined) {
    tellError(name, toError(thrown))
    return FAILED
  }
  if (complaint === '') return 0
  say(name, complaint)
  const helped = command ?? program
  process.stderr.write(`usage: ${name} ${helped.usage()}\nSee ${name} --help\n`)
  return USAGE
}

/** What to say of a command line that makes no sense; empty where only help was asked for, undefined otherwise. */
function complaintOf(thrown: unknown, own: readonly string[]): string | undefined {
  if (thrown instanceof UsageError) return thrown.message
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return ''
    if (thrown.code !== 'commander.help') return thrown.message.replace(/^error: /, '')
    const [command, asked] = own
    return command === 'help' && asked !== undefined ? `unknown command '${asked}'` : 'missing a command'
  }
  return isTransportError(thrown, 'INVALID_OPTION') ? complaintAbout(thrown, 'server') : undefined
}
