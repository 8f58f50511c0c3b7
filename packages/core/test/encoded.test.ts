import { expect, test } from 'vitest'
import { encodedOf } from '../src/authoring.js'
import { setEncoded } from '../src/messages/message-reader.js'

test('returns the bytes of the original object only', () => {
  const message = { jsonrpc: '2.0', method: 'a' }
  const bytes = new Uint8Array([1])
  setEncoded(message, bytes)

  expect(encodedOf(message)).toBe(bytes)
  expect(encodedOf({ ...message })).toBeUndefined()
  expect(encodedOf(structuredClone(message))).toBeUndefined()
})

test('returns nothing for a message that was not received', () => {
  expect(encodedOf({ jsonrpc: '2.0', method: 'a' })).toBeUndefined()
})

test('keeps the bytes of a frozen message', () => {
  const message = Object.freeze({ jsonrpc: '2.0', method: 'a' })
  setEncoded(message, new Uint8Array(2))

  expect(Object.getOwnPropertyNames(message)).toEqual(['jsonrpc', 'method'])
  expect(encodedOf(message)?.length).toBe(2)
})
