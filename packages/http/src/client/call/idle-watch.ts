import { type Clock, TransportError } from '@mcpwire/core'
import type { Inflow } from './pause-state.js'

/** A stream from which something should be heard now and then. */
export interface WatchedStream {
  /** When anything was last heard from it, by the clock. */
  readonly heardAtMs: number
  /** It was silent for too long. */
  readonly idle: () => void
}

/** Watches all streams of one client with one deadline, and with none while there is no stream. */
export class IdleWatch {
  readonly timeoutMs: number
  readonly #clock: Clock
  readonly #inflow: Inflow | undefined
  readonly #streams: Set<WatchedStream> = new Set()
  readonly #fresh: Set<WatchedStream> = new Set()
  #check: Disposable | undefined

  /** What is held back is not silent; without an inflow nothing of it is wanted, and so none held back. */
  constructor(clock: Clock, timeoutMs: number, inflow?: Inflow) {
    this.#clock = clock
    this.#inflow = inflow
    this.timeoutMs = timeoutMs
  }

  add(stream: WatchedStream): void {
    if (this.#fresh.size === 0) queueMicrotask(() => this.#begin())
    this.#fresh.add(stream)
  }

  delete(stream: WatchedStream): void {
    if (this.#fresh.delete(stream) || !this.#streams.delete(stream) || this.#streams.size > 0) return
    this.#check?.[Symbol.dispose]()
    this.#check = undefined
  }

  /** Watches nothing any more. */
  stop(): void {
    this.#fresh.clear()
    this.#streams.clear()
    this.#check?.[Symbol.dispose]()
    this.#check = undefined
  }

  /** Most streams are over by now: what answers a request often comes in one piece. */
  #begin(): void {
    if (this.#fresh.size === 0) return
    for (const stream of this.#fresh) this.#streams.add(stream)
    this.#fresh.clear()
    this.#check ??= this.#clock.deadline(this.timeoutMs, () => this.#look())
  }

  /** The error for a stream that was silent. */
  silence(address: string): TransportError {
    const message = `${address} sent nothing of an answer for ${this.timeoutMs} ms (streamIdleTimeoutMs)`
    return new TransportError('PEER_LOST', message, { address })
  }

  #look(): void {
    this.#check = undefined
    const heldAtMs = this.#inflow?.heldAtMs ?? -Infinity
    let earliest = Infinity
    for (const stream of [...this.#streams]) {
      const leftMs = Math.max(stream.heardAtMs, heldAtMs) + this.timeoutMs - this.#clock.now()
      if (leftMs > 0) earliest = Math.min(earliest, leftMs)
      else {
        this.#streams.delete(stream)
        stream.idle()
      }
    }
    if (this.#streams.size > 0) this.#check ??= this.#clock.deadline(earliest, () => this.#look())
  }
}
