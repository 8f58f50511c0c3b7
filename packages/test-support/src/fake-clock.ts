/** A moment in the future. The same as `Deadline` of core. */
interface Deadline extends Disposable {
  reset(ms: number): void
}

/** A clock whose time moves only by `advance`. Fits wherever core takes a `Clock`. */
export interface FakeClock {
  now(): number
  epochNow(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  deadline(ms: number, expire: () => void): Deadline
  /** Moves time on. Each deadline expires at its moment, and its effects happen before the next one expires. */
  advance(ms: number): Promise<void>
  /** How many deadlines are set. A leak test asserts 0. */
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

/** Resolves when every promise that can settle by itself has settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function sleepOn(clock: FakeClock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onabort = (): void => {
      deadline[Symbol.dispose]()
      reject(signal?.reason)
    }
    const deadline = clock.deadline(ms, () => {
      signal?.removeEventListener('abort', onabort)
      resolve()
    })
    signal?.addEventListener('abort', onabort, { once: true })
  })
}
