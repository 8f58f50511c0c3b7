import type { Clock } from '../contract/clock.js'
import type { Handshake } from '../contract/gate.js'
import type { RefusedCaller } from '../contract/listener.js'
import { printable } from './refusal.js'

/** Most calls of `onrefused` in one window, besides the one that ends it. */
const MAX_CALLS = 10
const WINDOW_MS = 1_000

/**
 * Limits the calls of `onrefused`: a flood of refused callers must not fill a log. Further callers are counted, and the
 * count is reported at the end of their second, with the last of these callers.
 */
export class RefusedCallers {
  readonly #clock: Clock
  readonly #report: (caller: RefusedCaller) => void
  #window: Disposable | undefined
  #calls = 0
  #omitted = 0
  #last: RefusedCaller | undefined

  constructor(clock: Clock, report: (caller: RefusedCaller) => void) {
    this.#clock = clock
    this.#report = report
  }

  add(caller: Omit<RefusedCaller, 'omitted'>): void {
    this.#window ??= this.#clock.deadline(WINDOW_MS, () => this.stop())
    if (this.#calls < MAX_CALLS) {
      this.#calls++
      this.#report({ ...caller, omitted: 0 })
      return
    }
    if (this.#last) this.#omitted++
    this.#last = { ...caller, omitted: this.#omitted }
  }

  /** Ends the window: reports what it has left out. */
  stop(): void {
    this.#window?.[Symbol.dispose]()
    const last = this.#last
    this.#window = undefined
    this.#last = undefined
    this.#calls = 0
    this.#omitted = 0
    if (last) this.#report(last)
  }
}

/** A refused caller, from its handshake. The caller has chosen `host` and `origin`: they are made printable. */
export function refusedCaller(
  { host, headers: { origin } }: Pick<Handshake, 'host' | 'headers'>,
  { address, status, reason, option }: Pick<RefusedCaller, 'address' | 'status' | 'reason' | 'option'>,
): Omit<RefusedCaller, 'omitted'> {
  return {
    address,
    status,
    reason: printable(reason),
    ...(option !== undefined && { option }),
    ...(host !== undefined && { host: printable(host) }),
    ...(origin !== undefined && { origin: printable(origin) }),
  }
}
