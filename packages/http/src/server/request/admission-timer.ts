import type { Admission, Clock } from '@mcpwire/core'
import { whenAborted } from '@mcpwire/core/authoring'

/** Whether an admission has ended since the gate gave it, such as while the body arrived. */
export function hasLapsed({ expiresAt = Infinity, revoked }: Admission, clock: Clock): boolean {
  return revoked?.aborted === true || expiresAt <= clock.epochNow()
}

/**
 * For how long the caller of a session is admitted. Every request renews it, for credentials are exchanged for new ones
 * while a session lasts; it ends with the admission of the latest.
 */
export class Standing {
  readonly #clock: Clock
  readonly #lost: () => void
  #expiry: Disposable | undefined
  #expiresAt: number | undefined
  #revoked: AbortSignal | undefined
  #forget: (() => void) | undefined

  constructor(clock: Clock, lost: () => void) {
    this.#clock = clock
    this.#lost = lost
  }

  renew({ expiresAt, revoked }: Admission): void {
    if (expiresAt !== this.#expiresAt) {
      this.#expiresAt = expiresAt
      this.#expiry?.[Symbol.dispose]()
      this.#expiry = undefined
      if (expiresAt !== undefined) {
        this.#expiry = this.#clock.deadline(expiresAt - this.#clock.epochNow(), this.#lost)
      }
    }
    if (revoked === this.#revoked) return
    this.#forget?.()
    this.#revoked = revoked
    this.#forget = revoked && whenAborted(revoked, this.#lost)
  }

  end(): void {
    this.#expiry?.[Symbol.dispose]()
    this.#forget?.()
  }
}
