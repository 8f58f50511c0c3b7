import timers from 'node:timers'
import type { Clock } from '@mcpwire/core'
import { leaveTurns, TurnShare } from '@mcpwire/core/node'
import type { RawData } from 'ws'

/** The socket of the messages. */
export interface MessageSource {
  stopReading(): void
  startReading(): void
  /** Handles one message. */
  deliver(data: RawData, isBinary: boolean): void
}

/** A shorter message is measured in samples only: a look at the clock costs more than the message. */
const SMALL_BYTES = 1_024
const SAMPLE = 16

/**
 * Delivers the messages of one WebSocket, and gives the event loop back when its share of the turn is used. The
 * library emits all messages of a chunk at once: those behind the limit wait here for the next turn.
 */
export class PacedMessages {
  readonly #source: MessageSource
  readonly #clock: Clock
  readonly #share = new TurnShare(this)
  #waiting: (readonly [data: RawData, isBinary: boolean])[] | undefined
  #waitingBytes = 0
  #smallMessages = 0
  #isPaused = false
  #isYielding = false

  constructor(source: MessageSource, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  /** The bytes of the messages that wait. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Whether the consumer has paused the messages. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  pause(): void {
    this.#isPaused = true
    this.#source.stopReading()
  }

  resume(): void {
    this.#isPaused = false
    if (this.#isYielding) return
    if (this.#waiting) this.#yield()
    else this.#source.startReading()
  }

  message(data: RawData, isBinary: boolean): void {
    if (!this.#isYielding && !this.#waiting) {
      this.#deliver(data, isBinary)
      return
    }
    this.#waiting ??= []
    this.#waiting.push([data, isBinary])
    this.#waitingBytes += sizeOf(data)
  }

  /** Counts received bytes, of which a message may need many. */
  received(bytes: number): void {
    if (this.#share.spend(0, bytes) && !this.#isYielding) this.#yield()
  }

  /** Delivers the waiting messages at once, because the socket has ended. */
  flush(): void {
    const waiting = this.#waiting
    this.drop()
    for (const [data, isBinary] of waiting ?? []) this.#source.deliver(data, isBinary)
  }

  /** Drops the waiting messages. */
  drop(): void {
    leaveTurns(this)
    this.#waiting = undefined
    this.#waitingBytes = 0
  }

  #deliver(data: RawData, isBinary: boolean): void {
    const isSmall = sizeOf(data) < SMALL_BYTES
    if (isSmall) {
      this.#smallMessages++
      if (this.#smallMessages % SAMPLE !== 0) {
        this.#source.deliver(data, isBinary)
        return
      }
    }
    const since = this.#clock.now()
    this.#source.deliver(data, isBinary)
    const busyMs = (this.#clock.now() - since) * (isSmall ? SAMPLE : 1)
    if (this.#share.spend(busyMs, 0)) this.#yield()
  }

  #yield(): void {
    this.#isYielding = true
    this.#source.stopReading()
    timers.setImmediate(continueDelivery, this)
  }

  continue(): void {
    this.#isYielding = false
    const waiting = this.#waiting ?? []
    let next = 0
    while (next < waiting.length && !this.#isYielding && !this.#isPaused && this.#waiting === waiting) {
      const [data, isBinary] = waiting[next] as (typeof waiting)[0]
      next++
      this.#waitingBytes -= sizeOf(data)
      this.#deliver(data, isBinary)
    }
    // A delivery may have dropped the rest.
    if (this.#waiting === waiting) this.#waiting = next < waiting.length ? waiting.slice(next) : undefined
    if (!this.#waiting && !this.#isYielding && !this.#isPaused) this.#source.startReading()
  }
}

function continueDelivery(messages: PacedMessages): void {
  messages.continue()
}

/** The library passes text frames as one `Buffer`. */
function sizeOf(data: RawData): number {
  return (data as Buffer).length
}
