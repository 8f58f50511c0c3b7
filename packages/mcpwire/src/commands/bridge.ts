import { byteBudgetDefaults } from '@mcpwire/core'
import { byteStreamDefaults } from '@mcpwire/core/node'
import { type Command, Option } from 'commander'
import {
  type AccessFlags,
  accessFlags,
  addAccessOptions,
  checkAccess,
  refuseAllowRemote,
} from '../access-flags.js'
import { bridge } from '../bridge.js'
import {
  addServerOptions,
  append,
  endpointOptions,
  number,
  refuseGiven,
  requireBoth,
  type ServerOptions,
} from '../command-options.js'
import { checkEndpoint, isHttp, isSecure, isTcp } from '../endpoint.js'
import type { ListenBridgeOptions } from '../listen.js'
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel, startLogging } from '../log-lines.js'
import { type CommandContext, UsageError } from '../program.js'

/**
 * Half of the default of the transports: a host kills the bridge 2 s or less after it ended the input, and the server
 * must have ended by then.
 */
const CLOSE_TIMEOUT_MS = 1_000

/** Each client may cost a process. */
const MAX_CONNECTIONS = 100
const PING_INTERVAL_MS = 15_000
/** The default of HTTP listeners, which are loaded only to listen. */
const SESSION_IDLE_MS = 1_800_000
const DRAIN_MS = 5_000
/** A package runner may download the server first. */
const START_TIMEOUT_MS = 30_000

interface Options extends ServerOptions, ListenFlags {
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  readonly drainMs: number
  readonly maxTotalBytes: number
  readonly pingIntervalMs: number
  readonly startTimeoutMs: number
  readonly logFormat: LogFormat
  readonly logLevel: LogLevel
  readonly verbose?: boolean
}

interface ListenFlags extends AccessFlags {
  readonly listen?: readonly string[]
  readonly maxConnections: number
  readonly sessionIdleMs: number
  readonly allowRemote?: boolean
  readonly listenCert?: string
  readonly listenKey?: string
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
      'how long requests in flight may take after the input has ended, or during shutdown',
      number(0, Infinity),
      DRAIN_MS,
    )
    .option(
      '--start-timeout-ms <n>',
      'how long the server may take until its first message after the input has ended',
      number(0, Infinity),
      START_TIMEOUT_MS,
    )
    .option(
      '--session-idle-ms <n>',
      'how long a session over HTTP may have no open stream and no request in flight',
      number(1, Infinity),
      SESSION_IDLE_MS,
    )
    .option(
      '--max-total-bytes <n>',
      'most bytes that all connections hold together: unfinished input, queued output and waiting messages',
      number(1_024, Infinity),
      byteBudgetDefaults.maxTotalBytes,
    )
    .option(
      '--ping-interval-ms <n>',
      'how long a client or a server over TCP may be silent while a message to it is in flight, before a ping',
      number(1, Infinity),
      PING_INTERVAL_MS,
    )
    .option('--listen-cert <file>', 'server certificate for tcps://, wss:// and https://, in PEM')
    .option('--listen-key <file>', 'private key of the server certificate, in PEM')
    .option('--listen-ca <file>', 'authorities that must have issued the certificates of clients, in PEM')
  addAccessOptions(command)
  command
    .addOption(
      new Option('--log-format <format>', 'format of log lines').choices(LOG_FORMATS).default('text'),
    )
    .addOption(new Option('--log-level <level>', 'lowest level to log').choices(LOG_LEVELS).default('info'))
    .option('--verbose', 'log the start and the traffic of each server: the same as --log-level debug')
    .addHelpText(
      'after',
      `
Messages use standard input and output. Logs go to standard error.
With --listen, each client gets its own server, until SIGTERM or SIGINT.
Requests that are pending when the server ends receive error -31002 with the reason.
The server inherits safe variables only: pass others with --env or --env-file.
Exit code: 0 orderly end, 1 the server failed, 2 invalid usage.

Examples:
  mcpwire bridge -- npx -y @modelcontextprotocol/server-everything
  mcpwire bridge https://tools.example/mcp --header @secrets/headers
  mcpwire bridge --listen http://127.0.0.1:8080/mcp -- my-server
  mcpwire bridge --listen tcp://127.0.0.1:7000 --listen unix:/run/x.sock -- my-server
  mcpwire bridge --listen tcp://0.0.0.0:7000 --api-key-file keys -- my-server`,
    )
    .action(async (_url: string | undefined, options: Options) => {
      refuseAllowRemote(options)
      const { listen, maxMessageBytes, closeTimeoutMs, drainMs, maxTotalBytes, startTimeoutMs } = options
      const { pingIntervalMs, logFormat } = options
      const target = context.targetOf(command.args)
      const logLevel = options.verbose ? 'debug' : options.logLevel
      const verbose = logLevel === 'debug'
      const server = {
        ...endpointOptions(target, options),
        maxMessageBytes,
        closeTimeoutMs,
        pingIntervalMs,
        // Raw output of a server would not be JSON, and would not name its client.
        ...(typeof target !== 'string' && (listen || logFormat === 'json') && { stderr: 'pipe' as const }),
      }
      if (![target, ...(listen ?? [])].some((each) => typeof each === 'string' && isTcp(each))) {
        const why = 'requires a tcp:// or tcps:// URL'
        refuseGiven({ '--ping-interval-ms': given(command, options, 'pingIntervalMs') }, why)
      }
      startLogging(logFormat, logLevel)
      if (!listen) {
        refuseListenFlags(command, options)
        context.finish(await bridge(target, { ...server, drainMs, maxTotalBytes, startTimeoutMs, verbose }))
        return
      }
      refuseGiven(
        { '--start-timeout-ms': given(command, options, 'startTimeoutMs') },
        'has no effect with --listen',
      )
      const sessionIdleMs = given(command, options, 'sessionIdleMs')
      if (!listen.some(isHttp)) {
        const why = 'requires --listen with an http:// or https:// URL'
        refuseGiven({ '--session-idle-ms': sessionIdleMs }, why)
      }
      const settings = { ...listenOptions(listen, options), drainMs, maxTotalBytes, server, verbose }
      await checkEndpoint(target, server)
      // Loaded here: a bridge for standard input starts sooner without it.
      const { listenBridge } = await import('../listen.js')
      context.finish(await listenBridge(target, settings))
    })
}

/** The value of an option from the command line; `undefined` for a default. */
function given<O extends object>(command: Command, options: O, name: keyof O & string): unknown {
  return command.getOptionValueSource(name) === 'default' ? undefined : options[name]
}

function refuseListenFlags(command: Command, flags: ListenFlags): void {
  refuseGiven(
    {
      '--max-connections': given(command, flags, 'maxConnections'),
      '--session-idle-ms': given(command, flags, 'sessionIdleMs'),
      ...accessFlags(flags),
      '--listen-cert': flags.listenCert,
      '--listen-key': flags.listenKey,
      '--listen-ca': flags.listenCa,
    },
    'requires --listen',
  )
}

function listenOptions(
  urls: readonly string[],
  { maxConnections, sessionIdleMs, ...flags }: ListenFlags,
): Omit<ListenBridgeOptions, 'server' | 'verbose' | 'drainMs' | 'maxTotalBytes'> {
  const { listenCert, listenKey, listenCa } = flags
  const secureUrl = urls.find(isSecure)
  if (secureUrl === undefined) {
    refuseGiven(
      { '--listen-cert': listenCert, '--listen-key': listenKey, '--listen-ca': listenCa },
      'requires --listen with a tcps://, wss:// or https:// URL',
    )
  } else if (listenCert === undefined && listenKey === undefined)
    throw new UsageError(`--listen ${secureUrl} requires --listen-cert and --listen-key`)
  requireBoth({ '--listen-cert': listenCert, '--listen-key': listenKey })
  checkAccess(urls, flags)
  return {
    urls,
    maxConnections,
    sessionIdleMs,
    access: flags,
    tls: { certFile: listenCert, keyFile: listenKey, caFile: listenCa },
  }
}
