import type { Readable } from 'node:stream'
import type { Transport } from '@mcpwire/core'
import {
  type Channel,
  type Connector,
  callback,
  createTransport,
  defaultsOf,
  invalidOption,
  type OptionDefaults,
  type OptionRule,
  type OptionSettings,
  oneOf,
  optional,
  options,
  rejectOption,
  rule,
  type Sink,
  text,
} from '@mcpwire/core/authoring'
import { type ByteStreamOptions, byteStreamOptions } from '@mcpwire/core/node'
import { childChannel } from './child-channel.js'
import { type Child, startChild, startError } from './child-process.js'
import { type Command, inspectCommand } from './command-check.js'
import {
  childEnvironment,
  type Environment,
  type Inheritance,
  requireEnvironment,
  withheldNames,
} from './environment.js'
import { restartAfterProbe } from './restart-after-probe.js'
import { createStderrRelay, type StderrOption } from './stderr.js'

/** Options of a client over the standard streams of a child process. */
export interface StdioClientOptions extends ByteStreamOptions {
  /** Program to run. It is searched for in the PATH of the child; no shell is involved. */
  command: string
  /**
   * Arguments of the program, passed on unchanged.
   * @defaultValue []
   */
  args?: readonly string[] | undefined
  /**
   * Environment variables of the child, on top of those it inherits. `undefined` removes a variable.
   * @defaultValue {}
   */
  env?: Environment | undefined
  /**
   * Environment variables that the child inherits. `safe` is paths, locale, proxies and certificates.
   * @defaultValue 'safe'
   */
  inherit?: Inheritance | undefined
  /**
   * Working directory of the child. Without it, that of this process.
   * @defaultValue undefined
   */
  cwd?: string | undefined
  /**
   * Destination of the child's standard error: that of this process, `transport.stderr`, or none. It is always read;
   * the error for a child that exits contains its last lines.
   * @defaultValue 'inherit'
   */
  stderr?: StderrOption | undefined
  /**
   * Callback for each line of the child's standard output that is not a message. It receives at most 4096 characters.
   * Without it the first ten lines are reported to `onerror`.
   * @defaultValue undefined
   */
  onStrayOutput?: ((text: string) => void) | undefined
  /**
   * Longest message to send or accept, in bytes. A longer one makes `send()` reject with `MESSAGE_TOO_LARGE`. From the
   * child it is reported with that code and skipped. Memory for partial input is at most twice this much.
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

/** Defaults of the options of `stdioClient`. */
export const stdioClientDefaults: OptionDefaults<StdioClientOptions, 'cwd' | 'onStrayOutput'> =
  /* @__PURE__ */ defaultsOf(table)

/** A transport over a child process. `stderr` and `pid` are those of the stdio transports of the MCP SDKs. */
export interface StdioClientTransport extends Transport {
  /** The child's standard error with `stderr: 'pipe'`, else `null`. Present before `start()`. */
  readonly stderr: Readable | null
  /** The process id of the child while it runs, else `null`. */
  readonly pid: number | null
}

/**
 * A transport to an MCP server that runs as a child process. Starts nothing until `start()`.
 *
 * - `close()` ends the child's input. It sends SIGTERM to the process group after half of `closeTimeoutMs`, and SIGKILL
 *   after three quarters.
 * - A child that exits first settles `closed` with `PROCESS_EXITED`, or without a reason for exit code 0.
 * - A child that fails during `close()` and never wrote a byte is reported to `onerror` with `PROCESS_EXITED`.
 * - A child that exits on `server/discover`, before any other message, is restarted once.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2025-11-25, Transports: stdio; MCP 2026-07-28, Transports: stdio
 *
 * @example
 * ```ts
 * const transport = stdioClient({ command: 'npx', args: ['@modelcontextprotocol/server-everything'] })
 * await client.connect(transport)
 * ```
 */
export function stdioClient(given: StdioClientOptions): StdioClientTransport {
  const settings = table.read(given)
  return createTransport(childConnector(settings), settings) as StdioClientTransport
}

/**
 * Checks that the program of `stdioClient` exists and can be executed, and so do its working directory and the
 * interpreter of a script. Starts nothing. On Windows it checks the working directory only.
 *
 * Rejects with `CONNECT_FAILED`, as `start()` would, or with `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * await checkCommand({ command: 'my-server', cwd: '/srv' })
 * ```
 */
export async function checkCommand(given: StdioClientOptions): Promise<void> {
  const settings = table.read(given)
  const fault = await inspectCommand(commandOf(settings))
  if (fault) throw startError(`stdio:${settings.command}`, fault)
}

type Settings = OptionSettings<StdioClientOptions, 'cwd' | 'onStrayOutput'>

/** A string that the system can pass to a process. */
function plainText(): OptionRule<string, undefined> {
  return rule((option, value) => {
    text().check(option, value)
    if (!isPlain(value)) invalidOption(option, value, 'a string without NUL')
  })
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' && !value.includes('\0')
}

/** A connector that starts a new child for each connection. */
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
      const command = commandOf(settings)
      running = await startChild(command, address, signal)
      lastPid = running.pid
      return childChannel(running, sink, {
        ...settings,
        peer,
        onStderr: relay.push,
        withheld: withheldNames(command.env, process.env),
        inspectCommand: () => inspectCommand(command),
      })
    },
  })
  const onended = (): void => {
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
      return connectWithCleanup(onended, children, sink, signal)
    },
  }
}

/** Connects, and calls `onended` once no child is left. */
async function connectWithCleanup(
  onended: () => void,
  { connect }: Connector,
  sink: Sink,
  signal: AbortSignal,
): Promise<Channel> {
  const end = (reason?: Error): void => {
    onended()
    sink.end(reason)
  }
  try {
    const channel = await connect({ ...sink, end }, signal)
    const close = (reason?: Error): Promise<void> => channel.close(reason).finally(onended)
    return { ...channel, close }
  } catch (error) {
    onended()
    throw error
  }
}

function commandOf({ command, args, cwd, env, inherit }: Settings): Command {
  return { command, args, cwd, env: childEnvironment(inherit, env, process.env, process.platform) }
}
