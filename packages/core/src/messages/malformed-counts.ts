/** How often each kind of malformed message was received on one connection. The kinds are a fixed set of reasons. */
export class MalformedCounts {
  readonly #counts = new Map<string, number>()

  /** Counts one. Returns the count where it is to be reported: the first, and each power of ten. */
  add(reason: string): number | undefined {
    const count = (this.#counts.get(reason) ?? 0) + 1
    this.#counts.set(reason, count)
    return Number.isInteger(Math.log10(count)) ? count : undefined
  }
}
