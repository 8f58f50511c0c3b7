import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { AdmissionTimer, createWheelClock } from '../src/authoring.js'

const HOUR_MS = 3_600_000

function timing() {
  const clock = fakeClock()
  const onEnd = vi.fn()
  return { clock, onEnd, timer: new AdmissionTimer(clock, onEnd), at: (ms: number) => clock.epochNow() + ms }
}

/** A clock with the slots of the system clock and the time of a fake clock. */
function wheelClock() {
  const fake = fakeClock()
  const wheel = createWheelClock({
    now: fake.now,
    epochNow: fake.epochNow,
    setTimer: (ms, fire) => {
      const deadline = fake.deadline(ms, fire)
      return () => deadline[Symbol.dispose]()
    },
  })
  return { fake, wheel }
}

describe('the end of an admission', () => {
  test('is reported when it expires, not before', async () => {
    const { clock, onEnd, timer, at } = timing()
    timer.renew({ expiresAt: at(500) })
    await clock.advance(499)
    expect(onEnd).not.toHaveBeenCalled()
    await clock.advance(1)

    expect(onEnd.mock.calls).toEqual([['expired']])
    expect(clock.pending).toBe(0)
  })

  test('is on time after 24 hours, although a slot of the wheel clock is minutes wide', async () => {
    const { fake, wheel } = wheelClock()
    const coarse = vi.fn()
    wheel.deadline(24 * HOUR_MS - 1, coarse)
    const onEnd = vi.fn()
    new AdmissionTimer(wheel, onEnd).renew({ expiresAt: fake.epochNow() + 24 * HOUR_MS })
    await fake.advance(24 * HOUR_MS - 1)
    expect(onEnd).not.toHaveBeenCalled()
    await fake.advance(10)

    expect(onEnd).toHaveBeenCalledTimes(1)
    expect(coarse).not.toHaveBeenCalled()
  })

  test('is at most 20 ms late for any wait, and never early', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 40 * 24 * HOUR_MS }), async (ms) => {
        const { fake, wheel } = wheelClock()
        const expiresAt = fake.epochNow() + ms
        let endedAt = Number.NaN
        new AdmissionTimer(wheel, () => {
          endedAt = fake.epochNow()
        }).renew({ expiresAt })
        await fake.advance(ms + 1_000)

        expect(endedAt).toBeGreaterThanOrEqual(expiresAt)
        expect(endedAt).toBeLessThanOrEqual(expiresAt + 20)
      }),
      { numRuns: 50 },
    )
  })

  test('is reported when the admission is revoked', () => {
    const { clock, onEnd, timer, at } = timing()
    const controller = new AbortController()
    timer.renew({ expiresAt: at(500), revoked: controller.signal })
    controller.abort()

    expect(onEnd.mock.calls).toEqual([['revoked']])
    expect(clock.pending).toBe(0)
  })

  test('is reported at once for an admission that is revoked already', () => {
    const { onEnd, timer } = timing()
    timer.renew({ revoked: AbortSignal.abort() })

    expect(onEnd.mock.calls).toEqual([['revoked']])
  })

  test('is reported once, whatever follows', async () => {
    const { clock, onEnd, timer, at } = timing()
    const controller = new AbortController()
    timer.renew({ expiresAt: at(500), revoked: controller.signal })
    await clock.advance(500)
    controller.abort()
    timer.renew({ expiresAt: at(1) })
    await clock.advance(HOUR_MS)

    expect(onEnd).toHaveBeenCalledTimes(1)
  })

  test('is never reported after end()', async () => {
    const { clock, onEnd, timer, at } = timing()
    const controller = new AbortController()
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    timer.renew({ expiresAt: at(500), revoked: controller.signal })
    timer.end()
    controller.abort()
    await clock.advance(HOUR_MS)

    expect(onEnd).not.toHaveBeenCalled()
    expect(removed).toHaveBeenCalledTimes(1)
  })

  test('is never reported for an admission without an end', async () => {
    const { clock, onEnd, timer } = timing()
    timer.renew({})
    timer.renew({ expiresAt: Infinity })
    await clock.advance(1_000 * HOUR_MS)

    expect(onEnd).not.toHaveBeenCalled()
  })
})

describe('renew()', () => {
  test.each([
    { from: 500, to: 2 * HOUR_MS },
    { from: 24 * HOUR_MS, to: 500 },
  ])('moves the end from $from to $to ms', async ({ from, to }) => {
    const { clock, onEnd, timer, at } = timing()
    timer.renew({ expiresAt: at(from) })
    timer.renew({ expiresAt: at(to) })
    await clock.advance(to - 1)
    expect(onEnd).not.toHaveBeenCalled()
    await clock.advance(2)

    expect(onEnd.mock.calls).toEqual([['expired']])
    expect(clock.pending).toBe(0)
  })

  test('removes the end where the new admission has none', async () => {
    const { clock, onEnd, timer, at } = timing()
    timer.renew({ expiresAt: at(500), revoked: new AbortController().signal })
    timer.renew({})
    await clock.advance(HOUR_MS)

    expect(onEnd).not.toHaveBeenCalled()
    expect(clock.pending).toBe(0)
  })

  test('replaces the signal', async () => {
    const { onEnd, timer } = timing()
    const [first, second] = [new AbortController(), new AbortController()]
    timer.renew({ revoked: first.signal })
    timer.renew({ revoked: second.signal })
    first.abort()
    await settled()
    expect(onEnd).not.toHaveBeenCalled()
    second.abort()

    expect(onEnd.mock.calls).toEqual([['revoked']])
  })
})
