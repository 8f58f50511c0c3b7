import type { Clock } from '@mcpwire/core'

/** Whether what arrives is held back for now, also from what begins meanwhile. */
export class Inflow {
  isPaused = false
  readonly #clock: Clock
  #resumedAtMs = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** When it was last held back, by the clock: now, while it is. Until then no server can be called silent. */
  get heldAtMs(): number {
    return this.isPaused ? this.#clock.now() : this.#resumedAtMs
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.#resumedAtMs = this.#clock.now()
  }
}
