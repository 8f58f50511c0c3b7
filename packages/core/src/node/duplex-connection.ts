/*
 * A channel over byte streams: one JSON-RPC message a line. `DuplexConnection` is its state machine.
 *
 *   open ──peer ends──▶ halfClosed ──beforeEnd, finish──▶ finishing ──flushed or timed out──▶ closed
 *   open ──abandon(): the peer broke a rule──────────────▶ finishing
 *   any  ──error, unexpected close, close()──────────────▶ closed
 *
 * In `halfClosed` responses can still be sent. In `finishing` only queued bytes are flushed, within `closeTimeoutMs`.
 * On its way in, a chunk passes PacedInput → Inbound (line decoder, message reader) → sink.message. On its way out, a
 * message passes send() → CoalescingWriter → stream. `sink.end` is called once, unless `close()` came first.
 */
import timers from 'node:timers'
import type { Sink, Traffic } from '../authoring.js'
import { attempt, ignore, notWritable, toError, toJson, tooLargeToSend } from '../authoring.js'
import type { Flow, JsonRpcMessage, JsonRpcRequest, MessageContext, Peer } from '../index.js'
import { isRequest, TransportError } from '../index.js'
import { encodeCloseReason } from './close-reason.js'
import { type CoalescingWriter, createCoalescingWriter } from './coalescing-writer.js'
import { type AccountOwner, ConnectionAccounts, type HeldDirection } from './connection-accounts.js'
import type { ByteStreams, SharedChannelOptions } from './duplex-options.js'
import { Inbound, type InboundHandlers } from './inbound.js'
import { Liveness, type LivenessFacts, type LivenessTarget } from './liveness.js'
import type { DeadlineOwner } from './message-deadlines.js'
import { type InputHandlers, PacedInput } from './paced-input.js'
import { closeStreams, isDisconnect, listenTo, type StreamOwner, stopListening } from './stream-events.js'
import type { ErrorDescription } from './system-errors.js'

type State = 'open' | 'halfClosed' | 'finishing' | 'closed'

interface Roles
  extends Traffic,
    Flow,
    InboundHandlers,
    InputHandlers,
    StreamOwner,
    AccountOwner,
    DeadlineOwner,
    LivenessTarget {}

/** One object for each connection, in every role that its parts require: an idle connection stays small. */
export class DuplexConnection implements Roles {
  readonly #streams: ByteStreams
  readonly #peer: Peer
  readonly #sink: Sink
  readonly #options: SharedChannelOptions
  readonly #input: PacedInput
  readonly #inbound: Inbound
  readonly #writer: CoalescingWriter
  readonly #liveness: Liveness | undefined
  #state: State = 'open'
  #writeError: Error | undefined
  /** Why the connection ends once the output is flushed: the peer broke a rule, or ended within a message. */
  #reason: Error | undefined
  /** Whether a request was sent before the first byte arrived. */
  #hasSentRequest = false
  #timer: Disposable | undefined
  /** Created when the connection holds its first bytes. */
  #accounts: ConnectionAccounts | undefined

  constructor(streams: ByteStreams, sink: Sink, options: SharedChannelOptions, peer: Peer) {
    const { clock, pingIntervalMs = Infinity } = options
    this.#peer = peer
    this.#streams = streams
    this.#sink = sink
    this.#options = options
    this.#input = new PacedInput(streams.readable, this, clock)
    this.#inbound = new Inbound(this, options, peer)
    this.#writer = createCoalescingWriter(streams.writable, this)
    this.#liveness = pingIntervalMs === Infinity ? undefined : new Liveness(this, pingIntervalMs, clock)
    listenTo(streams, this)
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
    this.#input.pause()
    // The peer cannot complete its message now.
    this.#options.messageDeadlines?.complete(this)
  }

  resume(): void {
    if (this.#inbound.heldBytes > 0) this.#options.messageDeadlines?.begin(this)
    this.#input.resume()
  }

  message(message: JsonRpcMessage, context: MessageContext | undefined): void {
    if (!this.#liveness?.isPong(message)) this.#sink.message(message, context)
  }

  error(error: Error): void {
    this.#sink.error(error)
  }

  respond(text: string): void {
    if (!this.#isSendable()) return
    this.#liveness?.sent()
    attempt(() => this.#writer.write(`${text}\n`)).catch((error) => this.#sink.error(toError(error)))
  }

  send(message: JsonRpcMessage): Promise<void> {
    const text = toJson(message)
    const { maxMessageBytes } = this.#options
    // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts fit without counting.
    if (text.length * 3 > maxMessageBytes) requireSendable(text, maxMessageBytes)
    if (!this.#isSendable()) return Promise.reject(notWritable(this.address, this.#writeError))
    this.#inbound.sent(message)
    if (this.#inbound.bytesReceived === 0) this.#hasSentRequest ||= isRequest(message)
    this.#liveness?.sent()
    return this.#writer.write(`${text}\n`)
  }

  /**
   * Closes the connection because the peer broke a rule. Sends the reason, or the response in the protocol of the peer.
   * Then drains the input until the peer closes too, for at most `closeTimeoutMs`: closing a socket with unread bytes
   * may discard what was sent.
   */
  abandon(reason: Error, response: string | undefined = encodeCloseReason(reason, this.address)): void {
    const { readable, writable } = this.#streams
    this.#stopInput()
    if (this.#state !== 'open' || this.#writeError || !writable.writable) {
      this.end(reason)
      return
    }
    this.#state = 'finishing'
    this.#reason = reason
    this.#startTimer(() => this.end())
    writable.once('finish', () => this.#endWhenBothEnded())
    this.#writer.finish(response)
    readable.resume()
  }

  /** Ends the connection at once, without a close reason for the peer. Unsent messages are dropped. */
  end(reason: Error | undefined = this.#reason): void {
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
    this.#stopInput()
    // `sink.end` is not called after `close()`, so that the reason would be lost.
    if (this.#reason) this.#sink.error(this.#reason)
    const { keepInputOpen } = this.#options
    const { readable, writable } = this.#streams
    const end = (): void => {
      this.#writer.finish(last)
      if (!keepInputOpen) readable.resume()
    }
    await closeStreams(new Set(keepInputOpen ? [writable] : [readable, writable]), { ...this.#options, end })
    this.#release()
  }

  streamData(chunk: Uint8Array): void {
    this.#liveness?.received()
    this.#input.chunk(chunk)
  }

  input(bytes: Uint8Array): void {
    const inbound = this.#inbound
    const before = inbound.heldBytes
    inbound.push(bytes)
    const held = inbound.heldBytes
    if (before > 0 || held > 0) this.#holdInput(held, before === 0 || held !== before + bytes.length)
  }

  streamEnded(): void {
    this.#input.end()
  }

  /** The peer has ended its side: delivers the last line, then sends pending responses and ends this side. */
  inputEnded(): void {
    if (this.#reason) this.#endWhenBothEnded()
    if (this.#state !== 'open') return
    const cutOff = this.#inbound.end()
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
    this.#reason = cutOff
    this.#stopInput()
    const drained = this.#options.beforeEnd?.(cutOff)
    if (drained) void drained.then(() => this.#finish())
    else this.#finish()
  }

  inputFailed(cause: Error): void {
    this.#input.flush()
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
    if (this.#input.isEndPending) return
    // Of two streams, the fully read one closes before the other is finished.
    if (!this.#isOneStream && (this.#state === 'halfClosed' || this.#state === 'finishing')) return
    this.#input.flush()
    this.#endLost({ reason: 'the connection closed before the end of the stream' })
  }

  /** Of unfinished input the peer gets the reason. Queued output is dropped: it was not read. */
  overloaded(error: TransportError<'OVERLOADED'>, direction: HeldDirection): void {
    if (direction === 'input') this.abandon(error)
    else this.end(error)
  }

  messageTimedOut(error: TransportError<'REFUSED'>): void {
    this.abandon(error)
  }

  outputHeld(bytes: number): void {
    const { budget } = this.#options
    if (!budget || this.#state === 'closed' || (bytes === 0 && !this.#accounts)) return
    this.#accounts ??= new ConnectionAccounts(budget, this)
    this.#accounts.holdOutput(bytes)
  }

  livenessFacts(): LivenessFacts {
    const { writable } = this.#streams as { readonly writable: ByteStreams['writable'] & SystemQueue }
    const queuedBytes = writable._handle?.writeQueueSize ?? writable.writableLength
    return {
      canPing: this.#state === 'open' && !this.#writeError && this.#inbound.isInSession,
      hasPendingRequests: this.#inbound.hasPendingRequests,
      isReading: !this.#input.isPaused,
      queuedBytes,
      acceptedBytes: this.#writer.bytesWritten - queuedBytes,
    }
  }

  sendPing(request: JsonRpcRequest): void {
    attempt(() => this.send(request)).catch(ignore)
  }

  peerLost(): void {
    const reason = `nothing was received within pingIntervalMs (${this.#options.pingIntervalMs} ms) of a ping`
    this.#endLost({ reason, option: 'pingIntervalMs' })
  }

  #holdInput(bytes: number, isAnotherMessage: boolean): void {
    const { budget, messageDeadlines } = this.#options
    if (messageDeadlines && this.#state === 'open') {
      if (bytes === 0) messageDeadlines.complete(this)
      else if (isAnotherMessage && !this.#input.isPaused) messageDeadlines.begin(this)
    }
    if (!budget) return
    this.#accounts ??= new ConnectionAccounts(budget, this)
    this.#accounts.holdInput(bytes)
  }

  get #isOneStream(): boolean {
    return Object.is(this.#streams.readable, this.#streams.writable)
  }

  #isSendable(): boolean {
    return this.#state === 'halfClosed' || (this.#state === 'open' && this.#writeError === undefined)
  }

  #isOpen(): boolean {
    return this.#state === 'open'
  }

  #endWhenBothEnded(): void {
    const { readable, writable } = this.#streams
    if (readable.readableEnded && writable.writableFinished) this.end()
  }

  /** Ends with unsent bytes: orderly where the peer, which has ended its side, has only disconnected. */
  #endUnsent(cause: Error | undefined): void {
    const lost = cause && !isDisconnect(cause) ? this.#lost({ reason: cause.message }, cause) : undefined
    this.end(this.#reason ?? lost)
  }

  /** Ends with `PEER_LOST`; in `finishing` it is the expected end. */
  #endLost(description: ErrorDescription, cause?: Error): void {
    this.end(this.#reason ?? (this.#state === 'finishing' ? undefined : this.#lost(description, cause)))
  }

  #lost({ reason, ...advice }: ErrorDescription, cause: Error | undefined): TransportError {
    const { address } = this
    return new TransportError('PEER_LOST', `lost ${address}: ${reason}`, { address, ...advice }, { cause })
  }

  #finish(): void {
    if (this.#state !== 'halfClosed') return
    const { writable } = this.#streams
    if (this.#writeError || writable.destroyed) {
      this.#endUnsent(this.#writeError)
      return
    }
    this.#state = 'finishing'
    // In a later turn: the sends that the finished stream has accepted resolve first.
    writable.once('finish', () => void timers.setImmediate(() => this.end()))
    this.#startTimer(() => this.end())
    this.#writer.finish()
  }

  #startTimer(expired: () => void): void {
    const { clock, closeTimeoutMs } = this.#options
    this.#timer = clock.deadline(closeTimeoutMs, expired)
  }

  /** Drops what is not delivered yet. */
  #stopInput(): void {
    this.#input.stop()
    this.#inbound.stop()
    this.#options.messageDeadlines?.delete(this)
    this.#accounts?.holdInput(0)
    this.#liveness?.stop()
  }

  #release(): void {
    const { readable, writable } = this.#streams
    this.#timer?.[Symbol.dispose]()
    this.#stopInput()
    this.#writer.stop()
    this.#accounts?.close()
    stopListening(this.#streams)
    if (this.#options.keepInputOpen) readable.pause()
    else readable.destroy()
    writable.destroy()
  }
}

/** The queue of a socket below its stream. Node reads it for its own socket timeouts; it is not documented. */
interface SystemQueue {
  readonly _handle?: { readonly writeQueueSize?: number } | null
}

function requireSendable(text: string, maxMessageBytes: number): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxMessageBytes) throw tooLargeToSend(bytes, maxMessageBytes)
}
