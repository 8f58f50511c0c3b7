import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createStderrTail } from '../src/stderr.js'

const TAIL_BYTES = 4_096

test('the tail is the last 4 KiB, whatever the chunks they came in', () => {
  const chunk = fc.nat({ max: 5_000 }).map((size) => Buffer.alloc(size, `${size} `))
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 20 }), (chunks) => {
      const tail = createStderrTail()
      for (const each of chunks) tail.push(each)
      expect(tail.text()).toBe(Buffer.concat(chunks).subarray(-TAIL_BYTES).toString())
    }),
  )
})

test('a character that was cut at the start is left out', () => {
  const tail = createStderrTail()
  tail.push(Buffer.from('語'.repeat(2_000)))
  expect(tail.text()).toMatch(/^語+$/)
  expect(Buffer.byteLength(tail.text())).toBeLessThanOrEqual(TAIL_BYTES)
})
