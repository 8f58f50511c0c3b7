import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startLeakCheck, until, within } from '../src/index.js'

test('startLeakCheck() lists additional resources until they are released', async () => {
  const leaks = await startLeakCheck()
  expect(leaks.extra()).toEqual([])
  // Several timers: another timer of this process may end and hide one of them.
  const timers = Array.from({ length: 10 }, () => setInterval(() => {}, 1_000))
  const listener = (): void => {}
  process.on('beforeExit', listener)
  expect(leaks.extra().join()).toContain('Timeout')
  expect(leaks.extra().join()).toContain("listener of process 'beforeExit'")
  await expect(leaks.released(20)).rejects.toThrow(/Timeout/)
  for (const timer of timers) clearInterval(timer)
  process.off('beforeExit', listener)
  await leaks.released(30_000)
})

test.runIf(process.platform === 'linux')('startLeakCheck() counts open files', async () => {
  const leaks = await startLeakCheck()
  const file = openSync('/dev/null', 'r')
  expect(leaks.extra()).toEqual(['1 × open file'])
  closeSync(file)
  await leaks.released(30_000)
})

test('until() and within() reject with their description', async () => {
  await until(() => true, 'a condition', 0)
  expect(await within(Promise.resolve(7), 'a promise', 30_000)).toBe(7)
  await expect(until(() => false, 'a condition', 10)).rejects.toThrow('a condition')
  await expect(within(new Promise(() => {}), 'a promise', 10)).rejects.toThrow('a promise')
})
