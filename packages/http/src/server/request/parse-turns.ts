import type { Clock } from '@mcpwire/core'

/** A body this long is parsed in a turn of its own. */
export const LARGE_CHARACTERS = 65_536
/** The time that the small messages of one session may take in one turn, in milliseconds. */
const SHARE_MS = 2

interface Waiting {
  readonly isLarge: boolean
  readonly handle: () => void
}

/**
 * Handles large bodies one at a time, each in another turn of the event loop, so that small messages are handled in
 * between. Small messages are handled at once, until those of their session have used its share of the turn. What waits
 * is taken session by session: the flood of one does not delay the others.
 */
export class ParseTurns {
  readonly #clock: Clock
  readonly #nextTurn: (run: () => void) => void
  /** What waits, by session. The first one is next. */
  readonly #waiting = new Map<string, Waiting[]>()
  /** The time that the small messages of each session have taken in this turn. */
  readonly #spentMs = new Map<string, number>()
  /** Whether this turn has had a large body. */
  #isTaken = false
  #isScheduled = false

  /** @param nextTurn calls back in another turn of the event loop */
  constructor(clock: Clock, nextTurn: (run: () => void) => void) {
    this.#clock = clock
    this.#nextTurn = nextTurn
  }

  /** Whether `add` would handle a message at once. */
  isFree(session: string, isLarge: boolean): boolean {
    return !this.#waiting.has(session) && this.#hasShare(session, isLarge)
  }

  #hasShare(session: string, isLarge: boolean): boolean {
    return isLarge ? !this.#isTaken : (this.#spentMs.get(session) ?? 0) < SHARE_MS
  }

  /** Calls `handle`, now or in a later turn. It must not throw. */
  add(session: string, isLarge: boolean, handle: () => void): void {
    this.#schedule()
    const waiting = this.#waiting.get(session)
    if (waiting) waiting.push({ isLarge, handle })
    else if (this.isFree(session, isLarge)) this.#handle(session, { isLarge, handle })
    else this.#waiting.set(session, [{ isLarge, handle }])
  }

  #handle(session: string, { isLarge, handle }: Waiting): void {
    if (isLarge) {
      this.#isTaken = true
      handle()
      return
    }
    const since = this.#clock.now()
    handle()
    this.#spentMs.set(session, (this.#spentMs.get(session) ?? 0) + this.#clock.now() - since)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#nextTurn(this.#turnEnded)
  }

  /** Begins a turn with the share of the session that has waited the longest. */
  readonly #turnEnded = (): void => {
    this.#isScheduled = false
    this.#isTaken = false
    this.#spentMs.clear()
    const [next] = this.#waiting
    if (!next) return
    this.#schedule()
    const [session, queue] = next
    // What a message adds meanwhile waits behind the others.
    while (queue[0] && this.#hasShare(session, queue[0].isLarge))
      this.#handle(session, queue.shift() as Waiting)
    this.#waiting.delete(session)
    if (queue.length > 0) this.#waiting.set(session, queue)
  }
}
