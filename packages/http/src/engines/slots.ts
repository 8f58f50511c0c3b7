/** One slot in so many is reserved for replies. */
const RESERVED_PART = 8
/** The fewest slots that work: a stream of the server, a request, and a reply that the request waits for. */
export const MIN_SOCKETS = 3

/** A user of a slot. */
export interface SlotUser<T> {
  /** Whether the server waits for it, so that it may use a reserved slot. */
  readonly isReply: boolean
  /** Called when it gets a slot, which it has to release. */
  readonly begin: (slot: T) => void
}

/** A pool of at most `max` slots, first come first served. Some slots are reserved for replies. */
export class Slots<T, U extends SlotUser<T> = SlotUser<T>> {
  readonly #max: number
  readonly #reserved: number
  readonly #make: () => T
  readonly #idle: T[] = []
  readonly #waiting: Set<U> = new Set()
  readonly #waitingReplies: Set<U> = new Set()
  #inUse = 0

  constructor(max: number, make: () => T) {
    this.#max = max
    this.#reserved = max === Infinity ? 0 : Math.ceil(max / RESERVED_PART)
    this.#make = make
  }

  /** Begins at once where a slot is free, else when one is released. */
  acquire(user: U): void {
    if (this.#inUse < (user.isReply ? this.#max : this.#max - this.#reserved)) {
      this.#inUse++
      user.begin(this.#idle.pop() ?? this.#make())
    } else (user.isReply ? this.#waitingReplies : this.#waiting).add(user)
  }

  /** Removes a waiting user. */
  remove(user: U): void {
    if (!this.#waiting.delete(user)) this.#waitingReplies.delete(user)
  }

  /** Removes all waiting users. */
  removeAll(): readonly U[] {
    const waiting = [...this.#waitingReplies, ...this.#waiting]
    this.#waitingReplies.clear()
    this.#waiting.clear()
    return waiting
  }

  /** Passes the slot to the next waiting user, else keeps it: the slot used last is used first. */
  release(slot: T): void {
    const next = this.#next()
    if (next) next.begin(slot)
    else {
      this.#inUse--
      this.#idle.push(slot)
    }
  }

  #next(): U | undefined {
    if (this.#waitingReplies.size > 0) return shift(this.#waitingReplies)
    return this.#inUse > this.#max - this.#reserved ? undefined : shift(this.#waiting)
  }
}

function shift<U>(users: Set<U>): U | undefined {
  for (const first of users) {
    users.delete(first)
    return first
  }
  return undefined
}
