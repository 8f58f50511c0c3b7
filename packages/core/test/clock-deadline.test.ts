import { describe, expect, test, vi } from 'vitest'
import { createWheelClock, sleepOn } from '../src/authoring.js'
import type { Clock } from '../src/index.js'
import { fakeSource, RESOLUTION_MS } from './support/timer-source.js'

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
    // Each generation expires in a tick of its own.
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

  test('can move the only other one of the same moment', () => {
    const source = fakeSource()
    const clock = createWheelClock(source)
    const met: number[] = []
    clock.deadline(10, () => other.reset(50))
    const other = clock.deadline(10, () => met.push(source.now()))

    source.advance(30)
    expect(met).toEqual([])
    source.advance(100)
    expect(met).toEqual([60])
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
