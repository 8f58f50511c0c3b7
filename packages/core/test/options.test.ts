import { expect, test } from 'vitest'
import { invalidOption, requireInRange, requireInteger, requireOneOf, requireText } from '../src/authoring.js'
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
])('requireInRange(1, 10) decides for %o: %o', (value, passes) => {
  const error = failureOf(() => requireInRange('o', value, 1, 10))

  expect(error === 'nothing was thrown').toBe(passes)
})

test('accepts Infinity without an upper limit', () => {
  expect(failureOf(() => requireInRange('o', Infinity, 0, Infinity))).toBe('nothing was thrown')
  expect(failureOf(() => requireInteger('o', Infinity, 0, Infinity))).toBe('nothing was thrown')
  expect(failureOf(() => requireInRange('o', -1, 0, Infinity))).toMatchObject({
    message: expect.stringContaining('at least 0'),
  })
})

test('requireInteger requires a whole number in the range', () => {
  expect(failureOf(() => requireInteger('o', 3, 1, 4))).toBe('nothing was thrown')
  expect(failureOf(() => requireInteger('o', 3.5, 1, 4))).toMatchObject({ code: 'INVALID_OPTION' })
  expect(failureOf(() => requireInteger('o', 5, 1, 4))).toMatchObject({ code: 'INVALID_OPTION' })
})

test('requireOneOf requires a listed value and lists them', () => {
  expect(failureOf(() => requireOneOf('o', 'a', ['a', 'b']))).toBe('nothing was thrown')
  expect(failureOf(() => requireOneOf('o', 'c', ['a', 'b']))).toMatchObject({
    message: expect.stringContaining('"a", "b"'),
  })
})

test('requireText requires a non-empty string', () => {
  expect(failureOf(() => requireText('o', 'a'))).toBe('nothing was thrown')
  expect(failureOf(() => requireText('o', ''))).toMatchObject({ code: 'INVALID_OPTION' })
  expect(failureOf(() => requireText('o', 1))).toMatchObject({ code: 'INVALID_OPTION' })
})
