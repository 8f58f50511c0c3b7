import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { whenAborted } from '../src/timing/when-aborted.js'

test('calls each callback once over one abort listener', () => {
  const controller = new AbortController()
  const told: number[] = []
  const forget = Array.from({ length: 20 }, (_, n) => whenAborted(controller.signal, () => told.push(n)))
  forget[3]?.()
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort()
  expect(told).toEqual(Array.from({ length: 20 }, (_, n) => n).filter((n) => n !== 3))
})

test('removes the abort listener with the last callback', () => {
  const { signal } = new AbortController()
  const forget = [whenAborted(signal, () => {}), whenAborted(signal, () => {})]
  for (const each of forget) each()
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('does not call a callback that an earlier one removed', () => {
  const controller = new AbortController()
  const told: string[] = []
  whenAborted(controller.signal, () => {
    told.push('first')
    forget()
  })
  const forget = whenAborted(controller.signal, () => told.push('second'))
  controller.abort()
  expect(told).toEqual(['first'])
})
