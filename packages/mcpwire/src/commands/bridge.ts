import { byteStreamDefaults } from '@mcpwire/core/node'
import type { Command } from 'commander'
import { bridge } from '../bridge.js'
import {
  addServerOptions,
  endpointOptions,
  number,
  refuseGiven,
  requireBoth,
  type ServerOptions,
} from '../command-options.js'
import { isSecure } from '../endpoint.js'
import type { ListenBridgeOptions } from '../listen.js'
import { type CommandContext, UsageError } from '../program.js'

/**
 * Half of the default of the transports: a host kills the bridge 2 s or less after it ended the input, and the server
 * must have ended by then.
 */
const CLOSE_TIMEOUT_MS = 1_000

/** Each client may cost a process. */
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
      'longest message in either direction, in bytes',
      number(1, Infinity),
      byteStreamDefaults.maxMessageBytes,
    )
    .option(
      '--close-timeout-ms <n>',
      'how long the server may take to end: SIGTERM after half of it, SIGKILL after three quarters',
      number(0, Infinity),
      CLOSE_TIMEOUT_MS,
    )
    .option(
      '--listen <url>',
      'listen for connections at this URL instead of standard input; repeatable',
      append,
    )
    .option(
      '--max-connections <n>',
      'most clients at a time, each with its own server',
      number(1, Infinity),
      MAX_CONNECTIONS,
    )
    .option(
      '--drain-ms <n>',
      'how long requests in flight may take during shutdown',
      number(0, Infinity),
      DRAIN_MS,
    )
    .option('--allow-remote', 'admit any client on another host, but no pages of other origins')
    .option('--allow-origin <origin>', 'also admit pages of this origin; repeatable', append)
    .option('--listen-cert <file>', 'server certificate for tcps://, wss:// and https://, in PEM')
    .option('--listen-key <file>', 'private key of the server certificate, in PEM')
    .option('--listen-ca <file>', 'authorities that must have issued the certificates of clients, in PEM')
    .option('--verbose', 'also log the start and the traffic of each server')
    .addHelpText(
      'after',
      `
Messages use standard input and output. Logs go to standard error.
With --listen, each client gets its own server, until SIGTERM or SIGINT.
Requests that are pending when the server ends receive error -31002.
Exit code: 0 orderly end, 1 the server failed, 2 invalid usage.

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
      // Loaded here: a bridge for standard input starts sooner without it.
      const { listenBridge } = await import('../listen.js')
      context.finish(await listenBridge(target, settings))
    })
}

function append(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
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
    'requires --listen',
  )
}

function listenOptions(
  urls: readonly string[],
  { maxConnections, drainMs, allowRemote = false, allowOrigin, ...flags }: ListenFlags,
): Omit<ListenBridgeOptions, 'server' | 'verbose'> {
  const { listenCert, listenKey, listenCa } = flags
  if (!allowRemote) {
    const why = 'requires --allow-remote: without it only pages of this host are admitted'
    refuseGiven({ '--allow-origin': allowOrigin }, why)
  }
  const secureUrl = urls.find(isSecure)
  if (secureUrl === undefined) {
    refuseGiven(
      { '--listen-cert': listenCert, '--listen-key': listenKey, '--listen-ca': listenCa },
      'requires --listen with a tcps://, wss:// or https:// URL',
    )
  } else if (listenCert === undefined && listenKey === undefined)
    throw new UsageError(`--listen ${secureUrl} requires --listen-cert and --listen-key`)
  requireBoth({ '--listen-cert': listenCert, '--listen-key': listenKey })
  return {
    urls,
    maxConnections,
    drainMs,
    allowRemote,
    allowOrigins: allowOrigin ?? [],
    tls: { certFile: listenCert, keyFile: listenKey, caFile: listenCa },
  }
}
