import type { RequestId } from '../contract/message.js'

/** The first number of slots for small integers, a power of two. SDKs count, so that pending ids are close together. */
const FIRST_SLOTS = 64
const MAX_SLOTS = 4_096
const FREE = -1

/**
 * A set of ids: one member without a table, then small integers in an array of slots, then the others in a `Set`. Adding
 * to a `Set` and removing for every message would cost a tenth of the time to read it.
 */
export class SmallIdSet {
  #only: RequestId | undefined
  #slots: number[] | undefined
  #filledSlots = 0
  #more: Set<RequestId> | undefined

  get size(): number {
    return (this.#only === undefined ? 0 : 1) + this.#filledSlots + (this.#more?.size ?? 0)
  }

  get isEmpty(): boolean {
    return this.size === 0
  }

  has(id: RequestId): boolean {
    return this.#only === id || this.#slotOf(id) !== undefined || (this.#more?.has(id) ?? false)
  }

  add(id: RequestId): void {
    if (this.has(id)) return
    if (this.#only === undefined) this.#only = id
    else if (!isSmall(id) || !this.#addToSlot(id)) {
      this.#more ??= new Set()
      this.#more.add(id)
    }
  }

  /** Removes the id. Returns whether the set contained it. */
  delete(id: RequestId): boolean {
    if (this.#only === id) {
      this.#only = undefined
      return true
    }
    const slot = this.#slotOf(id)
    if (slot === undefined) return this.#more?.delete(id) ?? false
    ;(this.#slots as number[])[slot] = FREE
    this.#filledSlots--
    return true
  }

  /** Removes one id of a set with more than 4097: the one that was added first, apart from those with a slot. */
  deleteOldest(): void {
    for (const id of this.#more ?? []) {
      this.#more?.delete(id)
      return
    }
  }

  clear(): void {
    this.#only = undefined
    this.#slots = undefined
    this.#filledSlots = 0
    this.#more = undefined
  }

  #slotOf(id: RequestId): number | undefined {
    if (!this.#slots || !isSmall(id)) return undefined
    const slot = id & (this.#slots.length - 1)
    return this.#slots[slot] === id ? slot : undefined
  }

  #addToSlot(id: number): boolean {
    this.#slots ??= new Array<number>(FIRST_SLOTS).fill(FREE)
    const slot = id & (this.#slots.length - 1)
    if (this.#slots[slot] !== FREE) return this.#doubleSlots() && this.#addToSlot(id)
    this.#slots[slot] = id
    this.#filledSlots++
    return true
  }

  /** Doubles the slots if half of them are in use. Returns whether it did. No two ids get the same slot by that. */
  #doubleSlots(): boolean {
    const old = this.#slots as number[]
    if (old.length >= MAX_SLOTS || this.#filledSlots * 2 < old.length) return false
    const slots = new Array<number>(old.length * 2).fill(FREE)
    for (const id of old) if (id !== FREE) slots[id & (slots.length - 1)] = id
    this.#slots = slots
    return true
  }
}

/** Whether the id is an integer from 0 to 2^30-1. */
function isSmall(id: RequestId): id is number {
  return typeof id === 'number' && (id & 0x3fff_ffff) === id
}
