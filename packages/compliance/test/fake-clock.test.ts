import { expect, test } from 'vitest'
import { createFakeClock } from '../src/index.js'

test('expires deadlines in order, each at its own time', async () => {
  const clock = createFakeClock()
  const expired: { name: string; at: number }[] = []
  clock.deadline(30, () => expired.push({ name: 'c', at: clock.now() }))
  clock.deadline(10, () => expired.push({ name: 'a', at: clock.now() }))
  clock.deadline(10, () => expired.push({ name: 'b', at: clock.now() }))
  await clock.advance(20)
  expect(expired).toEqual([
    { name: 'a', at: 10 },
    { name: 'b', at: 10 },
  ])
  expect({ now: clock.now(), pending: clock.pending }).toEqual({ now: 20, pending: 1 })
  await clock.advance(10)
  expect(expired.at(-1)).toEqual({ name: 'c', at: 30 })
})

test('expires deadlines set by other deadlines', async () => {
  const clock = createFakeClock()
  const expired: number[] = []
  const again = (): void => {
    expired.push(clock.now())
    if (expired.length < 3) clock.deadline(10, again)
  }
  clock.deadline(10, again)
  await clock.advance(100)
  expect(expired).toEqual([10, 20, 30])
})

test('runs pending callbacks between two deadlines', async () => {
  const clock = createFakeClock()
  const expired: string[] = []
  void clock.sleep(10).then(() => Promise.resolve().then(() => expired.push('resumed')))
  clock.deadline(11, () => expired.push('next'))
  await clock.advance(20)
  expect(expired).toEqual(['resumed', 'next'])
})

test('skips disposed deadlines and moves reset ones', async () => {
  const clock = createFakeClock()
  const expired: string[] = []
  clock.deadline(10, () => expired.push('disposed'))[Symbol.dispose]()
  const moved = clock.deadline(10, () => expired.push('moved'))
  moved.reset(30)
  clock.deadline(Infinity, () => expired.push('never'))
  await clock.advance(29)
  expect(expired).toEqual([])
  await clock.advance(1)
  expect(expired).toEqual(['moved'])
  moved.reset(5)
  await clock.advance(1_000_000)
  expect({ expired, pending: clock.pending }).toEqual({ expired: ['moved'], pending: 0 })
})

test('sleep() rejects with the reason of its signal', async () => {
  const clock = createFakeClock(5_000)
  const abort = new AbortController()
  const sleeping = clock.sleep(10, abort.signal)
  abort.abort(new Error('cancelled'))
  await expect(sleeping).rejects.toThrow('cancelled')
  expect({ pending: clock.pending, epochNow: clock.epochNow() }).toEqual({ pending: 0, epochNow: 5_000 })
})
