import { createFakeClock } from '@mcpwire/compliance'
import { expect, test, vi } from 'vitest'
import { watchParent } from '../src/parent-watch.js'

test('a parent that is gone is noticed at the next look, once', async () => {
  const clock = createFakeClock()
  let ppid = 42
  const gone = vi.fn()
  watchParent(gone, 1_000, clock, { ppid: () => ppid })
  await clock.advance(5_000)
  expect(gone).not.toHaveBeenCalled()
  ppid = 1
  await clock.advance(1_000)
  await clock.advance(5_000)
  expect(gone).toHaveBeenCalledTimes(1)
  expect(clock.pending).toBe(0)
})

test('on Windows, where an orphan keeps the id of its parent, the parent itself is looked for', async () => {
  const clock = createFakeClock()
  let runs = true
  const gone = vi.fn()
  watchParent(gone, 1_000, clock, { ppid: () => 42, isRunning: (pid) => pid === 42 && runs })
  await clock.advance(1_000)
  expect(gone).not.toHaveBeenCalled()
  runs = false
  await clock.advance(1_000)
  expect(gone).toHaveBeenCalledTimes(1)
})

test('nothing is watched where there is no parent to lose, or never is to be looked', () => {
  const clock = createFakeClock()
  watchParent(() => {}, 1_000, clock, { ppid: () => 1 })
  watchParent(() => {}, Infinity, clock, { ppid: () => 42 })
  watchParent(() => {}, 1_000, clock, { ppid: () => 42 })[Symbol.dispose]()
  expect(clock.pending).toBe(0)
})
