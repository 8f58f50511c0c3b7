import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { toError } from '../src/authoring.js'
import { isTransportError, TransportError } from '../src/index.js'

describe('TransportError', () => {
  test('carries code, details, message and cause', () => {
    const cause = new Error('ECONNREFUSED')

    const error = new TransportError('CONNECT_FAILED', 'no', { address: 'tcp://a' }, { cause })

    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'TransportError',
      code: 'CONNECT_FAILED',
      details: { address: 'tcp://a' },
      message: 'no',
      cause,
    })
  })

  test('has no cause of its own when none was given', () => {
    expect('cause' in new TransportError('CLOSED', 'over', undefined)).toBe(false)
    expect('cause' in new TransportError('CLOSED', 'over', undefined, { cause: undefined })).toBe(false)
  })

  test('keeps a cause that is falsy', () => {
    expect(new TransportError('CLOSED', 'over', undefined, { cause: null }).cause).toBe(null)
  })

  test('shows its code when inspected', () => {
    expect(inspect(new TransportError('CLOSED', 'over', undefined))).toContain("code: 'CLOSED'")
  })
})

describe('isTransportError', () => {
  test('tells codes apart', () => {
    const error = new TransportError('CLOSED', 'over', undefined)

    expect(isTransportError(error)).toBe(true)
    expect(isTransportError(error, 'CLOSED')).toBe(true)
    expect(isTransportError(error, 'NOT_STARTED')).toBe(false)
  })

  test('knows the errors of another copy of this package', () => {
    class TransportErrorOfAnotherCopy extends Error {
      readonly code = 'CLOSED'
      constructor() {
        super('over')
        Object.defineProperty(this, Symbol.for('@mcpwire/TransportError'), { value: true })
      }
    }

    expect(isTransportError(new TransportErrorOfAnotherCopy(), 'CLOSED')).toBe(true)
  })

  test.each([
    ['an error', new Error('a')],
    ['a look-alike', { code: 'CLOSED', name: 'TransportError' }],
    ['an error with such a code', Object.assign(new Error('a'), { code: 'CLOSED' })],
    ['null', null],
    ['undefined', undefined],
    ['text', 'CLOSED'],
  ])('does not know %s', (_name, value) => {
    expect(isTransportError(value)).toBe(false)
  })
})

describe('toError', () => {
  test('is the error itself', () => {
    const error = new RangeError('a')

    expect(toError(error)).toBe(error)
  })

  test.each([
    ['text', 'boom', 'boom'],
    ['undefined', undefined, 'undefined'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
  ])('makes an error of %s', (_name, value, message) => {
    expect(toError(value)).toMatchObject({ message, cause: value })
  })

  test.each([
    ['has no prototype', Object.create(null)],
    [
      'fails to say what it is',
      {
        toString() {
          throw new Error('no')
        },
      },
    ],
  ])('makes an error of an object that %s', (_name, value) => {
    expect(toError(value)).toBeInstanceOf(Error)
    expect(toError(value).cause).toBe(value)
  })
})
