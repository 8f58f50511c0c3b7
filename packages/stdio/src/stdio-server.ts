import type { Readable, Writable } from 'node:stream'
import { type Clock, systemClock, type Transport, TransportError } from '@mcpwire/core'
import {
  backgroundClock,
  boolean,
  type Channel,
  createTransport,
  defaultsOf,
  inRange,
  type OptionDefaults,
  type OptionSettings,
  objectWith,
  optional,
  options,
  type Sink,
  toOwnErrorResponse,
} from '@mcpwire/core/authoring'
import {
  type ByteStreamOptions,
  type ByteStreams,
  byteStreamOptions,
  duplexChannel,
} from '@mcpwire/core/node'
import { isGuarded, sharedOutput } from './guard-stdout.js'
import { watchParent } from './parent-watch.js'
import { trackPendingResponses } from './pending-responses.js'

// The life of a server over the standard streams of this process:
//
//   open ── input ends ──▶ draining: up to `drainMs` for pending responses, then errors ──▶ ended: sink.end(reason)
//     │ ─── output fails ───────────────────────────────────────────────────▶ ended
//     │ ─── parent exits: close the channel ────────────────────────────────▶ ended (PEER_LOST)
//     └──── close() ────────────────────────────────────────────────────────▶ closed
//
// At the end the parent watch stops. The process exits after `exitGraceMs` if `exitOnClose` is set, or by default if
// the input is that of this process. Standard input and output themselves stay open.

/** Options of a server over the standard streams of this process. */
export interface StdioServerOptions extends ByteStreamOptions {
  /**
   * Time that pending requests get after the end of input to send their responses, in milliseconds. Later, each of them
   * is answered with error −31006 (`OUTCOME_UNKNOWN`).
   * @defaultValue 5_000
   */
  drainMs?: number | undefined
  /**
   * Whether the process exits after the end of the conversation, in spite of timers or sockets. The exit code is
   * `process.exitCode`, or 0. Without it, `true` unless `stdin` is another stream.
   * @defaultValue undefined
   */
  exitOnClose?: boolean | undefined
  /**
   * Time that the process gets to exit by itself, in milliseconds, before `exitOnClose` ends it.
   * @defaultValue 500
   */
  exitGraceMs?: number | undefined
  /**
   * Interval between checks that the parent process is alive, in milliseconds. `Infinity` disables them; so does
   * another stream as `stdin`.
   * @defaultValue 1_000
   */
  parentCheckMs?: number | undefined
  /**
   * Stream of incoming messages. Without it, the standard input of this process. Another stream is destroyed at the
   * end.
   * @defaultValue undefined
   */
  stdin?: Readable | undefined
  /**
   * Stream of outgoing messages. Without it, the standard output of this process. Another stream is ended at the end.
   * @defaultValue undefined
   */
  stdout?: Writable | undefined
  /**
   * Longest message to send or accept, in bytes. A longer one makes `send()` reject with `MESSAGE_TOO_LARGE`. From the
   * host it is reported with that code and skipped. Memory for partial input is at most twice this much.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
}

type OptionalMember = 'exitOnClose' | 'stdin' | 'stdout'

const table = options<StdioServerOptions, OptionalMember>({
  ...byteStreamOptions.rules,
  drainMs: inRange(0, Infinity, 5_000),
  exitGraceMs: inRange(0, Infinity, 500),
  parentCheckMs: inRange(1, Infinity, 1_000),
  exitOnClose: optional(boolean()),
  stdin: optional(objectWith<Readable>(['on', 'read', 'pause'], 'a readable stream')),
  stdout: optional(objectWith<Writable>(['on', 'write', 'end'], 'a writable stream')),
})

/** Defaults of the options of `stdioServer`. */
export const stdioServerDefaults: OptionDefaults<StdioServerOptions, OptionalMember> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * A transport for this process as an MCP server, over its standard input and output. Reads nothing until `start()`.
 *
 * - The end of input ends the conversation once pending requests are answered, and then the process. The exit of the
 *   parent process and a host that does not accept output end both at once.
 * - A write to a host that has exited does not end the process.
 * - Messages to a host that does not read are queued up to `maxQueuedBytes`. The event loop is not blocked.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2025-11-25, Transports: stdio; MCP 2026-07-28, Transports: stdio
 *
 * @example
 * ```ts
 * await server.connect(stdioServer())
 * ```
 */
export function stdioServer(given: StdioServerOptions = {}): Transport {
  const settings = table.read(given)
  return createTransport(
    { connectsOnce: true, connect: async (sink) => servingChannel(sink, settings) },
    settings,
  )
}

type Settings = OptionSettings<StdioServerOptions, OptionalMember>

function servingChannel(sink: Sink, settings: Settings): Channel {
  const { stdin, clock, drainMs, exitOnClose, exitGraceMs, parentCheckMs } = settings
  const isOwnInput = stdin === undefined || stdin === process.stdin
  // The timers of the watch and of the exit must not keep the process alive.
  const background: Clock = clock === systemClock ? backgroundClock : clock
  const pending = trackPendingResponses(drainMs, clock)
  const peer = Object.freeze({ medium: 'stdio', address: 'stdio:host', pid: process.ppid })

  function onended(): void {
    parentWatch?.[Symbol.dispose]()
    if (exitOnClose ?? isOwnInput) background.deadline(exitGraceMs, () => process.exit())
  }

  function end(reason?: Error): void {
    onended()
    sink.end(reason)
  }

  const channel = duplexChannel(
    streamsOf(settings),
    {
      ...sink,
      end,
      message: (message, context) => {
        pending.received(message)
        sink.message(message, context)
      },
    },
    {
      ...settings,
      peer,
      keepInputOpen: isOwnInput,
      oversize: 'skip',
      invalidUtf8: 'replace',
      beforeEnd: drained,
      endOnWriteError: true,
    },
  )

  /** The input has ended: waits for responses, then answers the rest with an error. */
  async function drained(): Promise<void> {
    await pending.settled()
    for (const [id, method] of pending.takeAll()) {
      const message = `no response to ${method} within drainMs (${drainMs} ms) after the end of input`
      const error = new TransportError('OUTCOME_UNKNOWN', message, { method, option: 'drainMs' })
      sink.error(error)
      channel.send(toOwnErrorResponse(id, error)).catch(ignore)
    }
  }

  const onparentexit = (): void => {
    const message = 'lost the host: the parent process has exited'
    const reason = new TransportError('PEER_LOST', message, { address: peer.address })
    void channel.close().then(() => end(reason))
  }
  const parentWatch = isOwnInput ? watchParent(onparentexit, parentCheckMs, background) : undefined

  return {
    ...channel,
    send: (message, options) => {
      pending.sent(message)
      return channel.send(message, options)
    },
    // Without the reason: a host could take the last line, about another transport, for a fault.
    close: () => channel.close().finally(onended),
  }
}

function streamsOf({ stdin = process.stdin, stdout = process.stdout }: Settings): ByteStreams {
  const isShared = stdout === process.stdout || isGuarded(stdout)
  return { readable: stdin, writable: isShared ? sharedOutput(stdout) : stdout }
}

/** The output has failed, which its error listener reports. */
function ignore(): void {}
