import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { toError } from '../src/authoring.js'
import { isTransportError, TransportError } from '../src/index.js'

describe('TransportError', () => {
  test('has a code, details, a message and a cause', () => {
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

  test('has no cause member without a cause', () => {
    expect('cause' in new TransportError('CLOSED', 'over', undefined)).toBe(false)
    expect('cause' in new TransportError('CLOSED', 'over', undefined, { cause: undefined })).toBe(false)
  })

  test('keeps a falsy cause', () => {
    expect(new TransportError('CLOSED', 'over', undefined, { cause: null }).cause).toBe(null)
  })

  test('shows its code in util.inspect', () => {
    expect(inspect(new TransportError('CLOSED', 'over', undefined))).toContain("code: 'CLOSED'")
  })
})

describe('isTransportError', () => {
  test('distinguishes errors by code', () => {
    const error = new TransportError('CLOSED', 'over', undefined)

    expect(isTransportError(error)).toBe(true)
    expect(isTransportError(error, 'CLOSED')).toBe(true)
    expect(isTransportError(error, 'NOT_STARTED')).toBe(false)
  })

  test('accepts errors of another copy of the package', () => {
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
  ])('rejects %s', (_name, value) => {
    expect(isTransportError(value)).toBe(false)
  })
})

describe('toError', () => {
  test('returns an error unchanged', () => {
    const error = new RangeError('a')

    expect(toError(error)).toBe(error)
  })

  test.each([
    ['text', 'boom', 'boom'],
    ['undefined', undefined, 'undefined'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
  ])('converts %s to an error', (_name, value, message) => {
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
  ])('converts an object that %s to an error', (_name, value) => {
    expect(toError(value)).toBeInstanceOf(Error)
    expect(toError(value).cause).toBe(value)
  })
})
