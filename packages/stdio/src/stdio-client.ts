import {
  type Channel,
  type Clock,
  type Connector,
  createTransport,
  invalidOption,
  requireInRange,
  requireInteger,
  requireOneOf,
  requireText,
  resolveOptions,
  type Sink,
  type Transport,
  TransportError,
} from '@mcpwire/core'
import { type ByteStreamOptions, byteStreamDefaults, duplexChannel } from '@mcpwire/core/node'
import { type Child, type Command, type Exit, startChild } from './child-process.js'
import { childEnvironment, type Environment, type Inheritance } from './environment.js'
import { noiseReporter } from './noise.js'
import { shutDown } from './shutdown.js'
import { createStderrReader, type StderrOption, type StderrReader } from './stderr.js'

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
  onnoise?: ((text: string) => void) | undefined
}

export const stdioClientDefaults: {
  readonly args: readonly string[]
  readonly env: Environment
  readonly inherit: 'safe'
  readonly stderr: 'inherit'
} & typeof byteStreamDefaults = {
  args: [],
  env: {},
  inherit: 'safe',
  stderr: 'inherit',
  ...byteStreamDefaults,
}

/** A transport over a child process. `stderr` and `pid` are those of the MCP SDKs' own stdio transports. */
export interface StdioClientTransport extends Transport {
  /** The child's standard error, where `stderr: 'pipe'` asked for it; there before `start()`. */
  readonly stderr: import('node:stream').Readable | null
  /** The child, once it runs. */
  readonly pid: number | null
}

/**
 * A transport to an MCP server that it runs as a child process. Starts nothing until `start()`.
 *
 * `close()` ends the child's input, asks its whole process group to end by SIGTERM after half of `closeTimeoutMs`,
 * and by SIGKILL after three quarters. When the child ends first, `closed` settles with `PROCESS_EXITED` unless its
 * exit code is 0.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2025-11-25, Transports: stdio; MCP 2026-07-28, Transports: stdio
 */
export function stdioClient(options: StdioClientOptions): StdioClientTransport {
  const settings = resolveOptions(stdioClientDefaults, options)
  validate(settings)
  const stderr = createStderrReader(settings.stderr)
  let pid: number | null = null
  const connector: Connector = {
    process: {
      stderr: stderr.stream,
      get pid() {
        return pid
      },
    },
    connect: async (sink, signal) => {
      const address = `stdio:${settings.command}`
      const child = await startChild(commandOf(settings), address, signal)
      pid = child.pid
      return childChannel(child, stderr, sink, { ...settings, address })
    },
  }
  return createTransport(connector, settings) as StdioClientTransport
}

type Settings = ReturnType<typeof resolveOptions<typeof stdioClientDefaults, StdioClientOptions>>

function validate(settings: Settings): void {
  requireText('command', settings.command)
  const { args } = settings
  if (!Array.isArray(args) || args.some((arg) => typeof arg !== 'string'))
    invalidOption('args', args, 'strings')
  if (settings.cwd !== undefined) requireText('cwd', settings.cwd)
  requireOneOf('inherit', settings.inherit, ['safe', 'all', 'none'])
  requireOneOf('stderr', settings.stderr, ['inherit', 'pipe', 'ignore'])
  requireInteger('maxMessageBytes', settings.maxMessageBytes, 1024, Infinity)
  requireInteger('maxQueuedBytes', settings.maxQueuedBytes, 1024, Infinity)
  requireInRange('closeTimeoutMs', settings.closeTimeoutMs, 0, Infinity)
}

function commandOf({ command, args, cwd, env, inherit }: Settings): Command {
  return { command, args, cwd, env: childEnvironment(inherit, env, process.env, process.platform) }
}

interface ChildChannelOptions extends Settings {
  readonly address: string
  readonly clock: Clock
}

function childChannel(child: Child, stderr: StderrReader, sink: Sink, options: ChildChannelOptions): Channel {
  const { address, clock, closeTimeoutMs } = options
  let isClosing = false
  let isOver = false
  stderr.attach(child.stderr)

  /** The conversation is over from the other side: the tree goes, and then it is known why. */
  async function childIsDone(lost?: Error): Promise<void> {
    if (isClosing || isOver) return
    isOver = true
    child.stdin.destroy()
    await shutDown(child, closeTimeoutMs, clock)
    const exit = await Promise.race([child.exited, undefined])
    letGo()
    sink.end(exit ? exitReason(exit, address, stderr.tail(), lost) : lost)
  }

  function letGo(): void {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
    stderr.end()
  }

  const channel = duplexChannel(
    { readable: child.stdout, writable: child.stdin },
    { ...sink, end: (reason) => void childIsDone(reason) },
    {
      ...options,
      peer: Object.freeze({ medium: 'stdio', address, pid: child.pid }),
      oversize: 'skip',
      maxMalformedInARow: Infinity,
      noise: noiseReporter(address, sink, options.onnoise),
    },
  )

  // A grandchild may hold the pipe open: what the child itself wrote is there by now, so nothing more is due.
  child.exited.then(async () => {
    await endedOrQuiet(child, clock)
    await childIsDone()
  })

  return {
    ...channel,
    close: async () => {
      isClosing = true
      await Promise.all([channel.close(), shutDown(child, closeTimeoutMs, clock)])
      letGo()
    },
  }
}

/** How long the rest of a dead child's output may take to arrive. */
const LAST_WORDS_MS = 50

function endedOrQuiet(child: Child, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    if (child.stdout.readableEnded || child.stdout.destroyed) {
      resolve()
      return
    }
    const quiet = clock.deadline(LAST_WORDS_MS, resolve)
    child.stdout.on('data', () => quiet.reset(LAST_WORDS_MS))
    child.stdout.once('close', () => {
      quiet[Symbol.dispose]()
      resolve()
    })
  })
}

function exitReason(exit: Exit, address: string, stderrTail: string, lost?: Error): Error | undefined {
  const { exitCode, signal } = exit
  if (exitCode === 0 && !lost) return undefined
  const how = signal ? `was ended by ${signal}` : `exited with code ${exitCode}`
  const lastLine = stderrTail.trim().split('\n').at(-1) ?? ''
  const message = `${address} ${how}${lastLine === '' ? '' : `: ${lastLine}`}`
  return new TransportError('PROCESS_EXITED', message, { exitCode, signal, stderrTail }, { cause: lost })
}
