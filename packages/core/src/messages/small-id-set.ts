import type { RequestId } from '../contract/message.js'

/** A set of ids without a table while it holds at most one. */
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

  /** Removes the id. Returns whether the set contained it. */
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
