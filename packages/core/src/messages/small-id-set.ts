import type { RequestId } from '../contract/message.js'

/** A set of ids that mostly holds none or one, which then cost no table. */
export class SmallIdSet {
  #only: RequestId | undefined
  #more: Set<RequestId> | undefined

  get isEmpty(): boolean {
    return this.#only === undefined && (this.#more === undefined || this.#more.size === 0)
  }

  add(id: RequestId): void {
    if (this.#only === id || this.#more?.has(id)) return
    if (this.#only === undefined) {
      this.#only = id
      return
    }
    this.#more ??= new Set()
    this.#more.add(id)
  }

  /** Whether it was there. */
  delete(id: RequestId): boolean {
    if (this.#only !== id) return this.#more?.delete(id) ?? false
    this.#only = undefined
    return true
  }

  clear(): void {
    this.#only = undefined
    this.#more = undefined
  }
}
