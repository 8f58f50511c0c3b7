import { hash } from 'node:crypto'
import type { Clock } from '@mcpwire/core'

/** A value for a token, and until when it may be used, in milliseconds since the epoch. */
interface Entry<T> {
  readonly value: T
  readonly until: number
}

/**
 * What is known about tokens, by their SHA-256: no token is kept. It keeps the tokens that were used last, up to a number.
 */
export class TokenCache<T> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #maxEntries: number
  readonly #clock: Clock
  /** The digest that was used last. It is the last one of the map already. */
  #latest: string | undefined

  constructor(maxEntries: number, clock: Clock) {
    this.#maxEntries = maxEntries
    this.#clock = clock
  }

  get(digest: string): T | undefined {
    const entry = this.#entries.get(digest)
    if (!entry) return undefined
    if (entry.until <= this.#clock.epochNow()) {
      this.#entries.delete(digest)
      return undefined
    }
    if (digest !== this.#latest) {
      this.#latest = digest
      this.#entries.delete(digest)
      this.#entries.set(digest, entry)
    }
    return entry.value
  }

  set(digest: string, value: T, until: number): void {
    if (this.#maxEntries === 0) return
    this.#entries.delete(digest)
    if (this.#entries.size >= this.#maxEntries) {
      const [oldest = ''] = this.#entries.keys()
      this.#entries.delete(oldest)
    }
    this.#entries.set(digest, { value, until })
    this.#latest = digest
  }
}

/** The key of a token in a cache. */
export function digestOf(token: string): string {
  return hash('sha256', token, 'base64')
}
