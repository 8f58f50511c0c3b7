import { describe, expect, test } from 'vitest'
import { toErrorResponse } from '../src/authoring.js'
import { TransportError } from '../src/index.js'
import { connectAdvice, describeSocketConnectError, describeTlsError } from '../src/node/index.js'

const options = { host: 'host', port: 'port' }

function failure(code: string): Error {
  return Object.assign(new Error('it failed'), { code })
}

describe.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '', 'EUNKNOWN'])(
  'an error with the unknown code %j',
  (code) => {
    test('has no advice', () => {
      expect(connectAdvice(failure(code), options)).toEqual({})
      expect(connectAdvice({ errors: [failure(code)] }, options)).toEqual({})
      expect(describeSocketConnectError(failure(code))).toEqual({ reason: 'it failed' })
      expect(describeTlsError(failure(code))).toBeUndefined()
      expect(describeTlsError(code)).toBeUndefined()
    })

    test('gets the response of a lost connection', () => {
      const error = new TransportError('CLOSED', 'it closed', undefined)
      Object.defineProperty(error, 'code', { value: code })
      expect(toErrorResponse(1, error)).toMatchObject({ error: { code: -31_002, message: 'upstream lost' } })
    })
  },
)

test.each([
  ['ECONNREFUSED', 'port'],
  ['ENOTFOUND', 'host'],
])('an error with the code %s names option "%s"', (code, option) => {
  expect(connectAdvice(failure(code), options)).toMatchObject({ option, hint: expect.any(String) })
})
