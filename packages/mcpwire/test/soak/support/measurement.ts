/** The figures of well-behaved callers in some time. */
export interface Figures {
  readonly calls: number
  readonly failed: number
  /** The first texts of each kind of failure. */
  readonly failures: readonly string[]
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Collects the outcome and the time of calls. */
export class Measurement {
  readonly #latencies: number[] = []
  #failed = 0
  readonly #failures = new Map<string, string>()
  readonly #pending = new Set<number>()

  /** Waits for the call, and counts it. Never rejects. */
  async count(call: Promise<unknown>): Promise<void> {
    const startedAt = performance.now()
    this.#pending.add(startedAt)
    try {
      await call
      this.#latencies.push(performance.now() - startedAt)
    } catch (error) {
      this.#failed++
      const text = error instanceof Error ? error.message : String(error)
      const kind = text.replace(/\d+/g, 'n').slice(0, 60)
      if (!this.#failures.has(kind)) this.#failures.set(kind, text.slice(0, 200))
    } finally {
      this.#pending.delete(startedAt)
    }
  }

  /** Starts again. Pending calls stay, with the time since they began. */
  reset(): void {
    this.#latencies.length = 0
    this.#failed = 0
    this.#failures.clear()
  }

  /** The time of each call that succeeded, and that of each pending one until now. */
  latencies(): number[] {
    const now = performance.now()
    return [...this.#latencies, ...[...this.#pending].map((startedAt) => now - startedAt)]
  }

  /** The figures so far. */
  take(): Figures {
    return figuresOf(this.latencies(), this.#failed, [...this.#failures.values()])
  }
}

/** The figures of calls with these times. */
export function figuresOf(
  latencies: readonly number[],
  failed: number,
  failures: readonly string[],
): Figures {
  const sorted = [...latencies].sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) * 10) / 10
  return { calls: sorted.length + failed, failed, failures, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}
