/*
 * A channel over byte streams: one JSON-RPC message a line. `DuplexConnection` is its state machine.
 *
 *   open ──peer ends──▶ halfClosed ──beforeEnd, finish──▶ finishing ──flushed or timed out──▶ closed
 *   open ──abandon(): the peer broke a rule──────────────▶ finishing
 *   any  ──error, unexpected close, close()──────────────▶ closed
 *
 * In `halfClosed` responses can still be sent. In `finishing` only queued bytes are flushed, within `closeTimeoutMs`.
 * On its way in, a chunk passes ondata → Inbound (line decoder, message reader) → sink.message. On its way out, a
 * message passes send() → CoalescingWriter → stream. `sink.end` is called once, unless `close()` came first.
 */
import type { Duplex, Readable, Writable } from 'node:stream'
import timers from 'node:timers'
import type { Channel, Sink, Traffic } from '../authoring.js'
import { notWritable, toError, toJson, tooLargeToSend } from '../authoring.js'
import type { Clock, ErrorAdvice, Flow, JsonRpcMessage, MessageContext, Peer } from '../index.js'
import { isRequest, TransportError } from '../index.js'
import { encodeCloseReason } from './close-reason.js'
import { type CoalescingWriter, createCoalescingWriter } from './coalescing-writer.js'
import { Inbound, type InboundHandlers, type InboundOptions } from './inbound.js'
import type { ErrorDescription } from './system-errors.js'

/** One stream for each direction. A `Duplex`, such as a socket, is both. */
export interface ByteStreams {
  readonly readable: Readable
  readonly writable: Writable
}

/** Options that the channels of one factory share. */
export interface SharedChannelOptions extends InboundOptions {
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly clock: Clock
  /** Delays the end of this side after the peer has ended its own, so that pending responses are sent first. */
  readonly beforeEnd?: (() => Promise<void>) | undefined
  /** Describes an error of the streams. Its message is used where this returns nothing. */
  readonly describeError?: ((cause: Error) => ErrorDescription | undefined) | undefined
  /** Advice for the error of a peer that closes the connection without a response to a request. */
  readonly emptyResponseAdvice?: ErrorAdvice | undefined
  /**
   * Whether the readable is paused at the end instead of destroyed. For standard input, whose descriptor number would
   * be reused by the next opened file.
   */
  readonly keepInputOpen?: boolean | undefined
  /** Whether a failed write ends the connection. Otherwise messages are delivered for `closeTimeoutMs` more. */
  readonly endOnWriteError?: boolean | undefined
}

/** Options of one channel. */
export interface DuplexChannelOptions extends SharedChannelOptions {
  readonly peer: Peer
}

/**
 * Creates a channel over a byte stream. A message is one line, as in the stdio transport of MCP and as 2026-07-28
 * requires for other byte streams. Takes over both streams and destroys them at the end.
 *
 * @example
 * ```ts
 * createTransport({
 *   connect: async (sink, signal) => duplexChannel(await open(signal), sink, { ...byteStreamDefaults, peer }),
 * })
 * ```
 */
export function duplexChannel(
  streams: Duplex | ByteStreams,
  sink: Sink,
  options: DuplexChannelOptions,
): Channel {
  return createDuplexChannel(streams, sink, options, options.peer)
}

/** The same for a listener, whose connections share one object of options. */
export function createDuplexChannel(
  streams: Duplex | ByteStreams,
  sink: Sink,
  options: SharedChannelOptions,
  peer: Peer,
): Channel {
  const connection = new DuplexConnection(streamsOf(streams), sink, options, peer)
  return {
    peer,
    traffic: connection,
    flow: connection,
    send: (message) => connection.send(message),
    close: (reason) => connection.close(reason),
  }
}

function streamsOf(streams: Duplex | ByteStreams): ByteStreams {
  const { readable, writable } = streams
  if (typeof readable === 'object' && typeof writable === 'object') return { readable, writable }
  return { readable: streams as Duplex, writable: streams as Duplex }
}

type State = 'open' | 'halfClosed' | 'finishing' | 'closed'

/** The connection of a stream, by direction. The listeners on streams are then the same functions for all. */
const READER = Symbol('reader')
const WRITER = Symbol('writer')

type Carrier<S> = S & { [READER]?: DuplexConnection; [WRITER]?: DuplexConnection }

// One object for each connection, in every role that its parts require: an idle connection stays small.
class DuplexConnection implements Traffic, Flow, InboundHandlers {
  readonly #readable: Carrier<Readable>
  readonly #writable: Carrier<Writable>
  readonly #peer: Peer
  readonly #sink: Sink
  readonly #options: SharedChannelOptions
  readonly #inbound: Inbound
  readonly #writer: CoalescingWriter
  #state: State = 'open'
  #writeError: Error | undefined
  /** Why this end closes the connection, where the peer broke a rule. */
  #abandonReason: Error | undefined
  /** Whether a request was sent before the first byte arrived. */
  #hasSentRequest = false
  #timer: Disposable | undefined

  constructor({ readable, writable }: ByteStreams, sink: Sink, options: SharedChannelOptions, peer: Peer) {
    this.#peer = peer
    this.#readable = readable
    this.#writable = writable
    this.#sink = sink
    this.#options = options
    this.#inbound = new Inbound(this, options, peer)
    this.#writer = createCoalescingWriter(writable, this)
    this.#listen()
  }

  get address(): string {
    return this.#peer.address
  }

  get maxQueuedBytes(): number {
    return this.#options.maxQueuedBytes
  }

  get bytesSent(): number {
    return this.#writer.bytesWritten
  }

  get bytesReceived(): number {
    return this.#inbound.bytesReceived
  }

  pause(): void {
    this.#readable.pause()
  }

  resume(): void {
    this.#readable.resume()
  }

  message(message: JsonRpcMessage, context: MessageContext | undefined): void {
    this.#sink.message(message, context)
  }

  error(error: Error): void {
    this.#sink.error(error)
  }

  respond(text: string): void {
    if (this.#isSendable()) this.#writer.write(`${text}\n`).catch((error) => this.#sink.error(toError(error)))
  }

  send(message: JsonRpcMessage): Promise<void> {
    const text = toJson(message)
    const { maxMessageBytes } = this.#options
    // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts fit without counting.
    if (text.length * 3 > maxMessageBytes) requireSendable(text, maxMessageBytes)
    if (!this.#isSendable()) return Promise.reject(notWritable(this.address, this.#writeError))
    this.#inbound.sent(message)
    if (this.#inbound.bytesReceived === 0) this.#hasSentRequest ||= isRequest(message)
    return this.#writer.write(`${text}\n`)
  }

  /**
   * Closes the connection because the peer broke a rule. Sends the reason, then drains the input until the peer closes
   * too, for at most `closeTimeoutMs`: closing a socket with unread bytes may discard the sent reason.
   */
  abandon(reason: Error): void {
    this.#inbound.stop()
    const { writable } = this.#writable
    if (this.#state !== 'open' || this.#writeError || !writable) {
      this.end(reason)
      return
    }
    this.#state = 'finishing'
    this.#abandonReason = reason
    this.#startTimer(() => this.end())
    this.#writable.once('finish', () => this.#endWhenBothEnded())
    this.#writer.finish(encodeCloseReason(reason, this.address))
    this.#readable.resume()
  }

  /** Ends the connection at once, without a close reason for the peer. Unsent messages are dropped. */
  end(reason: Error | undefined = this.#abandonReason): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#release()
    this.#sink.end(reason)
  }

  /**
   * Closes the connection from this side: flushes the queue within `closeTimeoutMs`, and sends the reason unless the
   * end is orderly. Does not call `sink.end`.
   */
  async close(reason?: Error): Promise<void> {
    const last =
      this.#state === 'open' && !this.#writeError && reason
        ? encodeCloseReason(reason, this.address)
        : undefined
    this.#state = 'closed'
    this.#inbound.stop()
    // `sink.end` is not called after `close()`, so that the reason would be lost.
    if (this.#abandonReason) this.#sink.error(this.#abandonReason)
    await this.#endStreams(last)
    this.#release()
  }

  received(chunk: Uint8Array): void {
    this.#inbound.push(chunk)
  }

  /** The peer has ended its side: delivers the last line, then sends pending responses and ends this side. */
  inputEnded(): void {
    if (this.#abandonReason) this.#endWhenBothEnded()
    if (this.#state !== 'open') return
    this.#inbound.end()
    // The last line may have ended the connection.
    if (!this.#isOpen()) return
    if (this.#hasSentRequest && this.#inbound.bytesReceived === 0) {
      this.#endLost({
        reason: 'the connection closed without a response',
        ...this.#options.emptyResponseAdvice,
      })
      return
    }
    this.#state = 'halfClosed'
    const drained = this.#options.beforeEnd?.()
    if (drained) void drained.then(() => this.#finish())
    else this.#finish()
  }

  inputFailed(cause: Error): void {
    this.#endLost(this.#options.describeError?.(cause) ?? { reason: cause.message }, cause)
  }

  /** Nothing can be sent any more, but earlier messages of the peer may still arrive. */
  outputFailed(cause: Error): void {
    if (this.#state === 'halfClosed' || this.#state === 'finishing') this.#endUnsent(cause)
    if (this.#state === 'closed' || this.#writeError) return
    this.#writeError = cause
    this.#writer.stop()
    if (this.#options.endOnWriteError) this.inputFailed(cause)
    else this.#startTimer(() => this.inputFailed(cause))
  }

  inputClosed(): void {
    // Of two streams, the fully read one closes before the other is finished.
    if (!this.#isOneStream && (this.#state === 'halfClosed' || this.#state === 'finishing')) return
    this.#endLost({ reason: 'the connection closed before the end of the stream' })
  }

  get #isOneStream(): boolean {
    return Object.is(this.#readable, this.#writable)
  }

  #isSendable(): boolean {
    return this.#state === 'halfClosed' || (this.#state === 'open' && this.#writeError === undefined)
  }

  #isOpen(): boolean {
    return this.#state === 'open'
  }

  #endWhenBothEnded(): void {
    if (this.#readable.readableEnded && this.#writable.writableFinished) this.end()
  }

  /** Ends with unsent bytes: orderly where the peer, which has ended its side, has only disconnected. */
  #endUnsent(cause: Error | undefined): void {
    this.end(cause && !isDisconnect(cause) ? this.#lost({ reason: cause.message }, cause) : undefined)
  }

  /** Ends with `PEER_LOST`; in `finishing` it is the expected end. */
  #endLost(description: ErrorDescription, cause?: Error): void {
    this.end(this.#state === 'finishing' ? undefined : this.#lost(description, cause))
  }

  #lost({ reason, ...advice }: ErrorDescription, cause: Error | undefined): TransportError {
    const { address } = this
    return new TransportError('PEER_LOST', `lost ${address}: ${reason}`, { address, ...advice }, { cause })
  }

  #finish(): void {
    if (this.#state !== 'halfClosed') return
    if (this.#writeError || this.#writable.destroyed) {
      this.#endUnsent(this.#writeError)
      return
    }
    this.#state = 'finishing'
    // In a later turn: the sends that the finished stream has accepted resolve first.
    this.#writable.once('finish', () => void timers.setImmediate(() => this.end()))
    this.#startTimer(() => this.end())
    this.#writer.finish()
  }

  #startTimer(expired: () => void): void {
    const { clock, closeTimeoutMs } = this.#options
    this.#timer = clock.deadline(closeTimeoutMs, expired)
  }

  #listen(): void {
    const readable = this.#readable
    const writable = this.#writable
    readable[READER] = this
    // The error listeners are never removed: an emitter without one takes the process down.
    readable.on('end', onend).on('close', onclose).on('error', onerror)
    if (!this.#isOneStream) {
      writable[WRITER] = this
      writable.on('error', onwriteerror)
    }
    if (readable.readableEnded) queueMicrotask(() => this.inputEnded())
    else if (readable.destroyed) queueMicrotask(() => this.inputClosed())
    readable.on('data', ondata)
    // A data listener alone does not start a socket accepted with `pauseOnConnect`.
    readable.resume()
  }

  #release(): void {
    const readable = this.#readable
    this.#timer?.[Symbol.dispose]()
    this.#inbound.stop()
    this.#writer.stop()
    readable.off('data', ondata).off('end', onend).off('close', onclose)
    if (this.#options.keepInputOpen) readable.pause()
    else readable.destroy()
    this.#writable.destroy()
  }

  /** Ends the streams that this connection owns, and destroys those that do not close within `closeTimeoutMs`. */
  #endStreams(last: string | undefined): Promise<void> {
    const { clock, closeTimeoutMs, keepInputOpen } = this.#options
    const readable = this.#readable
    const writable = this.#writable
    const streams = new Set<Readable | Writable>(keepInputOpen ? [writable] : [readable, writable])
    return new Promise((resolve) => {
      const timer = clock.deadline(closeTimeoutMs, () => {
        for (const stream of streams) stream.destroy()
      })
      for (const stream of [...streams]) {
        const closed = (): void => {
          streams.delete(stream)
          if (streams.size > 0) return
          timer[Symbol.dispose]()
          resolve()
        }
        if (stream.closed) queueMicrotask(closed)
        else stream.once('close', closed)
      }
      this.#writer.finish(last)
      if (!keepInputOpen) readable.resume()
    })
  }
}

function ondata(this: Carrier<Readable>, chunk: Uint8Array): void {
  this[READER]?.received(chunk)
}

function onend(this: Carrier<Readable>): void {
  this[READER]?.inputEnded()
}

function onerror(this: Carrier<Readable>, cause: Error): void {
  this[READER]?.inputFailed(cause)
}

function onclose(this: Carrier<Readable>): void {
  this[READER]?.inputClosed()
}

function onwriteerror(this: Carrier<Writable>, cause: Error): void {
  this[WRITER]?.outputFailed(cause)
}

function requireSendable(text: string, maxMessageBytes: number): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxMessageBytes) throw tooLargeToSend(bytes, maxMessageBytes)
}

const DISCONNECT_CODES: readonly unknown[] = ['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'ERR_STREAM_DESTROYED']

function isDisconnect({ code }: Error & { readonly code?: unknown }): boolean {
  return DISCONNECT_CODES.includes(code)
}
