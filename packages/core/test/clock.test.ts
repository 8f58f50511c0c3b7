import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { createWheelClock, sleepOn, type TimeSource } from '../src/authoring.js'
import { type Clock, systemClock } from '../src/index.js'

const RESOLUTION_MS = 5

interface FakeSource extends TimeSource {
  /** Moves time to `ms` later, firing timers on their way and reporting what they threw. */
  advance(ms: number): unknown[]
  readonly timers: number
  readonly mostTimers: number
  readonly timersSet: number
  readonly longestDelay: number
}

function fakeSource(start = 0): FakeSource {
  const state = { now: start, mostTimers: 0, timersSet: 0, longestDelay: 0 }
  const timers = new Set<{ at: number; fire: () => void }>()
  const dueUntil = (end: number) =>
    [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
  return {
    now: () => state.now,
    epochNow: () => 1_800_000_000_000 + state.now,
    setTimer(ms, fire) {
      const timer = { at: state.now + ms, fire }
      timers.add(timer)
      state.timersSet++
      state.mostTimers = Math.max(state.mostTimers, timers.size)
      state.longestDelay = Math.max(state.longestDelay, ms)
      return () => {
        timers.delete(timer)
      }
    },
    advance(ms) {
      const thrown: unknown[] = []
      const end = state.now + ms
      for (let due = dueUntil(end); due; due = dueUntil(end)) {
        timers.delete(due)
        state.now = Math.max(state.now, due.at)
        try {
          due.fire()
        } catch (error) {
          thrown.push(error)
        }
      }
      state.now = end
      return thrown
    },
    get timers() {
      return timers.size
    },
    get mostTimers() {
      return state.mostTimers
    },
    get timersSet() {
      return state.timersSet
    },
    get longestDelay() {
      return state.longestDelay
    },
  }
}

describe('a deadline', () => {
  test('is never early and expires within the resolution', () => {
    const moments = fc.array(fc.double({ min: 0.001, max: 5_000, noNaN: true }), {
      minLength: 1,
      maxLength: 30,
    })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 }), moments, (start, delays) => {
        const source = fakeSource(start)
        const clock = createWheelClock(source)
        const met = delays.map((ms) => {
          const record = { ms, at: Number.NaN }
          clock.deadline(ms, () => {
            record.at = source.now()
          })
          return record
        })
        source.advance(10_000)
        for (const { ms, at } of met) {
          expect(at).toBeGreaterThanOrEqual(start + ms)
          // One more for the timer, which takes whole milliseconds.
          expect(at).toBeLessThan(start + ms + Math.max(RESOLUTION_MS, ms / 128) + 1)
        }
      }),
    )
  })

  test('expires once', () => {
    const source = fakeSource()
    const expire = vi.fn()
    createWheelClock(source).deadline(10, expire)

    source.advance(10_000)

    expect(expire).toHaveBeenCalledTimes(1)
  })

  test('expires in the order of moments', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const met: number[] = []
    for (const ms of [40, 10, 30, 20, 0]) clock.deadline(ms, () => met.push(ms))

    source.advance(100)

    expect(met).toEqual([0, 10, 20, 30, 40])
  })

  test('does not expire inside the call that sets it, even at 0', () => {
    const expire = vi.fn()
    const source = fakeSource()
    createWheelClock(source).deadline(0, expire)

    expect(expire).not.toHaveBeenCalled()
    source.advance(RESOLUTION_MS)
    expect(expire).toHaveBeenCalledTimes(1)
  })

  test('expires immediately when it is in the past', () => {
    const source = fakeSource(1_000)
    const expire = vi.fn()
    createWheelClock(source).deadline(-Infinity, expire)

    source.advance(RESOLUTION_MS)

    expect(expire).toHaveBeenCalledTimes(1)
  })

  test('sets no timer at Infinity', () => {
    const source = fakeSource()
    createWheelClock(source).deadline(Infinity, () => {})

    expect(source.timersSet).toBe(0)
  })

  test('rejects NaN without affecting others', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const expire = vi.fn()
    clock.deadline(10, expire)
    clock.deadline(20, expire)
    const other = clock.deadline(30, expire)

    expect(() => clock.deadline(Number.NaN, () => {})).toThrow(RangeError)
    expect(() => other.reset(Number.NaN)).toThrow(RangeError)
    source.advance(100)

    expect(expire).toHaveBeenCalledTimes(3)
    expect(source.timers).toBe(0)
  })

  test('expires on time beyond the longest platform timer', () => {
    const source = fakeSource()
    const expire = vi.fn()
    const ms = 2 ** 31 * 3
    createWheelClock(source).deadline(ms, expire)

    source.advance(ms - 1)
    expect(expire).not.toHaveBeenCalled()
    expect(source.longestDelay).toBeLessThan(2 ** 31)
    source.advance(1 + ms / 128)

    expect(expire).toHaveBeenCalledTimes(1)
  })
})

describe('the timer of the source', () => {
  test('is one at a time and none without deadlines', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const deadlines = [50, 10, 30, 10].map((ms) => clock.deadline(ms, () => {}))

    expect(source.timers).toBe(1)
    for (const each of deadlines) each[Symbol.dispose]()

    expect(source.timers).toBe(0)
    expect(source.mostTimers).toBe(1)
  })

  test('is cleared after the last deadline', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    clock.deadline(10, () => {})
    clock.deadline(20, () => {})

    source.advance(100)

    expect(source.timers).toBe(0)
    expect(source.mostTimers).toBe(1)
  })

  test('is set again after it fired too early', () => {
    const source = fakeSource()
    const expire = vi.fn()
    const hasty: TimeSource = {
      ...source,
      setTimer: (ms, fire) => source.setTimer(ms > 1 ? ms - 1 : ms, fire),
    }
    createWheelClock(hasty).deadline(10, expire)

    source.advance(9)
    expect(expire).not.toHaveBeenCalled()
    source.advance(1)

    expect(expire).toHaveBeenCalledTimes(1)
  })

  test('serves 100 000 deadlines of the same minute with few timers', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const expire = vi.fn()
    for (let n = 0; n < 100_000; n++) clock.deadline(30_000 + (n % 500), expire)

    expect(source.timersSet).toBe(1)
    source.advance(60_000)

    expect(expire).toHaveBeenCalledTimes(100_000)
    expect(source.timersSet).toBeLessThanOrEqual(101)
    expect(source.timers).toBe(0)
  })

  test('leaves nothing after 100 000 deadlines are set and disposed', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const expire = vi.fn()
    const deadlines = Array.from({ length: 100_000 }, (_, n) => clock.deadline(n, expire))
    for (const each of deadlines) each[Symbol.dispose]()

    expect(source.timers).toBe(0)
    source.advance(200_000)
    expect(expire).not.toHaveBeenCalled()
  })
})

describe('dispose', () => {
  test('prevents the expiry and is idempotent', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const expire = vi.fn()
    const kept = vi.fn()
    const deadline = clock.deadline(10, expire)
    clock.deadline(10, kept)

    deadline[Symbol.dispose]()
    deadline[Symbol.dispose]()
    source.advance(100)

    expect(expire).not.toHaveBeenCalled()
    expect(kept).toHaveBeenCalledTimes(1)
  })

  test('is final: a reset has no effect', () => {
    const source = fakeSource()
    const expire = vi.fn()
    const deadline = createWheelClock(source).deadline(10, expire)

    deadline[Symbol.dispose]()
    deadline.reset(1)
    source.advance(100)

    expect(expire).not.toHaveBeenCalled()
    expect(source.timers).toBe(0)
  })

  test('removes a deadline at Infinity', () => {
    const source = fakeSource()
    const deadline = createWheelClock(source).deadline(Infinity, () => {})

    deadline[Symbol.dispose]()
    deadline.reset(1)

    expect(source.timers).toBe(0)
  })
})

describe('reset', () => {
  test('moves the moment earlier and later', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const met: string[] = []
    const later = clock.deadline(10, () => met.push('later'))
    const sooner = clock.deadline(1_000, () => met.push('sooner'))

    later.reset(500)
    sooner.reset(100)
    source.advance(499)
    expect(met).toEqual(['sooner'])
    source.advance(RESOLUTION_MS + 1)

    expect(met).toEqual(['sooner', 'later'])
  })

  test('moves a deadline to Infinity and back', () => {
    const source = fakeSource()
    const expire = vi.fn()
    const deadline = createWheelClock(source).deadline(10, expire)

    deadline.reset(Infinity)
    expect(source.timers).toBe(0)
    deadline.reset(10)
    source.advance(100)

    expect(expire).toHaveBeenCalledTimes(1)
  })

  test('has no effect after the expiry', () => {
    const source = fakeSource()
    const expire = vi.fn()
    const deadline = createWheelClock(source).deadline(10, expire)

    source.advance(100)
    deadline.reset(10)
    source.advance(100)

    expect(expire).toHaveBeenCalledTimes(1)
    expect(source.timers).toBe(0)
  })
})

describe('the callback of a deadline', () => {
  test('can set other deadlines', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const inner = vi.fn()
    clock.deadline(10, () => clock.deadline(10, inner))

    source.advance(15)
    expect(inner).not.toHaveBeenCalled()
    source.advance(20)

    expect(inner).toHaveBeenCalledTimes(1)
  })

  test('can set deadlines at 0 without blocking the clock', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const turns = vi.fn()
    const again = (): void => {
      turns()
      if (turns.mock.calls.length < 1_000) clock.deadline(0, again)
    }
    clock.deadline(0, again)
    clock.deadline(0, again)
    const timersBefore = source.timersSet
    source.advance(10_000)

    expect(turns.mock.calls.length).toBeGreaterThanOrEqual(1_000)
    // Each generation has a turn of its own: nothing loops within one.
    expect(source.timersSet - timersBefore).toBeGreaterThan(400)
  })

  test('can dispose others of the same moment', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const second = vi.fn()
    const others: Disposable[] = []
    clock.deadline(10, () => {
      for (const other of others) other[Symbol.dispose]()
    })
    others.push(clock.deadline(10, second), clock.deadline(12, second), clock.deadline(90, second))

    source.advance(100)

    expect(second).not.toHaveBeenCalled()
    expect(source.timers).toBe(0)
  })

  test('can move others of the same moment', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const second = vi.fn()
    const others: ReturnType<Clock['deadline']>[] = []
    clock.deadline(10, () => others[0]?.reset(50))
    others.push(clock.deadline(10, second))

    source.advance(59)
    expect(second).not.toHaveBeenCalled()
    source.advance(10)

    expect(second).toHaveBeenCalledTimes(1)
  })

  test('can throw without affecting the others', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const met = vi.fn()
    const failure = new Error('a bug')
    clock.deadline(10, met)
    clock.deadline(10, () => {
      throw failure
    })
    clock.deadline(10, met)
    clock.deadline(50, met)

    const thrown = source.advance(100)

    expect(thrown).toEqual([failure])
    expect(met).toHaveBeenCalledTimes(3)
    expect(source.timers).toBe(0)
  })
})

describe('sleep', () => {
  test('resolves after the given time', async () => {
    const source = fakeSource()
    const slept = createWheelClock(source).sleep(100)

    source.advance(100 + RESOLUTION_MS)

    await expect(slept).resolves.toBeUndefined()
  })

  test('rejects with the reason of the signal and disposes its deadline', async () => {
    const source = fakeSource()
    const reason = { any: 'value' }
    const controller = new AbortController()
    const slept = createWheelClock(source).sleep(100, controller.signal)

    controller.abort(reason)

    await expect(slept).rejects.toBe(reason)
    expect(source.timers).toBe(0)
  })

  test('rejects immediately for an aborted signal', async () => {
    const source = fakeSource()
    const reason = new Error('before')

    await expect(createWheelClock(source).sleep(100, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(source.timersSet).toBe(0)
  })

  test('removes its abort listener', async () => {
    const source = fakeSource()
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    const slept = sleepOn(createWheelClock(source), 10, signal)

    source.advance(100)
    await slept

    expect(removed).toHaveBeenCalledTimes(1)
  })

  test('rejects for NaN', async () => {
    await expect(createWheelClock(fakeSource()).sleep(Number.NaN)).rejects.toThrow(RangeError)
  })
})

test('systemClock sleeps and reads the time', async () => {
  const before = systemClock.now()

  await systemClock.sleep(1)

  expect(systemClock.now()).toBeGreaterThanOrEqual(before + 1)
  expect(Math.abs(systemClock.epochNow() - Date.now())).toBeLessThan(1_000)
})

test('holds any number of long deadlines in a few hundred slots', () => {
  const source = fakeSource()
  const clock = createWheelClock(source)
  let met = 0
  for (let count = 0; count < 20_000; count++) {
    clock.deadline(60_000, () => met++)
    source.advance(1)
  }

  source.advance(61_000)

  expect(met).toBe(20_000)
  // One timer for each slot that came due, and few more: a deadline of a minute shares its slot with a third of a second.
  expect(source.timersSet).toBeLessThan(200)
})
