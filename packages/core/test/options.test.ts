import { expect, test } from 'vitest'
import { inRange, integer, invalidOption, oneOf, text } from '../src/authoring.js'
import { isTransportError } from '../src/index.js'

function failureOf(call: () => void): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

test('reports the option, the received value and the requirement', () => {
  const error = failureOf(() => invalidOption('port', -1, 'a port'))

  expect(isTransportError(error, 'INVALID_OPTION')).toBe(true)
  expect(error).toMatchObject({
    details: { option: 'port', received: -1 },
    message: expect.stringContaining('a port'),
  })
})

test.each([
  ['text', 'a"b', '"a\\"b"'],
  ['long text', 'x'.repeat(100), `"${'x'.repeat(77)}..."`],
  ['a function', () => 1, 'a function'],
  ['an array', [1], 'an array'],
  ['an object', { a: 1 }, 'an object'],
  ['null', null, 'null'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
])('describes %s in the error', (_name, received, described) => {
  expect(failureOf(() => invalidOption('o', received, 'other'))).toMatchObject({
    message: expect.stringContaining(`received ${described}`),
  })
})

test.each([
  [1, true],
  [10, true],
  [5.5, true],
  [0.999, false],
  [10.001, false],
  [Infinity, false],
  [Number.NaN, false],
  ['5', false],
  [undefined, false],
])('inRange(1, 10) decides for %o: %o', (value, passes) => {
  const error = failureOf(() => inRange(1, 10).check('o', value))

  expect(error === 'nothing was thrown').toBe(passes)
})

test('accepts Infinity without an upper limit', () => {
  expect(failureOf(() => inRange(0, Infinity).check('o', Infinity))).toBe('nothing was thrown')
  expect(failureOf(() => integer(0, Infinity).check('o', Infinity))).toBe('nothing was thrown')
  expect(failureOf(() => inRange(0, Infinity).check('o', -1))).toMatchObject({
    message: expect.stringContaining('at least 0'),
  })
})

test('integer() requires a whole number in the range', () => {
  expect(failureOf(() => integer(1, 4).check('o', 3))).toBe('nothing was thrown')
  expect(failureOf(() => integer(1, 4).check('o', 3.5))).toMatchObject({ code: 'INVALID_OPTION' })
  expect(failureOf(() => integer(1, 4).check('o', 5))).toMatchObject({ code: 'INVALID_OPTION' })
})

test('oneOf() requires a listed value and lists them', () => {
  expect(failureOf(() => oneOf(['a', 'b']).check('o', 'a'))).toBe('nothing was thrown')
  expect(failureOf(() => oneOf(['a', 'b']).check('o', 'c'))).toMatchObject({
    message: expect.stringContaining('"a", "b"'),
  })
})

test('text() requires a non-empty string', () => {
  expect(failureOf(() => text().check('o', 'a'))).toBe('nothing was thrown')
  expect(failureOf(() => text().check('o', ''))).toMatchObject({ code: 'INVALID_OPTION' })
  expect(failureOf(() => text().check('o', 1))).toMatchObject({ code: 'INVALID_OPTION' })
})
