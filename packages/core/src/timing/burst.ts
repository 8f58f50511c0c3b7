import type { Clock } from '../contract/clock.js'
import { guarded, ignore } from './promises.js'

/** The time in which events are one burst. */
const BURST_MS = 1_000

/**
 * Reports repeated events without a flood: the first at once, and those of the next second together at its end, with
 * their number. While events go on, there is one report each second. An error of the report is ignored.
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
    this.#count++
    if (this.#window) return
    // Before the report, which may add events.
    this.#startWindow()
    this.#flush()
  }

  /** Reports the events that are not reported yet, and releases the timer. */
  stop(): void {
    this.#window?.[Symbol.dispose]()
    this.#window = undefined
    this.#flush()
  }

  #startWindow(): void {
    this.#window = this.#clock.deadline(BURST_MS, () => {
      this.#window = undefined
      if (this.#count === 0) return
      this.#startWindow()
      this.#flush()
    })
  }

  #flush(): void {
    const count = this.#count
    this.#count = 0
    if (count > 0) guarded(() => this.#report(count), ignore)
  }
}
