/** A body this long is parsed in a turn of its own. */
export const LARGE_CHARACTERS = 65_536

/**
 * Parses large bodies one at a time, each in another turn of the event loop, so that small messages are handled in
 * between. Sessions take turns: the flood of one does not delay the others.
 */
export class ParseTurns {
  readonly #nextTurn: (run: () => void) => void
  /** What waits, by session. The first one is next. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #isTaken = false

  constructor(nextTurn: (run: () => void) => void) {
    this.#nextTurn = nextTurn
  }

  /** Runs `parse`, now or in a later turn. It must not throw. */
  run(session: string, parse: () => void): void {
    if (!this.#isTaken) {
      this.#take(parse)
      return
    }
    const others = this.#waiting.get(session)
    if (others) others.push(parse)
    else this.#waiting.set(session, [parse])
  }

  #take(parse: () => void): void {
    this.#isTaken = true
    this.#nextTurn(this.#turnEnded)
    parse()
  }

  readonly #turnEnded = (): void => {
    this.#isTaken = false
    const [next] = this.#waiting
    if (!next) return
    const [session, queue] = next
    const parse = queue.shift()
    this.#waiting.delete(session)
    if (queue.length > 0) this.#waiting.set(session, queue)
    if (parse) this.#take(parse)
  }
}
