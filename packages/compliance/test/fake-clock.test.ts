import { expect, test } from 'vitest'
import { createFakeClock } from '../src/index.js'

test('meets deadlines in order, each at its own moment', async () => {
  const clock = createFakeClock()
  const met: [string, number][] = []
  clock.deadline(30, () => met.push(['c', clock.now()]))
  clock.deadline(10, () => met.push(['a', clock.now()]))
  clock.deadline(10, () => met.push(['b', clock.now()]))
  await clock.advance(20)
  expect(met).toEqual([
    ['a', 10],
    ['b', 10],
  ])
  expect([clock.now(), clock.pending]).toEqual([20, 1])
  await clock.advance(10)
  expect(met.at(-1)).toEqual(['c', 30])
})

test('meets deadlines that others set on the way', async () => {
  const clock = createFakeClock()
  const met: number[] = []
  const again = (): void => {
    met.push(clock.now())
    if (met.length < 3) clock.deadline(10, again)
  }
  clock.deadline(10, again)
  await clock.advance(100)
  expect(met).toEqual([10, 20, 30])
})

test('lets what a deadline caused happen before the next one', async () => {
  const clock = createFakeClock()
  const met: string[] = []
  void clock.sleep(10).then(() => Promise.resolve().then(() => met.push('woken')))
  clock.deadline(11, () => met.push('next'))
  await clock.advance(20)
  expect(met).toEqual(['woken', 'next'])
})

test('forgets deadlines that were disposed of, and moves those that are reset', async () => {
  const clock = createFakeClock()
  const met: string[] = []
  clock.deadline(10, () => met.push('disposed of'))[Symbol.dispose]()
  const moved = clock.deadline(10, () => met.push('moved'))
  moved.reset(30)
  clock.deadline(Infinity, () => met.push('never'))
  await clock.advance(29)
  expect(met).toEqual([])
  await clock.advance(1)
  expect(met).toEqual(['moved'])
  moved.reset(5)
  await clock.advance(1_000_000)
  expect([met, clock.pending]).toEqual([['moved'], 0])
})

test('sleep rejects with the reason of its signal', async () => {
  const clock = createFakeClock(5_000)
  const abort = new AbortController()
  const sleeping = clock.sleep(10, abort.signal)
  abort.abort(new Error('enough'))
  await expect(sleeping).rejects.toThrow('enough')
  expect([clock.pending, clock.epochNow()]).toEqual([0, 5_000])
})
