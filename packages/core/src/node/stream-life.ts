import type { Readable, Writable } from 'node:stream'
import type { Clock, Peer } from '../index.js'
import { TransportError } from '../index.js'
import type { CoalescingWriter } from './coalescing-writer.js'
import type { Inbound } from './inbound.js'

/** The streams of a conversation, and what reads and writes them. */
export interface StreamParts {
  readonly readable: Readable
  readonly writable: Writable
  readonly inbound: Inbound
  readonly writer: CoalescingWriter
}

/** How a conversation over streams ends. */
export interface StreamLifeOptions {
  readonly peer: Peer
  readonly clock: Clock
  readonly closeTimeoutMs: number
  /** Waited for once the peer has ended its side, before ours is ended. */
  readonly beforeEnd?: (() => Promise<void>) | undefined
  /** Says in words what an error of the streams means, where the medium knows better than they do. */
  readonly explain?: ((cause: Error) => string | undefined) | undefined
  /** Whether the readable is only paused in the end. */
  readonly keepsInput?: boolean | undefined
}

/**
 * `open`: both ways. `answering`: the peer has ended its side, and what it still asked for is answered.
 * `finishing`: what was taken is on its way, and no more is taken. `over`: nothing.
 */
type Stage = 'open' | 'answering' | 'finishing' | 'over'

/** One conversation over streams: listens for everything that ends it, and calls `end` once. */
export class StreamLife {
  readonly #parts: StreamParts
  readonly #options: StreamLifeOptions
  readonly #end: (reason?: Error) => void
  readonly #isOneStream: boolean
  #stage: Stage = 'open'
  #brokenBy: Error | undefined
  #patience: Disposable | undefined

  constructor(parts: StreamParts, options: StreamLifeOptions, end: (reason?: Error) => void) {
    const { readable, writable } = parts
    this.#parts = parts
    this.#options = options
    this.#end = end
    this.#isOneStream = (writable as Writable | Readable) === readable
    // The error listeners stay for good: an emitter without one takes the process down.
    readable.on('end', this.#onend).on('close', this.#onclose).on('error', this.#onerror)
    if (!this.#isOneStream) writable.on('error', this.#onwriteerror)
    if (readable.readableEnded) queueMicrotask(this.#onend)
    else if (readable.destroyed) queueMicrotask(this.#onclose)
  }

  /** Why nothing can be sent any more, from when that is so. */
  get unsendable(): Error | undefined {
    if (this.#stage === 'open' && this.#brokenBy === undefined) return undefined
    if (this.#stage === 'answering') return undefined
    return gone(this.#options.peer.address, this.#brokenBy)
  }

  /** Ends it without a farewell: what was not sent yet is dropped. */
  over(reason?: Error): void {
    if (this.#stage === 'over') return
    this.#stage = 'over'
    this.#release()
    this.#end(reason)
  }

  /** Ends it from this side: what was taken is sent, if that is done in time. Does not call `end`. */
  async close(): Promise<void> {
    this.#stage = 'over'
    this.#parts.inbound.stop()
    await ended(this.#parts, this.#options)
    this.#release()
  }

  /** The peer is done: what it said last is heard, what waits for it is sent, and that is all. */
  readonly #onend = (): void => {
    if (this.#stage !== 'open') return
    this.#parts.inbound.end()
    // The last line may have ended it.
    if (this.#isOver()) return
    this.#stage = 'answering'
    const answered = this.#options.beforeEnd?.()
    if (answered) void answered.then(() => this.#finish())
    else this.#finish()
  }

  readonly #onerror = (cause: Error): void => {
    const { peer, explain } = this.#options
    const { address } = peer
    this.#lost(`lost ${address}: ${explain?.(cause) ?? cause.message}`, cause)
  }

  /** Nothing can be sent any more, but what the peer said before may still be on its way. */
  readonly #onwriteerror = (cause: Error): void => {
    if (this.#stage === 'answering' || this.#stage === 'finishing') this.over()
    if (this.#stage === 'over' || this.#brokenBy) return
    const { clock, closeTimeoutMs } = this.#options
    this.#brokenBy = cause
    this.#parts.writer.stop()
    this.#patience = clock.deadline(closeTimeoutMs, () => this.#onerror(cause))
  }

  readonly #onclose = (): void => {
    // Of two streams, the one that was read to its end closes before the other is done.
    if (!this.#isOneStream && (this.#stage === 'answering' || this.#stage === 'finishing')) return
    this.#lost(`${this.#options.peer.address} closed the connection without ending it`)
  }

  #isOver(): boolean {
    return this.#stage === 'over'
  }

  /** An end that comes while we are ending is the one we wait for. */
  #lost(why: string, cause?: Error): void {
    const { address } = this.#options.peer
    const reason = new TransportError('PEER_LOST', why, { address }, { cause })
    this.over(this.#stage === 'finishing' ? undefined : reason)
  }

  #finish(): void {
    if (this.#stage !== 'answering') return
    const { writable, writer } = this.#parts
    const { clock, closeTimeoutMs } = this.#options
    if (this.#brokenBy || writable.destroyed) {
      this.over()
      return
    }
    this.#stage = 'finishing'
    writable.once('finish', () => this.over())
    this.#patience = clock.deadline(closeTimeoutMs, () => this.over())
    writer.finish()
  }

  #release(): void {
    const { readable, writable, inbound, writer } = this.#parts
    this.#patience?.[Symbol.dispose]()
    inbound.stop()
    writer.stop()
    readable.off('data', inbound.push).off('end', this.#onend).off('close', this.#onclose)
    if (this.#options.keepsInput) readable.pause()
    else readable.destroy()
    writable.destroy()
  }
}

/** Ends the output, and the input where it is ours to end; what does not close in time is destroyed. */
function ended({ readable, writable, writer }: StreamParts, options: StreamLifeOptions): Promise<void> {
  const { clock, closeTimeoutMs, keepsInput } = options
  const streams = new Set<Readable | Writable>(keepsInput ? [writable] : [readable, writable])
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
    writer.finish()
    if (!keepsInput) readable.resume()
  })
}

function gone(address: string, cause: Error | undefined): Error {
  const message = `${address} takes no more messages`
  return new TransportError('SEND_FAILED', message, { delivery: 'none' }, { cause })
}
