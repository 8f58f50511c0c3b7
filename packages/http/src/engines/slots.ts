import { requireInteger } from '@mcpwire/core/authoring'

/** The part of all slots that only replies may take: the last ones free, one of so many. */
const RESERVED_PART = 8
/** The stream that a server sends on, a request, and a reply that the request waits for. */
const LEAST_SOCKETS = 3

/** Somebody who needs a slot. */
export interface Taker<T> {
  /** Whether others wait for it, so that it may take a slot that is kept for such. */
  readonly isReply: boolean
  /** It is its turn; the slot is its own until it gives it back. */
  readonly begin: (slot: T) => void
}

/**
 * Hands out at most `max` slots, first come first served. What answers the other end never waits behind what waits
 * for the other end: some slots are kept for replies.
 */
export class Slots<T, K extends Taker<T> = Taker<T>> {
  readonly #max: number
  readonly #reserved: number
  readonly #make: () => T
  readonly #idle: T[] = []
  readonly #waiting: Set<K> = new Set()
  readonly #waitingReplies: Set<K> = new Set()
  #taken = 0

  /** Throws `INVALID_OPTION` where there are too few for a conversation. */
  constructor(maxSockets: number, make: () => T) {
    requireInteger('maxSockets', maxSockets, LEAST_SOCKETS, Infinity)
    this.#max = maxSockets
    this.#reserved = maxSockets === Infinity ? 0 : Math.ceil(maxSockets / RESERVED_PART)
    this.#make = make
  }

  /** Begins at once where a slot is free, else when one is given back. */
  take(taker: K): void {
    if (this.#taken < this.#limitOf(taker)) {
      this.#taken++
      taker.begin(this.#idle.pop() ?? this.#make())
    } else (taker.isReply ? this.#waitingReplies : this.#waiting).add(taker)
  }

  /** Takes back what has not begun. */
  forget(taker: K): void {
    if (!this.#waiting.delete(taker)) this.#waitingReplies.delete(taker)
  }

  /** Takes back all who have not begun. */
  drain(): readonly K[] {
    const waiting = [...this.#waitingReplies, ...this.#waiting]
    this.#waitingReplies.clear()
    this.#waiting.clear()
    return waiting
  }

  /** Gives a slot to the next who waits, the one used last first. */
  give(slot: T): void {
    const next = this.#next()
    if (next) next.begin(slot)
    else {
      this.#taken--
      this.#idle.push(slot)
    }
  }

  #limitOf({ isReply }: K): number {
    return isReply ? this.#max : this.#max - this.#reserved
  }

  #next(): K | undefined {
    const replies = this.#waitingReplies
    for (const next of replies) {
      replies.delete(next)
      return next
    }
    if (this.#taken > this.#max - this.#reserved) return undefined
    for (const next of this.#waiting) {
      this.#waiting.delete(next)
      return next
    }
    return undefined
  }
}
