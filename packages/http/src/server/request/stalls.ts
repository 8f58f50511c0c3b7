import type { Clock } from '@mcpwire/core'
import { createPeriodicCheck, type PeriodicCheck } from './periodic-check.js'

/** How the progress of a connection or a stream is measured. */
export interface StallProbe<T> {
  /** Whether data waits for the client to read. */
  isBlocked(target: T): boolean
  /** A number that changes when the client reads. */
  progress(target: T): number
  destroy(target: T): void
}

/** How long a client may read nothing. */
export interface StallLimit {
  readonly clock: Clock
  readonly stallTimeoutMs: number
}

/** The progress at the last check that saw any. */
interface LastProgress {
  readonly since: number
  readonly progress: number
}

/** The time between two checks, as a part of the timeout, and at most. */
const SPACING = 1 / 8
const MAX_SPACING_MS = 10_000

/** Destroys connections whose client reads nothing for `stallTimeoutMs`. Only blocked ones are checked. */
export class StallDetector<T extends object> {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #probe: StallProbe<T>
  readonly #spacingMs: number
  readonly #blocked = new Map<T, LastProgress>()
  readonly #check: PeriodicCheck
  #isStopped = false

  constructor({ clock, stallTimeoutMs }: StallLimit, probe: StallProbe<T>) {
    this.#clock = clock
    this.#timeoutMs = stallTimeoutMs
    this.#probe = probe
    this.#spacingMs = Math.min(stallTimeoutMs * SPACING, MAX_SPACING_MS)
    this.#check = createPeriodicCheck(clock, this.#spacingMs, (now) => this.#checkAll(now))
  }

  /** Watches a blocked connection until it is no longer blocked. */
  watch(target: T): void {
    if (this.#blocked.has(target) || this.#isStopped || this.#timeoutMs === Infinity) return
    const now = this.#clock.now()
    this.#blocked.set(target, { since: now, progress: this.#probe.progress(target) })
    this.#check.schedule(now + this.#spacingMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#check.stop()
    this.#blocked.clear()
  }

  #checkAll(now: number): number {
    for (const [target, { since, progress }] of this.#blocked) {
      const current = this.#probe.progress(target)
      if (!this.#probe.isBlocked(target)) this.#blocked.delete(target)
      else if (current !== progress) this.#blocked.set(target, { since: now, progress: current })
      else if (now - since >= this.#timeoutMs) {
        this.#blocked.delete(target)
        this.#probe.destroy(target)
      }
    }
    return this.#blocked.size > 0 ? now + this.#spacingMs : Infinity
  }
}
