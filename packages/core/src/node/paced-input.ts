/*
 * The input of one connection, paced so that others have their turn:
 *
 *   reading ──share used──▶ yielding ──next turn of the event loop──▶ reading
 *      │  ▲                     │
 *      │  └──────resume()───────┤
 *      └──────────pause()───────┴──▶ paused by the consumer
 *
 * The stream is paused in all states but `reading`. The part of a chunk that is not processed yet is kept meanwhile, and
 * so is the end of the stream: Node reports it for a paused stream, too.
 */
import type { Readable } from 'node:stream'
import timers from 'node:timers'
import type { Clock } from '../index.js'
import { leaveTurns, TurnShare, takeTurn } from './turn-share.js'

/** The receiver of the input. */
export interface InputHandlers {
  /** The next bytes. */
  input(bytes: Uint8Array): void
  /** The input has ended, after its last bytes. */
  inputEnded(): void
}

/** The next part of a chunk, in bytes. Parts end with a line where possible, so that no line is copied. */
const PART_BYTES = 16_384
/** A chunk of this size is processed without a look at the clock: more data would have made it larger. */
const SMALL_BYTES = 1_024
const LINE_FEED = 0x0a

/** Passes on the input of a stream, and gives the event loop back when its share of the turn is used. */
export class PacedInput {
  readonly #readable: Readable
  readonly #handlers: InputHandlers
  readonly #clock: Clock
  /** Created for the first chunk that is not small. */
  #share: TurnShare | undefined
  #rest: Uint8Array | undefined
  #isPaused = false
  #isYielding = false
  #isEnded = false
  #isStopped = false

  constructor(readable: Readable, handlers: InputHandlers, clock: Clock) {
    this.#readable = readable
    this.#handlers = handlers
    this.#clock = clock
  }

  /** Whether the consumer has paused the input. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Whether the end of the stream waits until the consumer has taken the rest. */
  get isEndPending(): boolean {
    return this.#isEnded && this.#rest !== undefined
  }

  pause(): void {
    this.#isPaused = true
    this.#readable.pause()
  }

  resume(): void {
    this.#isPaused = false
    if (this.#isYielding) return
    if (this.#rest) this.#yield()
    else this.#readable.resume()
  }

  chunk(chunk: Uint8Array): void {
    if (this.#isStopped) return
    if (this.#rest) this.flush()
    if (chunk.length >= SMALL_BYTES) {
      this.#process(chunk)
      return
    }
    takeTurn(this)
    this.#handlers.input(chunk)
  }

  end(): void {
    this.#isEnded = true
    if (!this.#rest) this.#handlers.inputEnded()
  }

  /** Passes on the rest at once, because the stream has failed. */
  flush(): void {
    const rest = this.#rest
    if (!rest) return
    this.#rest = undefined
    this.#handlers.input(rest)
    if (this.#isEnded) this.#handlers.inputEnded()
  }

  /** Drops the rest. The stream is left to its owner. */
  stop(): void {
    this.#isStopped = true
    this.#rest = undefined
    leaveTurns(this)
  }

  #process(chunk: Uint8Array): void {
    this.#share ??= new TurnShare(this)
    const share = this.#share
    let start = 0
    let since = this.#clock.now()
    while (start < chunk.length && !this.#isStopped) {
      const end = partEnd(chunk, start)
      this.#handlers.input(end - start === chunk.length ? chunk : chunk.subarray(start, end))
      const now = this.#clock.now()
      const isUsed = share.spend(now - since, end - start)
      since = now
      start = end
      if (!isUsed && !this.#isPaused) continue
      if (start < chunk.length && !this.#isStopped) this.#rest = chunk.subarray(start)
      if (isUsed) this.#yield()
      return
    }
  }

  #yield(): void {
    if (this.#isStopped) return
    this.#isYielding = true
    this.#readable.pause()
    timers.setImmediate(continueReading, this)
  }

  continue(): void {
    this.#isYielding = false
    if (this.#isStopped || this.#isPaused) return
    const rest = this.#rest
    this.#rest = undefined
    if (rest) this.#process(rest)
    if (this.#isYielding || this.#isPaused || this.#isStopped) return
    if (this.#isEnded) this.#handlers.inputEnded()
    else this.#readable.resume()
  }
}

function continueReading(input: PacedInput): void {
  input.continue()
}

/** The end of the next part: behind the last line that fits, or behind the first one. */
function partEnd(chunk: Uint8Array, start: number): number {
  if (chunk.length - start <= PART_BYTES) return chunk.length
  const last = chunk.lastIndexOf(LINE_FEED, start + PART_BYTES)
  if (last >= start) return last + 1
  const first = chunk.indexOf(LINE_FEED, start + PART_BYTES)
  return first === -1 ? chunk.length : first + 1
}
