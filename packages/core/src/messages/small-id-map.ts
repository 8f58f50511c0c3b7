import type { RequestId } from '../contract/message.js'

/** The first number of slots for small integers, a power of two. SDKs count, so that pending ids are close together. */
const FIRST_SLOTS = 64
const MAX_SLOTS = 4_096
const FREE = -1

/**
 * A map of ids: one member without a table, then small integers in an array of slots, then the others in a `Map`. Adding
 * to a `Map` and removing for every message would cost a tenth of the time to read it.
 */
export class SmallIdMap<V = undefined> {
  #only: RequestId | undefined
  #onlyValue: V | undefined
  #slots: number[] | undefined
  /** The values of the slots. Set with the slots. */
  #values!: V[]
  #filledSlots = 0
  #more: Map<RequestId, V> | undefined

  get size(): number {
    return (this.#only === undefined ? 0 : 1) + this.#filledSlots + (this.#more?.size ?? 0)
  }

  get isEmpty(): boolean {
    return this.#only === undefined && this.#filledSlots === 0 && (this.#more?.size ?? 0) === 0
  }

  has(id: RequestId): boolean {
    return this.#only === id || this.#slotOf(id) !== undefined || (this.#more?.has(id) ?? false)
  }

  /** Adds the id, unless the map has it. */
  add(id: RequestId, value: V): void {
    const slots = this.#slots
    // The usual case once several requests were pending at a time: a free slot.
    if (slots && isSmall(id) && this.#only !== id && !this.#more) {
      const slot = id & (slots.length - 1)
      if (slots[slot] === FREE) {
        slots[slot] = id
        this.#values[slot] = value
        this.#filledSlots++
        return
      }
    }
    this.#addAnywhere(id, value)
  }

  /** Removes the id. Returns whether the map contained it. */
  delete(id: RequestId): boolean {
    const slots = this.#slots
    if (slots && isSmall(id)) {
      const slot = id & (slots.length - 1)
      if (slots[slot] === id) {
        slots[slot] = FREE
        this.#filledSlots--
        return true
      }
    }
    if (this.#only !== id) return this.#more?.delete(id) ?? false
    this.#only = undefined
    this.#onlyValue = undefined
    return true
  }

  /** Removes one id of a map with more than 4097: the one that was added first, apart from those with a slot. */
  deleteOldest(): void {
    for (const [id] of this.#more ?? []) {
      this.#more?.delete(id)
      return
    }
  }

  clear(): void {
    this.#only = undefined
    this.#onlyValue = undefined
    this.#slots = undefined
    this.#values = []
    this.#filledSlots = 0
    this.#more = undefined
  }

  *entries(): Iterable<readonly [RequestId, V]> {
    if (this.#only !== undefined) yield [this.#only, this.#onlyValue as V]
    for (const [slot, id] of (this.#slots ?? []).entries())
      if (id !== FREE) yield [id, this.#values[slot] as V]
    yield* this.#more ?? []
  }

  #addAnywhere(id: RequestId, value: V): void {
    if (this.has(id)) return
    if (this.#only === undefined && !this.#slots) {
      this.#only = id
      this.#onlyValue = value
    } else if (!isSmall(id) || !this.#addToSlot(id, value)) {
      this.#more ??= new Map()
      this.#more.set(id, value)
    }
  }

  #slotOf(id: RequestId): number | undefined {
    if (!this.#slots || !isSmall(id)) return undefined
    const slot = id & (this.#slots.length - 1)
    return this.#slots[slot] === id ? slot : undefined
  }

  #addToSlot(id: number, value: V): boolean {
    if (!this.#slots) {
      this.#slots = new Array<number>(FIRST_SLOTS).fill(FREE)
      this.#values = new Array<V>(FIRST_SLOTS)
    }
    const slot = id & (this.#slots.length - 1)
    if (this.#slots[slot] !== FREE) return this.#doubleSlots() && this.#addToSlot(id, value)
    this.#slots[slot] = id
    this.#values[slot] = value
    this.#filledSlots++
    return true
  }

  /** Doubles the slots if half of them are in use. Returns whether it did. No two ids get the same slot by that. */
  #doubleSlots(): boolean {
    const old = this.#slots as number[]
    if (old.length >= MAX_SLOTS || this.#filledSlots * 2 < old.length) return false
    const values = this.#values
    this.#slots = new Array<number>(old.length * 2).fill(FREE)
    this.#values = new Array<V>(old.length * 2)
    for (const [slot, id] of old.entries()) {
      if (id === FREE) continue
      const place = id & (this.#slots.length - 1)
      this.#slots[place] = id
      this.#values[place] = values[slot] as V
    }
    return true
  }
}

/** Whether the id is an integer from 0 to 2^30-1. */
function isSmall(id: RequestId): id is number {
  return typeof id === 'number' && (id & 0x3fff_ffff) === id
}
