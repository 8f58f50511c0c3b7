import { createFakeClock } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { KeepAliveScheduler } from '../src/server/request/periodic-check.js'

test('reports a stream whose tick fails once, and ticks the others', async () => {
  const clock = createFakeClock()
  const errors: Error[] = []
  const streams = new KeepAliveScheduler(clock, 1_000, (error) => errors.push(error))
  let beats = 0
  streams.add({
    dueAt: clock.now() + 1_000,
    tick: () => {
      throw new Error('it fails')
    },
  })
  const other = {
    dueAt: clock.now() + 1_000,
    tick: (now: number) => {
      beats++
      other.dueAt = now + 1_000
    },
  }
  streams.add(other)
  for (let n = 0; n < 6; n++) await clock.advance(1_000)
  streams.stop()
  expect(errors.map(({ message }) => message)).toEqual(['it fails'])
  expect(beats).toBeGreaterThan(3)
})
