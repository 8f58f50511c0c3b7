import type { Readable, Writable } from 'node:stream'
import { type Clock, systemClock, type Transport, TransportError } from '@mcpwire/core'
import {
  backgroundClock,
  boolean,
  type Channel,
  createTransport,
  inRange,
  type OptionDefaults,
  type OptionSettings,
  objectWith,
  optional,
  options,
  type Sink,
} from '@mcpwire/core/authoring'
import {
  type ByteStreamOptions,
  type ByteStreams,
  byteStreamOptions,
  duplexChannel,
} from '@mcpwire/core/node'
import { isGuarded, outputOnto } from './own-stdout.js'
import { watchParent } from './parent-watch.js'
import { requestsDue } from './requests-due.js'

/** Options of this process as a server over its own standard streams. */
export interface StdioServerOptions extends ByteStreamOptions {
  /**
   * How long requests that are being answered when the input ends may take to finish, in milliseconds.
   * @defaultValue 0
   */
  drainMs?: number | undefined
  /**
   * Whether the process ends once the conversation has, even when timers or sockets would keep it alive. Its exit
   * code is `process.exitCode`, or 0. Without it, unless `stdin` is a stream that was given.
   * @defaultValue undefined
   */
  exitOnClose?: boolean | undefined
  /**
   * How long the process may take to end by itself, in milliseconds, before `exitOnClose` ends it.
   * @defaultValue 500
   */
  exitGraceMs?: number | undefined
  /**
   * How often to look whether the process that started this one still lives, in milliseconds. `Infinity` never;
   * neither where `stdin` is a stream that was given.
   * @defaultValue 1_000
   */
  parentCheckMs?: number | undefined
  /**
   * Where messages come from; this process's standard input without it. A stream that is given is destroyed in the
   * end, unless it is that one.
   * @defaultValue undefined
   */
  stdin?: Readable | undefined
  /**
   * Where messages go; this process's standard output without it. A stream that is given is ended in the end,
   * unless it is that one.
   * @defaultValue undefined
   */
  stdout?: Writable | undefined
  /**
   * Longest message sent or accepted, in bytes. One of ours that is longer rejects with `MESSAGE_TOO_LARGE`; one of
   * the host's is reported with it and skipped. Worst-case memory for what is not yet decoded is twice this much.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
}

type OptionalMember = 'exitOnClose' | 'stdin' | 'stdout'

const table = options<StdioServerOptions, OptionalMember>({
  ...byteStreamOptions.rules,
  drainMs: inRange(0, Infinity, 0),
  exitGraceMs: inRange(0, Infinity, 500),
  parentCheckMs: inRange(1, Infinity, 1_000),
  exitOnClose: optional(boolean()),
  stdin: optional(objectWith<Readable>(['on', 'read', 'pause'], 'a readable stream')),
  stdout: optional(objectWith<Writable>(['on', 'write', 'end'], 'a writable stream')),
})

/** What `stdioServer` uses for options that are not given. */
export const stdioServerDefaults: OptionDefaults<StdioServerOptions, OptionalMember> = table.defaults

/**
 * This process as an MCP server over its own standard input and output. Reads nothing until `start()`.
 *
 * The end of input ends the conversation and then the process, and so does the end of the process that started it.
 * Writing to a host that is gone never takes the process down. Messages written while the host does not read wait in
 * memory up to `maxQueuedBytes`; the event loop is not blocked.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2025-11-25, Transports: stdio; MCP 2026-07-28, Transports: stdio
 */
export function stdioServer(given: StdioServerOptions = {}): Transport {
  const settings = table.read(given)
  return createTransport(
    { connectsOnce: true, connect: async (sink) => servingChannel(sink, settings) },
    settings,
  )
}

type Settings = OptionSettings<StdioServerOptions, OptionalMember>

/** A channel over the streams, and what its end means for the process. */
function servingChannel(sink: Sink, settings: Settings): Channel {
  const { stdin, clock, drainMs, exitOnClose, exitGraceMs, parentCheckMs } = settings
  const isOwnInput = stdin === undefined || stdin === process.stdin
  // A mere watch keeps nothing alive.
  const background: Clock = clock === systemClock ? backgroundClock : clock
  const due = requestsDue(drainMs, clock)
  const peer = Object.freeze({ medium: 'stdio', address: 'stdio:host', pid: process.ppid })

  function over(): void {
    watch?.[Symbol.dispose]()
    if (exitOnClose ?? isOwnInput) background.deadline(exitGraceMs, () => process.exit())
  }

  function end(reason?: Error): void {
    over()
    sink.end(reason)
  }

  const channel = duplexChannel(
    streamsOf(settings),
    {
      ...sink,
      end,
      message: (message, context) => {
        due.received(message)
        sink.message(message, context)
      },
    },
    {
      ...settings,
      peer,
      keepInputOpen: isOwnInput,
      oversize: 'skip',
      beforeEnd: due.answered,
    },
  )

  const orphaned = (): void => {
    const { address } = peer
    const reason = new TransportError('PEER_LOST', 'the process that started this one is gone', { address })
    void channel.close().then(() => end(reason))
  }
  const watch = isOwnInput ? watchParent(orphaned, parentCheckMs, background) : undefined

  return {
    ...channel,
    send: (message, options) => {
      due.sent(message)
      return channel.send(message, options)
    },
    // Without the reason: what another transport says of it last, a host may take for a fault.
    close: () => channel.close().finally(over),
  }
}

function streamsOf({ stdin = process.stdin, stdout = process.stdout }: Settings): ByteStreams {
  const isOurs = stdout !== process.stdout && !isGuarded(stdout)
  return { readable: stdin, writable: isOurs ? stdout : outputOnto(stdout) }
}
