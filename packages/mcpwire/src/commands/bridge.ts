import { byteStreamDefaults } from '@mcpwire/core/node'
import type { Command } from 'commander'
import { bridge } from '../bridge.js'
import type { CommandContext } from '../command-context.js'
import {
  addServerOptions,
  endpointOptions,
  number,
  refuseGiven,
  type ServerOptions,
} from '../command-options.js'
import { isSecure } from '../endpoint.js'
import type { ListenBridgeOptions } from '../listen.js'

/**
 * Half of what the transports take by themselves: who runs a bridge gives it 2 s or less before it is killed, and
 * the server must be gone by then.
 */
const CLOSE_TIMEOUT_MS = 1_000

/** A command that is run for each of them must not be run without end. */
const MAX_CONNECTIONS = 100
const DRAIN_MS = 5_000

interface Options extends ServerOptions, ListenFlags {
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  readonly verbose?: boolean
}

interface ListenFlags {
  readonly listen?: readonly string[]
  readonly maxConnections: number
  readonly drainMs: number
  readonly allowRemote?: boolean
  readonly allowOrigin?: readonly string[]
  readonly listenCert?: string
  readonly listenKey?: string
  readonly listenCa?: string
}

/** Adds the options and the action of `mcpwire bridge`. */
export function define(command: Command, context: CommandContext): void {
  addServerOptions(command)
  command
    .usage('[options] (<url> | -- <command> [argument...])')
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
    .option('--listen <url>', 'await callers there instead of standard input; may be given again', more)
    .option(
      '--max-connections <n>',
      'how many callers at once, each with a server of its own',
      number(1, Infinity),
      MAX_CONNECTIONS,
    )
    .option(
      '--drain-ms <n>',
      'how long requests in flight may take when the bridge is to end',
      number(0, Infinity),
      DRAIN_MS,
    )
    .option(
      '--allow-remote',
      'admit callers from other hosts, whoever they are, but no pages of other origins',
    )
    .option('--allow-origin <origin>', 'admit pages of that origin too; may be given again', more)
    .option('--listen-cert <file>', 'certificate to show to callers of tcps://, wss:// and https://, in PEM')
    .option('--listen-key <file>', 'private key of that certificate')
    .option('--listen-ca <file>', 'authorities that callers must have a certificate from')
    .option('--verbose', 'also tell when the server runs, and what passed when it is over')
    .addHelpText(
      'after',
      `
Messages come and go over standard input and output; words go to standard error.
With --listen, each caller gets a server of its own, until SIGTERM or SIGINT.
Requests that are pending when the server ends are answered with error -31002.
Exit code: 0 the conversation ended in order, 1 the server failed, 2 the command line makes no sense.

Examples:
  mcpwire bridge -- npx -y @modelcontextprotocol/server-everything
  mcpwire bridge https://tools.example/mcp --header @secrets/headers
  mcpwire bridge --listen http://127.0.0.1:8080/mcp -- my-server
  mcpwire bridge --listen tcp://127.0.0.1:7000 --listen unix:/run/x.sock -- my-server`,
    )
    .action(async (_url: string | undefined, options: Options) => {
      const { listen, verbose = false, maxMessageBytes, closeTimeoutMs } = options
      const target = context.targetOf(command.args)
      const server = { ...endpointOptions(target, options), maxMessageBytes, closeTimeoutMs }
      if (!listen) {
        refuseListenFlags(command, options)
        context.finish(await bridge(target, { ...server, verbose }))
        return
      }
      const settings = { ...listenOptions(listen, options), server, verbose }
      // Loaded here: a bridge for one starts sooner without it.
      const { listenBridge } = await import('../listen.js')
      context.finish(await listenBridge(target, settings))
    })
}

function more(url: string, before: readonly string[] = []): readonly string[] {
  return [...before, url]
}

function refuseListenFlags(command: Command, flags: ListenFlags): void {
  const given = (option: keyof ListenFlags): unknown => {
    return command.getOptionValueSource(option) === 'default' ? undefined : flags[option]
  }
  refuseGiven(
    {
      '--max-connections': given('maxConnections'),
      '--drain-ms': given('drainMs'),
      '--allow-remote': given('allowRemote'),
      '--allow-origin': given('allowOrigin'),
      '--listen-cert': given('listenCert'),
      '--listen-key': given('listenKey'),
      '--listen-ca': given('listenCa'),
    },
    'needs --listen',
  )
}

function listenOptions(
  urls: readonly string[],
  { maxConnections, drainMs, allowRemote = false, allowOrigin, ...flags }: ListenFlags,
): Omit<ListenBridgeOptions, 'server' | 'verbose'> {
  const { listenCert, listenKey, listenCa } = flags
  if (!allowRemote) {
    const why = 'needs --allow-remote: without it only pages of this host are admitted'
    refuseGiven({ '--allow-origin': allowOrigin }, why)
  }
  if (!urls.some(isSecure)) {
    refuseGiven(
      { '--listen-cert': listenCert, '--listen-key': listenKey, '--listen-ca': listenCa },
      'needs a --listen at a URL of tcps://, wss:// or https:// that shows it',
    )
  }
  return {
    urls,
    maxConnections,
    drainMs,
    allowRemote,
    allowOrigins: allowOrigin ?? [],
    tls: { certFile: listenCert, keyFile: listenKey, caFile: listenCa },
  }
}
