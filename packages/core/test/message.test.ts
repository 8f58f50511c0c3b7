import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRequestId, parseMessage } from '../src/authoring.js'
import { isErrorResponse, isNotification, isRequest, isResponse, type JsonRpcMessage } from '../src/index.js'
import { messages } from './support/messages.js'

const request: JsonRpcMessage = { jsonrpc: '2.0', id: 0, method: 'ping' }
const notification: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/initialized' }
const result: JsonRpcMessage = { jsonrpc: '2.0', id: '', result: {} }
const failure: JsonRpcMessage = { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no' } }

describe('parseMessage', () => {
  test.each([
    ['a request with id 0', request],
    ['a request with an empty id', { ...request, id: '' }],
    ['a request with the largest safe id', { ...request, id: 2 ** 53 - 1 }],
    ['a request with a negative id', { ...request, id: -7 }],
    ['a request with unknown members', { ...request, extra: 1 }],
    ['a request with an empty method', { ...request, method: '' }],
    ['a notification', notification],
    ['a notification with params', { ...notification, params: { a: 1 } }],
    ['a result', result],
    ['a result with _meta', { ...result, result: { _meta: { progressToken: 1 } } }],
    ['an error', failure],
    ['an error with data', { ...failure, error: { code: 0, message: '', data: [null] } }],
    ['an error without id', { jsonrpc: '2.0', error: { code: -32700, message: 'parse error' } }],
  ])('returns %s unchanged [GEN-01, GEN-03]', (_name, value) => {
    expect(parseMessage(value)).toBe(value)
  })

  test.each([
    ['null', null],
    ['a string', '{}'],
    ['a number', 1],
    ['undefined', undefined],
    ['an array', [request]],
    ['an empty object', {}],
    ['an envelope alone', { jsonrpc: '2.0' }],
    ['another version', { ...request, jsonrpc: '1.0' }],
    ['a version that is a number', { ...request, jsonrpc: 2 }],
    ['a method that is no string', { ...request, method: 1 }],
    ['a null method', { ...request, method: null }],
    ['params that are a list', { ...request, params: [] }],
    ['params that are null', { ...request, params: null }],
    ['params that are text', { ...request, params: 'a' }],
    ['a request with id null', { ...request, id: null }],
    ['a request with a fractional id', { ...request, id: 1.5 }],
    ['a request with an id beyond 2^53-1', { ...request, id: 2 ** 53 }],
    ['a request with an object for an id', { ...request, id: {} }],
    ['a request with a boolean id', { ...request, id: true }],
    ['a call that is a result too', { ...request, result: {} }],
    ['a call that is an error too', { ...request, error: { code: 1, message: '' } }],
    ['a result without id', { jsonrpc: '2.0', result: {} }],
    ['a result with id null', { jsonrpc: '2.0', id: null, result: {} }],
    ['a result that is text', { ...result, result: 'ok' }],
    ['a result that is null', { ...result, result: null }],
    ['a result that is a list', { ...result, result: [] }],
    ['an id alone', { jsonrpc: '2.0', id: 1 }],
    ['an error that is text', { ...failure, error: 'no' }],
    ['an error that is null', { ...failure, error: null }],
    ['an error without code', { ...failure, error: { message: '' } }],
    ['an error with a fractional code', { ...failure, error: { code: 1.5, message: '' } }],
    ['an error without message', { ...failure, error: { code: 1 } }],
    ['an error that is a result too', { ...failure, result: {} }],
    ['an error with a fractional id', { ...failure, id: 0.1 }],
  ])('returns the reason why %s is no message [GEN-01, GEN-03, GEN-07]', (_name, value) => {
    expect(parseMessage(value)).toEqual(expect.any(String))
  })

  test('removes a null id from an error response [GEN-06]', () => {
    const answered = parseMessage({ jsonrpc: '2.0', id: null, error: { code: -32600, message: 'bad' }, x: 1 })

    expect(answered).toEqual({ jsonrpc: '2.0', error: { code: -32600, message: 'bad' }, x: 1 })
    expect('id' in (answered as object)).toBe(false)
  })

  test('keeps a "__proto__" member', () => {
    const text = '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""},"__proto__":{"method":"evil"}}'

    const answered = parseMessage(JSON.parse(text)) as object

    expect(Object.getPrototypeOf(answered)).toBe(Object.prototype)
    expect('method' in answered).toBe(false)
  })

  test('accepts its own result and never throws', () => {
    fc.assert(fc.property(messages(), (message) => parseMessage(message) === message))
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const parsed = parseMessage(value)
        expect(typeof parsed === 'string' || typeof parsed === 'object').toBe(true)
      }),
    )
  })
})

describe('the type guards of messages', () => {
  test('distinguish all kinds', () => {
    const kinds = [request, notification, result, failure].map((message) => [
      isRequest(message),
      isNotification(message),
      isResponse(message),
      isErrorResponse(message),
    ])

    expect(kinds).toEqual([
      [true, false, false, false],
      [false, true, false, false],
      [false, false, true, false],
      [false, false, true, true],
    ])
  })

  test('accept each message as exactly one of request, notification and response', () => {
    fc.assert(
      fc.property(messages(), (message) => {
        expect([isRequest, isNotification, isResponse].filter((is) => is(message))).toHaveLength(1)
      }),
    )
  })

  test('accept a method with an undefined id as a notification', () => {
    const message = { jsonrpc: '2.0', id: undefined, method: 'a' } as unknown as JsonRpcMessage

    expect(isRequest(message)).toBe(false)
    expect(isNotification(message)).toBe(true)
  })
})

test.each([
  ['', true],
  [0, true],
  [-(2 ** 53) + 1, true],
  [2 ** 53, false],
  [Number.NaN, false],
  [null, false],
  [1n, false],
])('isRequestId(%o) is %o', (value, expected) => {
  expect(isRequestId(value)).toBe(expected)
})
