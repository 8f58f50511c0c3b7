import type { Clock } from '@mcpwire/core'
import { createSweep, type Sweep } from './periodic-check.js'

/** How to tell whether somebody still takes what is sent to it. */
export interface Reading<T> {
  /** Whether something waits for it to read. */
  isBehind(sender: T): boolean
  /** Another number once it has taken something. */
  progress(sender: T): number
  cutOff(sender: T): void
}

/** Where a sender stood when it was last seen to move. */
interface Standstill {
  readonly since: number
  readonly progress: number
}

/** How often it is looked at those that wait, as a part of the time they have, and at least. */
const SPACING = 1 / 8
const MOST_SPACING_MS = 10_000

/** Cuts off those who take nothing of what is sent to them for too long. Only who is behind is watched. */
export class Stalls<T extends object> {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #reading: Reading<T>
  readonly #spacingMs: number
  readonly #standstills = new Map<T, Standstill>()
  readonly #sweep: Sweep
  #isStopped = false

  constructor({ clock, stallTimeoutMs }: StallLimit, reading: Reading<T>) {
    this.#clock = clock
    this.#timeoutMs = stallTimeoutMs
    this.#reading = reading
    this.#spacingMs = Math.min(stallTimeoutMs * SPACING, MOST_SPACING_MS)
    this.#sweep = createSweep(clock, this.#spacingMs, (now) => this.#look(now))
  }

  /** Says that a sender has to wait. Those that are watched already are not watched twice. */
  watch(sender: T): void {
    if (this.#standstills.has(sender) || this.#isStopped || this.#timeoutMs === Infinity) return
    const now = this.#clock.now()
    this.#standstills.set(sender, { since: now, progress: this.#reading.progress(sender) })
    this.#sweep.expect(now + this.#spacingMs)
  }

  /** Looks after nobody any more: what is on its way is for whoever carries it. */
  stop(): void {
    this.#isStopped = true
    this.#sweep.stop()
    this.#standstills.clear()
  }

  #look(now: number): number {
    for (const [sender, { since, progress }] of this.#standstills) {
      const moved = this.#reading.progress(sender)
      if (!this.#reading.isBehind(sender)) this.#standstills.delete(sender)
      else if (moved !== progress) this.#standstills.set(sender, { since: now, progress: moved })
      else if (now - since >= this.#timeoutMs) {
        this.#standstills.delete(sender)
        this.#reading.cutOff(sender)
      }
    }
    return this.#standstills.size > 0 ? now + this.#spacingMs : Infinity
  }
}

/** How long somebody may take nothing. */
export interface StallLimit {
  readonly clock: Clock
  readonly stallTimeoutMs: number
}
