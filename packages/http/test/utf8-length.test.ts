import { cpuTimeOf } from '@mcpwire/test-support/cpu-time'
import { expect, test } from 'vitest'
import { utf8Length } from '../src/shared/utf8-length.js'

test.each([
  '',
  'x',
  'é€😀',
  'x'.repeat(16_383),
  'x'.repeat(16_384),
  `${'x'.repeat(16_383)}😀`,
  `${'x'.repeat(16_382)}😀x`,
  '😀'.repeat(20_000),
  `x${'😀'.repeat(20_000)}`,
  '€'.repeat(50_000),
])('counts the bytes of UTF-8 of a text, number %#, as Buffer does', (text) => {
  expect(utf8Length(text)).toBe(Buffer.byteLength(text))
})

test('counts a text of 9 MB in a few milliseconds', () => {
  const text = JSON.stringify({ text: 'x'.repeat(9_000_000) })
  utf8Length(text)
  // A loop over the units takes 40 ms.
  expect(Math.min(...Array.from({ length: 5 }, () => cpuTimeOf(() => utf8Length(text))))).toBeLessThan(12)
})
