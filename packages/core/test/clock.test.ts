import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { createWheelClock, type TimeSource } from '../src/authoring.js'
import { systemClock } from '../src/index.js'
import { fakeSource, RESOLUTION_MS } from './support/timer-source.js'

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
          // One more millisecond for the timer, which has whole milliseconds.
          expect(at).toBeLessThan(start + ms + Math.max(RESOLUTION_MS, ms / 128) + 1)
        }
      }),
    )
  })

  test('calls expire exactly once', () => {
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

  test('stays set for the next deadline, but does not keep the process alive', () => {
    const source = fakeSource(0, { canUnref: true })
    const clock = createWheelClock(source)
    for (let count = 0; count < 10; count++) {
      const deadline = clock.deadline(1_000, () => {})
      expect(source.referenced).toBe(1)
      deadline[Symbol.dispose]()
      expect(source.referenced).toBe(0)
    }
    expect(source.timersSet).toBe(1)

    const met: number[] = []
    for (const ms of [500, 2_000]) clock.deadline(ms, () => met.push(ms))
    expect(source.referenced).toBe(1)
    source.advance(510)
    expect(met).toEqual([500])
    source.advance(1_510)
    expect(met).toEqual([500, 2_000])
    expect(source.timers).toBe(0)
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

test('systemClock sleeps and reads the time', async () => {
  const before = { now: systemClock.now(), epoch: Date.now() }

  await systemClock.sleep(1)

  expect(systemClock.now()).toBeGreaterThanOrEqual(before.now + 1)
  expect(systemClock.epochNow()).toBeGreaterThanOrEqual(before.epoch)
  expect(systemClock.epochNow()).toBeLessThanOrEqual(Date.now())
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
  // About one timer per slot: the slot of a one-minute deadline is a third of a second wide.
  expect(source.timersSet).toBeLessThan(200)
})
