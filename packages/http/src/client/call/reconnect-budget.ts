/** When a stream that ended is asked for again, and how often. */
export interface ReconnectSettings {
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  readonly maxAttempts: number
  readonly healthyUptimeMs: number
  readonly minRetryMs: number
  readonly maxRetryMs: number
  readonly random: () => number
}

/** What is known of the stream that ended. */
export interface EndedStream {
  /** How long the server asked to wait. */
  readonly retryMs: number | undefined
  /** How long it was open, unless it never was. */
  readonly uptimeMs: number | undefined
  /** Whether it carried any message. */
  readonly wasUseful: boolean
}

/** Counts the attempts to have one stream back. Pure: it takes no time and knows no clock. */
export class ReconnectBudget {
  readonly #settings: ReconnectSettings
  /** How many attempts there were since the stream was last of use. */
  attempts = 0
  /** How many of them in a row did not open a stream. */
  #failures = 0

  constructor(settings: ReconnectSettings) {
    this.#settings = settings
  }

  /** How long to wait before the next attempt, in milliseconds, or nothing where there is none left. */
  next({ retryMs, uptimeMs, wasUseful }: EndedStream): number | undefined {
    const { maxAttempts, healthyUptimeMs, minRetryMs, maxRetryMs } = this.#settings
    if (wasUseful || (uptimeMs ?? 0) >= healthyUptimeMs) this.attempts = 0
    this.#failures = uptimeMs === undefined ? this.#failures + 1 : 0
    if (this.attempts >= maxAttempts) return undefined
    this.attempts++
    const backoffMs = this.#backoffMs(retryMs === undefined ? this.attempts : this.#failures)
    if (retryMs === undefined) return backoffMs
    return Math.max(Math.min(Math.max(retryMs, minRetryMs), maxRetryMs), backoffMs)
  }

  /** Full jitter below an exponentially growing, capped delay. */
  #backoffMs(failures: number): number {
    const { firstDelayMs, maxDelayMs, random } = this.#settings
    if (failures === 0) return 0
    return random() * Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1))
  }
}
