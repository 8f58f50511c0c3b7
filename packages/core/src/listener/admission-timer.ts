import type { Clock } from '../contract/clock.js'
import type { Admission } from '../contract/gate.js'
import { whenAborted } from '../timing/when-aborted.js'

/** Why an admission ended. */
export type AdmissionEnd = 'expired' | 'revoked'

/** A wait up to this long is one deadline. */
const SHORT_WAIT_MS = 1_000
/** The share of a longer wait before the remaining time is read again. A deadline may be late by 1/128 of its wait. */
const FIRST_SHARE = 0.98

/**
 * Reports the end of an admission: its `expiresAt` or its `revoked` signal, whichever comes first.
 *
 * The end is on time for any wait, and also after the system clock was set. `renew` replaces the admission, such as
 * when each request of a session has one. After the end, `renew` has no effect.
 *
 * @example
 * ```ts
 * const timer = new AdmissionTimer(clock, (why) => close(`the admission was ${why}`))
 * timer.renew(admission)
 * timer.end()
 * ```
 */
export class AdmissionTimer {
  readonly #clock: Clock
  readonly #onEnd: (why: AdmissionEnd) => void
  #expiresAt: number | undefined
  #expiry: Disposable | undefined
  #revoked: AbortSignal | undefined
  #unsubscribe: (() => void) | undefined
  #isOver = false

  /** `onEnd` is called at most once, never after `end()`. */
  constructor(clock: Clock, onEnd: (why: AdmissionEnd) => void) {
    this.#clock = clock
    this.#onEnd = onEnd
  }

  /** Uses this admission from now on. Calls `onEnd` at once where it is revoked already. */
  renew({ expiresAt, revoked }: Pick<Admission, 'expiresAt' | 'revoked'>): void {
    if (this.#isOver) return
    if (expiresAt !== this.#expiresAt) {
      this.#expiresAt = expiresAt
      this.#expiry?.[Symbol.dispose]()
      this.#expiry = undefined
      this.#wait()
    }
    if (revoked === this.#revoked) return
    this.#unsubscribe?.()
    this.#revoked = revoked
    this.#unsubscribe = revoked && whenAborted(revoked, () => this.#over('revoked'))
    if (revoked?.aborted) this.#over('revoked')
  }

  /** Stops the timer. */
  end(): void {
    this.#isOver = true
    this.#expiry?.[Symbol.dispose]()
    this.#unsubscribe?.()
  }

  #wait(): void {
    if (this.#expiresAt === undefined) return
    const left = this.#expiresAt - this.#clock.epochNow()
    this.#expiry =
      left > SHORT_WAIT_MS
        ? this.#clock.deadline(left * FIRST_SHARE, () => this.#wait())
        : this.#clock.deadline(left, () => this.#over('expired'))
  }

  #over(why: AdmissionEnd): void {
    if (this.#isOver) return
    this.end()
    this.#onEnd(why)
  }
}
