import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startLeakCheck, until, within } from '../src/index.js'

test('names what is held beyond what was held before, until it is released', async () => {
  const leaks = await startLeakCheck()
  expect(leaks.extra()).toEqual([])
  // Several: a timer of whoever else is in this process may end meanwhile, and so hide one of ours.
  const timers = Array.from({ length: 10 }, () => setInterval(() => {}, 1_000))
  const listener = (): void => {}
  process.on('beforeExit', listener)
  expect(leaks.extra().join()).toContain('Timeout')
  expect(leaks.extra().join()).toContain("listener of process 'beforeExit'")
  await expect(leaks.released(20)).rejects.toThrow(/still held 20 ms after the end: .*Timeout/)
  for (const timer of timers) clearInterval(timer)
  process.off('beforeExit', listener)
  await leaks.released(1_000)
})

test.runIf(process.platform === 'linux')('counts open files', async () => {
  const leaks = await startLeakCheck()
  const file = openSync('/dev/null', 'r')
  expect(leaks.extra()).toEqual(['1 × open file'])
  closeSync(file)
  await leaks.released(1_000)
})

test('until and within name what did not happen', async () => {
  await until(() => true, 'a fact', 0)
  expect(await within(Promise.resolve(7), 'a promise', 1_000)).toBe(7)
  await expect(until(() => false, 'a fact', 10)).rejects.toThrow('not within 10 ms: a fact')
  await expect(within(new Promise(() => {}), 'a promise', 10)).rejects.toThrow('not within 10 ms: a promise')
})
