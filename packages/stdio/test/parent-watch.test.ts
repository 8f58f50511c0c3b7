import { createFakeClock } from '@mcpwire/compliance'
import { expect, test, vi } from 'vitest'
import { watchParent } from '../src/parent-watch.js'

test('reports once, at the next check, that the parent has exited', async () => {
  const clock = createFakeClock()
  let ppid = 42
  const onexit = vi.fn()
  watchParent(onexit, 1_000, clock, { ppid: () => ppid })
  await clock.advance(5_000)
  expect(onexit).not.toHaveBeenCalled()
  ppid = 1
  await clock.advance(1_000)
  await clock.advance(5_000)
  expect(onexit).toHaveBeenCalledTimes(1)
  expect(clock.pending).toBe(0)
})

test('checks the parent process itself on Windows, where an orphan keeps its parent id', async () => {
  const clock = createFakeClock()
  let runs = true
  const onexit = vi.fn()
  watchParent(onexit, 1_000, clock, { ppid: () => 42, isRunning: (pid) => pid === 42 && runs })
  await clock.advance(1_000)
  expect(onexit).not.toHaveBeenCalled()
  runs = false
  await clock.advance(1_000)
  expect(onexit).toHaveBeenCalledTimes(1)
})

test('sets no timer for a child of init, with Infinity, and after disposal', () => {
  const clock = createFakeClock()
  watchParent(() => {}, 1_000, clock, { ppid: () => 1 })
  watchParent(() => {}, Infinity, clock, { ppid: () => 42 })
  watchParent(() => {}, 1_000, clock, { ppid: () => 42 })[Symbol.dispose]()
  expect(clock.pending).toBe(0)
})
