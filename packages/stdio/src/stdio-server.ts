import type { Readable, Writable } from 'node:stream'
import {
  backgroundClock,
  type Channel,
  type Clock,
  createTransport,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type RequestId,
  requireInRange,
  requireInteger,
  resolveOptions,
  type Sink,
  systemClock,
  type Transport,
  TransportError,
} from '@mcpwire/core'
import { type ByteStreamOptions, byteStreamDefaults, duplexChannel } from '@mcpwire/core/node'
import { outputOnto } from './own-stdout.js'
import { watchParent } from './parent-watch.js'

/** Options of this process as a server over its own standard streams. */
export interface StdioServerOptions extends ByteStreamOptions {
  /**
   * How long requests that are being answered when the input ends may take to finish, in milliseconds.
   * @defaultValue 0
   */
  drainMs?: number | undefined
  /**
   * Whether the process ends once the conversation has, even when timers or sockets would keep it alive. Its exit
   * code is `process.exitCode`, or 0.
   * @defaultValue true
   */
  exitOnClose?: boolean | undefined
  /**
   * How long the process may take to end by itself, in milliseconds, before `exitOnClose` ends it.
   * @defaultValue 500
   */
  exitGraceMs?: number | undefined
  /**
   * How often to look whether the process that started this one still lives, in milliseconds. `Infinity` never.
   * @defaultValue 1_000
   */
  parentCheckMs?: number | undefined
  /**
   * Where messages come from; this process's standard input without it.
   * @defaultValue undefined
   */
  stdin?: Readable | undefined
  /**
   * Where messages go; this process's standard output without it.
   * @defaultValue undefined
   */
  stdout?: Writable | undefined
}

export const stdioServerDefaults: {
  readonly drainMs: 0
  readonly exitOnClose: true
  readonly exitGraceMs: 500
  readonly parentCheckMs: 1_000
} & typeof byteStreamDefaults = {
  drainMs: 0,
  exitOnClose: true,
  exitGraceMs: 500,
  parentCheckMs: 1_000,
  ...byteStreamDefaults,
}

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
export function stdioServer(options: StdioServerOptions = {}): Transport {
  const settings = resolveOptions(stdioServerDefaults, options)
  requireInteger('maxMessageBytes', settings.maxMessageBytes, 1024, Infinity)
  requireInteger('maxQueuedBytes', settings.maxQueuedBytes, 1024, Infinity)
  requireInRange('closeTimeoutMs', settings.closeTimeoutMs, 0, Infinity)
  requireInRange('drainMs', settings.drainMs, 0, Infinity)
  requireInRange('exitGraceMs', settings.exitGraceMs, 0, Infinity)
  requireInRange('parentCheckMs', settings.parentCheckMs, 1, Infinity)
  const transport = createTransport(
    { connectsOnce: true, connect: async (sink) => ownChannel(sink, settings) },
    settings,
  )
  if (settings.exitOnClose) void transport.closed.then(() => exitSoon(settings))
  return transport
}

type Settings = ReturnType<typeof resolveOptions<typeof stdioServerDefaults, StdioServerOptions>>

const CANCELLED_METHOD = 'notifications/cancelled'

/** The same clock for tests; the background one of the machine otherwise, since a mere watch keeps nothing alive. */
function backgroundOf({ clock }: Settings): Clock {
  return clock === systemClock ? backgroundClock : clock
}

function exitSoon(settings: Settings): void {
  backgroundOf(settings).deadline(settings.exitGraceMs, () => process.exit())
}

function ownChannel(sink: Sink, settings: Settings): Channel {
  const inFlight = requestsInFlight(settings)
  const peer = Object.freeze({ medium: 'stdio', address: 'stdio:host', pid: process.ppid })
  const channel = duplexChannel(
    { readable: settings.stdin ?? process.stdin, writable: outputOnto(settings.stdout ?? process.stdout) },
    {
      ...sink,
      message: (message, context) => {
        inFlight.received(message)
        sink.message(message, context)
      },
      end: (reason) => {
        watch[Symbol.dispose]()
        sink.end(reason)
      },
    },
    {
      ...settings,
      peer,
      keepsInput: true,
      maxMalformedInARow: Infinity,
      oversize: 'skip',
      beforeEnd: inFlight.answered,
    },
  )
  const watch = watchParent(
    async () => {
      const reason = new TransportError('PEER_LOST', 'the process that started this one is gone', peer)
      await channel.close(reason)
      sink.end(reason)
    },
    settings.parentCheckMs,
    backgroundOf(settings),
  )
  return {
    ...channel,
    send: (message, options) => {
      inFlight.sent(message)
      return channel.send(message, options)
    },
    close: (reason) => {
      watch[Symbol.dispose]()
      return channel.close(reason)
    },
  }
}

interface RequestsInFlight {
  received(message: JsonRpcMessage): void
  sent(message: JsonRpcMessage): void
  /** Resolves when every request was answered, at the latest after `drainMs`. */
  answered(): Promise<void>
}

function requestsInFlight({ drainMs, clock }: Settings): RequestsInFlight {
  const unanswered = new Set<RequestId>()
  let tell: (() => void) | undefined
  function settle(id: RequestId | undefined): void {
    if (id !== undefined && unanswered.delete(id) && unanswered.size === 0) tell?.()
  }
  return {
    received: (message) => {
      if (drainMs === 0) return
      if (isRequest(message)) unanswered.add(message.id)
      // What is cancelled need not be answered (MCP, Cancellation).
      else if ('method' in message && message.method === CANCELLED_METHOD) {
        settle(message.params?.['requestId'] as RequestId | undefined)
      }
    },
    sent: (message) => {
      if (isResponse(message)) settle(message.id)
    },
    answered: () =>
      new Promise((resolve) => {
        if (unanswered.size === 0) {
          resolve()
          return
        }
        const late = clock.deadline(drainMs, resolve)
        tell = () => {
          late[Symbol.dispose]()
          resolve()
        }
      }),
  }
}
