import type { Readable, Writable } from 'node:stream'
import { notWritable, type Sink, type Traffic, toJson, tooLargeToSend } from '../authoring.js'
import {
  type Clock,
  type Flow,
  isRequest,
  type JsonRpcMessage,
  type MessageContext,
  type Peer,
  TransportError,
} from '../index.js'
import { encodeCloseReason } from './close-reason.js'
import { type CoalescingWriter, createCoalescingWriter } from './coalescing-writer.js'
import { Inbound, type InboundHandlers, type InboundOptions } from './inbound.js'

/** A stream in each direction. A `Duplex`, such as a socket, is both. */
export interface ByteStreams {
  readonly readable: Readable
  readonly writable: Writable
}

/** What conversations over streams need to know, which may be the same for many. */
export interface StreamLifeOptions extends InboundOptions {
  readonly maxQueuedBytes: number
  readonly closeTimeoutMs: number
  readonly clock: Clock
  /** Waited for once the peer has ended its side, before ours is ended: to answer what it still asked for. */
  readonly beforeEnd?: (() => Promise<void>) | undefined
  /** Says in words what an error of the streams means, where the medium knows better than they do. */
  readonly describeError?: ((cause: Error) => string | undefined) | undefined
  /** What to look at where the peer ended the conversation without a word, having been asked something. */
  readonly emptyResponseHint?: string | undefined
  /**
   * Whether the readable is only paused in the end, not destroyed. For a standard input, whose number would go to
   * the next file that is opened.
   */
  readonly keepInputOpen?: boolean | undefined
}

/**
 * `open`: both ways. `answering`: the peer has ended its side, and what it still asked for is answered.
 * `finishing`: what was taken is on its way, and no more is taken. `over`: nothing.
 */
type Stage = 'open' | 'answering' | 'finishing' | 'over'

/** Whose conversation a stream carries, in either direction. So the listeners on streams are the same for all. */
const READER = Symbol('reader')
const WRITER = Symbol('writer')

type Carrier<S> = S & { [READER]?: StreamLife; [WRITER]?: StreamLife }

/**
 * One conversation over streams: reads, writes, and listens for everything that ends it, of which it tells once.
 * Everything a connection needs while it is idle is here, and little else.
 */
export class StreamLife implements Traffic, Flow, InboundHandlers {
  readonly #readable: Carrier<Readable>
  readonly #writable: Carrier<Writable>
  readonly #peer: Peer
  readonly #sink: Sink
  readonly #options: StreamLifeOptions
  readonly #inbound: Inbound
  readonly #writer: CoalescingWriter
  #stage: Stage = 'open'
  #brokenBy: Error | undefined
  /** Why this end is ending it, where the peer did something wrong. */
  #abandonedFor: Error | undefined
  /** That something was asked before anything was heard. */
  #isAsking = false
  #patience: Disposable | undefined

  constructor({ readable, writable }: ByteStreams, sink: Sink, options: StreamLifeOptions, peer: Peer) {
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

  send(message: JsonRpcMessage): Promise<void> {
    const text = toJson(message)
    const { maxMessageBytes } = this.#options
    // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts need no second look.
    if (text.length * 3 > maxMessageBytes) requireSendable(text, maxMessageBytes)
    const isSendable = this.#stage === 'answering' || (this.#stage === 'open' && this.#brokenBy === undefined)
    if (!isSendable) return Promise.reject(notWritable(this.address, this.#brokenBy))
    this.#inbound.sent(message)
    if (this.#inbound.bytesReceived === 0) this.#isAsking ||= isRequest(message)
    return this.#writer.write(`${text}\n`)
  }

  /**
   * Ends it for what the peer did. The peer is told, lest that looks like an orderly end, and heard until it hangs up
   * too, for at most `closeTimeoutMs`: a socket that is closed on unread bytes may take the words back.
   */
  abandon(reason: Error): void {
    this.#inbound.stop()
    const { writable } = this.#writable
    if (this.#stage !== 'open' || this.#brokenBy || !writable) {
      this.over(reason)
      return
    }
    const { clock, closeTimeoutMs } = this.#options
    this.#stage = 'finishing'
    this.#abandonedFor = reason
    this.#patience = clock.deadline(closeTimeoutMs, () => this.over())
    this.#writable.once('finish', () => this.#overOnceBothEnded())
    this.#writer.finish(encodeCloseReason(reason, this.address))
    this.#readable.resume()
  }

  /** Ends it without a farewell: what was not sent yet is dropped. */
  over(reason: Error | undefined = this.#abandonedFor): void {
    if (this.#stage === 'over') return
    this.#stage = 'over'
    this.#release()
    this.#sink.end(reason)
  }

  /**
   * Ends it from this side: what was taken is sent, if that is done in time, and why where that is no orderly end.
   * Does not tell the sink of the end.
   */
  async close(reason?: Error): Promise<void> {
    const last =
      this.#stage === 'open' && !this.#brokenBy && reason
        ? encodeCloseReason(reason, this.address)
        : undefined
    this.#stage = 'over'
    this.#inbound.stop()
    // The end is ours now, and would keep this to itself.
    if (this.#abandonedFor) this.#sink.error(this.#abandonedFor)
    await this.#ended(last)
    this.#release()
  }

  heard(chunk: Uint8Array): void {
    this.#inbound.push(chunk)
  }

  /** The peer is done: what it said last is heard, what waits for it is sent, and that is all. */
  inputEnded(): void {
    if (this.#abandonedFor) this.#overOnceBothEnded()
    if (this.#stage !== 'open') return
    this.#inbound.end()
    // The last line may have ended it.
    if (!this.#isOpen()) return
    if (this.#isAsking && this.#inbound.bytesReceived === 0) {
      const { emptyResponseHint = '' } = this.#options
      this.#lost(`lost ${this.address}: it ended the conversation without an answer${emptyResponseHint}`)
      return
    }
    this.#stage = 'answering'
    const answered = this.#options.beforeEnd?.()
    if (answered) void answered.then(() => this.#finish())
    else this.#finish()
  }

  inputFailed(cause: Error): void {
    const { describeError } = this.#options
    this.#lost(`lost ${this.address}: ${describeError?.(cause) ?? cause.message}`, cause)
  }

  /** Nothing can be sent any more, but what the peer said before may still be on its way. */
  outputFailed(cause: Error): void {
    if (this.#stage === 'answering' || this.#stage === 'finishing') this.#overUnsent(cause)
    if (this.#stage === 'over' || this.#brokenBy) return
    const { clock, closeTimeoutMs } = this.#options
    this.#brokenBy = cause
    this.#writer.stop()
    this.#patience = clock.deadline(closeTimeoutMs, () => this.inputFailed(cause))
  }

  inputClosed(): void {
    // Of two streams, the one that was read to its end closes before the other is done.
    if (!this.#isOneStream && (this.#stage === 'answering' || this.#stage === 'finishing')) return
    this.#lost(`${this.address} closed the connection without ending it`)
  }

  get #isOneStream(): boolean {
    return Object.is(this.#readable, this.#writable)
  }

  #isOpen(): boolean {
    return this.#stage === 'open'
  }

  #overOnceBothEnded(): void {
    if (this.#readable.readableEnded && this.#writable.writableFinished) this.over()
  }

  /** It ends without all having been sent: in order where the peer, which is done, has only hung up as well. */
  #overUnsent(cause: Error | undefined): void {
    const { address } = this
    if (!cause || isHangUp(cause)) this.over()
    else
      this.over(new TransportError('PEER_LOST', `lost ${address}: ${cause.message}`, { address }, { cause }))
  }

  /** An end that comes while we are ending is the one we wait for. */
  #lost(why: string, cause?: Error): void {
    const { address } = this
    const reason = new TransportError('PEER_LOST', why, { address }, { cause })
    this.over(this.#stage === 'finishing' ? undefined : reason)
  }

  #finish(): void {
    if (this.#stage !== 'answering') return
    const { clock, closeTimeoutMs } = this.#options
    if (this.#brokenBy || this.#writable.destroyed) {
      this.#overUnsent(this.#brokenBy)
      return
    }
    this.#stage = 'finishing'
    this.#writable.once('finish', () => this.over())
    this.#patience = clock.deadline(closeTimeoutMs, () => this.over())
    this.#writer.finish()
  }

  #listen(): void {
    const readable = this.#readable
    const writable = this.#writable
    readable[READER] = this
    // The error listeners stay for good: an emitter without one takes the process down.
    readable.on('end', onend).on('close', onclose).on('error', onerror)
    if (!this.#isOneStream) {
      writable[WRITER] = this
      writable.on('error', onwriteerror)
    }
    if (readable.readableEnded) queueMicrotask(() => this.inputEnded())
    else if (readable.destroyed) queueMicrotask(() => this.inputClosed())
    readable.on('data', ondata)
    // A socket accepted with `pauseOnConnect` does not flow by listening alone.
    readable.resume()
  }

  #release(): void {
    const readable = this.#readable
    this.#patience?.[Symbol.dispose]()
    this.#inbound.stop()
    this.#writer.stop()
    readable.off('data', ondata).off('end', onend).off('close', onclose)
    if (this.#options.keepInputOpen) readable.pause()
    else readable.destroy()
    this.#writable.destroy()
  }

  /** Ends the output, and the input where it is ours to end; what does not close in time is destroyed. */
  #ended(last: string | undefined): Promise<void> {
    const { clock, closeTimeoutMs, keepInputOpen } = this.#options
    const readable = this.#readable
    const writable = this.#writable
    const streams = new Set<Readable | Writable>(keepInputOpen ? [writable] : [readable, writable])
    return new Promise((resolve) => {
      const late = clock.deadline(closeTimeoutMs, () => {
        for (const stream of streams) stream.destroy()
      })
      for (const stream of [...streams]) {
        const closed = (): void => {
          streams.delete(stream)
          if (streams.size > 0) return
          late[Symbol.dispose]()
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
  this[READER]?.heard(chunk)
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

const HANG_UPS: readonly unknown[] = ['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'ERR_STREAM_DESTROYED']

function isHangUp({ code }: Error & { readonly code?: unknown }): boolean {
  return HANG_UPS.includes(code)
}
