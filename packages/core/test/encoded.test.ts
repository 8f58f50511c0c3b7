import { expect, test } from 'vitest'
import { encodedOf, setEncoded } from '../src/authoring.js'

test('the bytes a message came as belong to that very object', () => {
  const message = { jsonrpc: '2.0', method: 'a' }
  const bytes = new Uint8Array([1])
  setEncoded(message, bytes)

  expect(encodedOf(message)).toBe(bytes)
  expect(encodedOf({ ...message })).toBeUndefined()
  expect(encodedOf(structuredClone(message))).toBeUndefined()
})

test('a message of our own making has none', () => {
  expect(encodedOf({ jsonrpc: '2.0', method: 'a' })).toBeUndefined()
})

test('noting them leaves the message as it was, even when it is frozen', () => {
  const message = Object.freeze({ jsonrpc: '2.0', method: 'a' })
  setEncoded(message, new Uint8Array(2))

  expect(Object.getOwnPropertyNames(message)).toEqual(['jsonrpc', 'method'])
  expect(encodedOf(message)?.length).toBe(2)
})
