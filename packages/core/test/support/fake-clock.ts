import { type Clock, sleepOn } from '../../src/contract/clock.js'

/** A clock that the test advances. */
export interface FakeClock extends Clock {
  /** Advances the time. Each deadline expires at its moment, and its microtasks run. */
  advance(ms: number): Promise<void>
  /** The number of pending deadlines, which is 0 without a leak. */
  readonly pending: number
}

interface Entry {
  at: number
  readonly expire: () => void
}

/** Makes a clock that starts at `0`, and at `epochMs` since the epoch. */
export function fakeClock(epochMs = 1_800_000_000_000): FakeClock {
  const entries = new Set<Entry>()
  const time = { now: 0 }

  function earliestUntil(end: number): Entry | undefined {
    let earliest: Entry | undefined
    for (const entry of entries) {
      if (entry.at <= end && (earliest === undefined || entry.at < earliest.at)) earliest = entry
    }
    return earliest
  }

  const clock: FakeClock = {
    now: () => time.now,
    epochNow: () => epochMs + time.now,
    sleep: (ms, signal) => sleepOn(clock, ms, signal),
    deadline(ms, expire) {
      if (Number.isNaN(ms)) throw new RangeError('a deadline needs a number of milliseconds')
      const entry: Entry = { at: time.now + Math.max(ms, 0), expire }
      if (ms !== Infinity) entries.add(entry)
      const isOver = { value: false }
      return {
        reset(again) {
          if (isOver.value || (entry.at !== Infinity && !entries.has(entry))) return
          entries.delete(entry)
          entry.at = time.now + Math.max(again, 0)
          if (again !== Infinity) entries.add(entry)
        },
        [Symbol.dispose]() {
          isOver.value = true
          entries.delete(entry)
        },
      }
    },
    async advance(ms) {
      const end = time.now + ms
      await settled()
      for (let due = earliestUntil(end); due; due = earliestUntil(end)) {
        entries.delete(due)
        time.now = Math.max(time.now, due.at)
        due.expire()
        await settled()
      }
      time.now = end
    },
    get pending() {
      return entries.size
    },
  }
  return clock
}

/** Resolves after all pending microtasks. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
