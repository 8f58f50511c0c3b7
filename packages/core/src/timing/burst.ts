import type { Clock } from '../contract/clock.js'

/** The time in which events are one burst. */
const BURST_MS = 1_000

/**
 * Reports repeated events without a flood: the first at once, and those of the next second together at its end, with
 * their number. While events go on, there is one report each second.
 */
export class Burst {
  readonly #clock: Clock
  readonly #report: (count: number) => void
  #window: Disposable | undefined
  #count = 0

  constructor(clock: Clock, report: (count: number) => void) {
    this.#clock = clock
    this.#report = report
  }

  add(): void {
    if (this.#window) {
      this.#count++
      return
    }
    this.#startWindow()
    this.#report(1)
  }

  /** Reports the events that are not reported yet. */
  stop(): void {
    this.#window?.[Symbol.dispose]()
    this.#window = undefined
    const count = this.#count
    this.#count = 0
    if (count > 0) this.#report(count)
  }

  #startWindow(): void {
    this.#window = this.#clock.deadline(BURST_MS, () => {
      const hasMore = this.#count > 0
      this.stop()
      if (hasMore) this.#startWindow()
    })
  }
}
