import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { whenAborted } from '../src/timing/when-aborted.js'

test('calls each callback once over one abort listener', () => {
  const controller = new AbortController()
  const calls: number[] = []
  const remove = Array.from({ length: 20 }, (_, n) => whenAborted(controller.signal, () => calls.push(n)))
  remove[3]?.()
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort()
  expect(calls).toEqual(Array.from({ length: 20 }, (_, n) => n).filter((n) => n !== 3))
})

test('removes the abort listener with the last callback', () => {
  const { signal } = new AbortController()
  const remove = [whenAborted(signal, () => {}), whenAborted(signal, () => {})]
  for (const each of remove) each()
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('does not call a callback that an earlier one removed', () => {
  const controller = new AbortController()
  const calls: string[] = []
  whenAborted(controller.signal, () => {
    calls.push('first')
    remove()
  })
  const remove = whenAborted(controller.signal, () => calls.push('second'))
  controller.abort()
  expect(calls).toEqual(['first'])
})
