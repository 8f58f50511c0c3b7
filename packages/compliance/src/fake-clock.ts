import type { Clock } from '@mcpwire/core'
import { type Deadline, sleepOn } from '@mcpwire/core/authoring'
import { turns } from './waiting.js'

/** A clock that only `advance()` moves. */
export interface FakeClock extends Clock {
  /**
   * Advances by `ms`. Deadlines on the way expire in order, each at its own time. Several turns of the event loop pass
   * between two deadlines.
   */
  advance(ms: number): Promise<void>
  /** Number of deadlines that have not expired. */
  readonly pending: number
}

interface Entry {
  at: number
  readonly expire: () => void
}

/**
 * Creates a clock that starts at `now() === 0` and at the given time since the epoch.
 *
 * @example
 * ```ts
 * const clock = createFakeClock()
 * const sleeping = clock.sleep(1_000)
 * await clock.advance(1_000)
 * ```
 */
export function createFakeClock(epochMs = 1_700_000_000_000): FakeClock {
  const entries = new Set<Entry>()
  let now = 0

  function earliest(): Entry | undefined {
    let first: Entry | undefined
    for (const entry of entries) if (!first || entry.at < first.at) first = entry
    return first
  }

  function deadline(ms: number, expire: () => void): Deadline {
    let hasExpired = false
    const entry: Entry = {
      at: now + Math.max(ms, 0),
      expire: () => {
        hasExpired = true
        expire()
      },
    }
    if (ms !== Infinity) entries.add(entry)
    return {
      reset(again) {
        if (hasExpired) return
        entries.delete(entry)
        entry.at = now + Math.max(again, 0)
        if (again !== Infinity) entries.add(entry)
      },
      [Symbol.dispose]() {
        hasExpired = true
        entries.delete(entry)
      },
    }
  }

  async function advance(ms: number): Promise<void> {
    const target = now + ms
    await turns()
    for (let next = earliest(); next && next.at <= target; next = earliest()) {
      now = Math.max(now, next.at)
      entries.delete(next)
      next.expire()
      await turns()
    }
    now = target
  }

  return {
    now: () => now,
    epochNow: () => epochMs + now,
    deadline,
    sleep: (ms, signal) => sleepOn({ deadline }, ms, signal),
    advance,
    get pending() {
      return entries.size
    },
  }
}
