/** When and how often a stream is opened again. */
export interface ReconnectSettings {
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  readonly maxAttempts: number
  readonly healthyUptimeMs: number
  readonly minRetryMs: number
  readonly maxRetryMs: number
  readonly random: () => number
}

/** Facts about a stream that ended. */
export interface EndedStream {
  /** The delay that the server requested. */
  readonly retryMs: number | undefined
  /** How long it was open, unless it never was. */
  readonly uptimeMs: number | undefined
  /** Whether it carried a message. */
  readonly wasUseful: boolean
}

/** Counts the attempts to reopen one stream. Pure: it starts no timers and reads no clock. */
export class ReconnectBudget {
  readonly #settings: ReconnectSettings
  /** Attempts since the stream was last useful. */
  attempts = 0
  /** Consecutive attempts that opened no stream. */
  #failures = 0

  constructor(settings: ReconnectSettings) {
    this.#settings = settings
  }

  /** The delay before the next attempt in milliseconds, or `undefined` where none is left. */
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
