import type { Readable } from 'node:stream'
import type { Transport } from '@mcpwire/core'
import {
  type Channel,
  type Connector,
  callback,
  createTransport,
  invalidOption,
  type OptionDefaults,
  type OptionRule,
  type OptionSettings,
  oneOf,
  optional,
  options,
  rejectOption,
  requireText,
  rule,
  type Sink,
} from '@mcpwire/core/authoring'
import { type ByteStreamOptions, byteStreamOptions } from '@mcpwire/core/node'
import { childChannel } from './child-channel.js'
import { type Child, type Command, startChild } from './child-process.js'
import { childEnvironment, type Environment, type Inheritance, requireEnvironment } from './environment.js'
import { restartAfterProbe } from './restart-after-probe.js'
import { createStderrRelay, type StderrOption } from './stderr.js'

/** Options of a client over the standard streams of a child process. */
export interface StdioClientOptions extends ByteStreamOptions {
  /** The program to run. Searched for in the child's PATH; no shell reads it. */
  command: string
  /**
   * Its arguments, passed on as they are.
   * @defaultValue []
   */
  args?: readonly string[] | undefined
  /**
   * Variables for the child, over those it inherits. `undefined` removes one.
   * @defaultValue {}
   */
  env?: Environment | undefined
  /**
   * Which variables of this process the child gets: `safe` is paths, locale, proxies and certificates.
   * @defaultValue 'safe'
   */
  inherit?: Inheritance | undefined
  /**
   * The child's working directory; this process's without it.
   * @defaultValue undefined
   */
  cwd?: string | undefined
  /**
   * Where the child's standard error goes: to this process's, to `transport.stderr`, or nowhere. It is always read,
   * and its end is part of the error when the child ends.
   * @defaultValue 'inherit'
   */
  stderr?: StderrOption | undefined
  /**
   * Called with each line of the child's standard output that is no message, at most 4096 characters of it. Without
   * it the first ten are reported to `onerror`.
   * @defaultValue undefined
   */
  onStrayOutput?: ((text: string) => void) | undefined
  /**
   * Longest message sent or accepted, in bytes. One of ours that is longer rejects with `MESSAGE_TOO_LARGE`; one of
   * the child's is reported with it and skipped. Worst-case memory for what is not yet decoded is twice this much.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
}

const table = options<StdioClientOptions, 'cwd' | 'onStrayOutput'>({
  ...byteStreamOptions.rules,
  command: plainText(),
  args: rule<readonly string[], readonly string[]>((option, value) => {
    if (!Array.isArray(value) || value.some((arg) => !isPlain(arg)))
      rejectOption(option, 'an array of strings without NUL')
  }, []),
  cwd: optional(plainText()),
  env: rule<Environment, Environment>(requireEnvironment, {}),
  inherit: oneOf<'safe' | 'all' | 'none', 'safe'>(['safe', 'all', 'none'], 'safe'),
  stderr: oneOf<'inherit' | 'pipe' | 'ignore', 'inherit'>(['inherit', 'pipe', 'ignore'], 'inherit'),
  onStrayOutput: optional(callback()),
})

/** What `stdioClient` uses for options that are not given. */
export const stdioClientDefaults: OptionDefaults<StdioClientOptions, 'cwd' | 'onStrayOutput'> = table.defaults

/** A transport over a child process. `stderr` and `pid` are those of the MCP SDKs' own stdio transports. */
export interface StdioClientTransport extends Transport {
  /** The child's standard error, where `stderr: 'pipe'` asked for it; there before `start()`. */
  readonly stderr: Readable | null
  /** The child, while it runs. */
  readonly pid: number | null
}

/**
 * A transport to an MCP server that it runs as a child process. Starts nothing until `start()`.
 *
 * `close()` ends the child's input, asks its whole process group to end by SIGTERM after half of `closeTimeoutMs`,
 * and by SIGKILL after three quarters. When the child ends first, `closed` settles with `PROCESS_EXITED` unless its
 * exit code is 0; one that fails during `close()` without ever having said anything is reported to `onerror` with it.
 * A child that ends when it is asked `server/discover` first of all is started again, once.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2025-11-25, Transports: stdio; MCP 2026-07-28, Transports: stdio
 */
export function stdioClient(given: StdioClientOptions): StdioClientTransport {
  const settings = table.read(given)
  return createTransport(childConnector(settings), settings) as StdioClientTransport
}

type Settings = OptionSettings<StdioClientOptions, 'cwd' | 'onStrayOutput'>

function plainText(): OptionRule<string, undefined> {
  return rule((option, value) => {
    requireText(option, value)
    if (!isPlain(value)) invalidOption(option, value, 'a string without NUL')
  })
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' && !value.includes('\0')
}

/** Connects as often as wanted, each time to a new child. */
function childConnector(settings: Settings): Connector {
  const address = `stdio:${settings.command}`
  const relay = createStderrRelay(settings.stderr)
  let running: Child | undefined
  let lastPid = 0
  const peer = Object.freeze({
    medium: 'stdio',
    address,
    get pid() {
      return lastPid
    },
  })
  const children = restartAfterProbe({
    connect: async (sink, signal) => {
      running = await startChild(commandOf(settings), address, signal)
      lastPid = running.pid
      return childChannel(running, sink, { ...settings, peer, onstderr: relay.push })
    },
  })
  const over = (): void => {
    running = undefined
    relay.end()
  }
  return {
    process: {
      get stderr() {
        return relay.stream
      },
      get pid() {
        return running?.pid ?? null
      },
    },
    connect: (sink, signal) => {
      relay.open()
      return connectUntil(over, children, sink, signal)
    },
  }
}

/** Connects, and calls `over` once no child is left. */
async function connectUntil(
  over: () => void,
  { connect }: Connector,
  sink: Sink,
  signal: AbortSignal,
): Promise<Channel> {
  const end = (reason?: Error): void => {
    over()
    sink.end(reason)
  }
  try {
    const channel = await connect({ ...sink, end }, signal)
    const close = (reason?: Error): Promise<void> => channel.close(reason).finally(over)
    return { ...channel, close }
  } catch (error) {
    over()
    throw error
  }
}

function commandOf({ command, args, cwd, env, inherit }: Settings): Command {
  return { command, args, cwd, env: childEnvironment(inherit, env, process.env, process.platform) }
}
