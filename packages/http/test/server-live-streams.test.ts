import { createFakeClock } from '@mcpwire/compliance'
import { expect, test } from 'vitest'
import { LiveStreams } from '../src/server/request/keep-alive-scheduler.js'

test('a stream that fails when it is looked at is reported once, and the others are looked after', async () => {
  const clock = createFakeClock()
  const errors: Error[] = []
  const streams = new LiveStreams(clock, 1_000, (error) => errors.push(error))
  let beats = 0
  streams.add({
    dueAt: clock.now() + 1_000,
    beat: () => {
      throw new Error('it fails')
    },
  })
  const other = {
    dueAt: clock.now() + 1_000,
    beat: (now: number) => {
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
