import { PassThrough } from 'node:stream'
import { createFakeClock } from '@mcpwire/compliance'
import { describe, expect, test } from 'vitest'
import { drainOutput } from '../src/drain-output.js'

describe('drainOutput', () => {
  test('resolves after a limit while another process writes', async () => {
    const clock = createFakeClock()
    const stream = new PassThrough()
    stream.resume()
    let isDone = false
    const done = drainOutput(stream, clock).then(() => {
      isDone = true
    })
    for (let ms = 0; ms < 200 && !isDone; ms += 5) {
      stream.write('more\n')
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(5)
    }
    expect(isDone).toBe(true)
    await done
  })
})
