import type { Clock } from '@mcpwire/core'
import { type Deadline, sleepOn } from '@mcpwire/core/authoring'
import { turns } from './waiting.js'

/** A clock that stands still until it is told to advance. */
export interface FakeClock extends Clock {
  /**
   * Moves on by `ms`. Deadlines on the way are met in order, each at its own moment, and what they cause is given
   * some turns of the event loop before the next one.
   */
  advance(ms: number): Promise<void>
  /** How many deadlines are waiting. */
  readonly pending: number
}

interface Entry {
  at: number
  readonly expire: () => void
}

/** Makes a clock that starts at `now() === 0` and at the given moment since the epoch. */
export function createFakeClock(epochMs = 1_700_000_000_000): FakeClock {
  const entries = new Set<Entry>()
  let now = 0

  function earliest(): Entry | undefined {
    let first: Entry | undefined
    for (const entry of entries) if (!first || entry.at < first.at) first = entry
    return first
  }

  function deadline(ms: number, expire: () => void): Deadline {
    let isSpent = false
    const entry: Entry = {
      at: now + Math.max(ms, 0),
      expire: () => {
        isSpent = true
        expire()
      },
    }
    if (ms !== Infinity) entries.add(entry)
    return {
      reset(again) {
        if (isSpent) return
        entries.delete(entry)
        entry.at = now + Math.max(again, 0)
        if (again !== Infinity) entries.add(entry)
      },
      [Symbol.dispose]() {
        isSpent = true
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
