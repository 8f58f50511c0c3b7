import { isNotification, type JsonRpcMessage, type MessageParams } from '@mcpwire/core'
import { expect } from 'vitest'
import type { TransportFixture } from '../transport-fixture.js'
import { type ClauseCase, clause } from '../transport-fixture.js'

const LONG_TEXT_LENGTH = 1_048_576
const NESTING = 200

/** C2: messages arrive unchanged. Order is in `order.ts`. */
export const contentCases: readonly ClauseCase[] = [
  carries('text in every script, surrogate pairs and line separators', {
    text: 'grüße, Ελλάδα, 日本語, 👩‍👩‍👧‍👦, \u{1f600}, \u{10ffff}, \u0000\u0001\u001f\u007f\u2028\u2029\ufeff, \\ " / \t \r\n',
    keyed: { 'ключ\u2028\n"': 1, '': 2, '\u{1f600}': 3 },
  }),
  carries('lone surrogates', { text: 'a\ud83d b\ude00' }),
  carries('numbers, nulls and empty structures', {
    numbers: [0, -1, 1.5, 1e21, 5e-324, 9007199254740991, -9007199254740991],
    empty: [null, '', {}, [], [[]], { a: {} }, false],
  }),
  carries('a string of 1 MiB', { text: 'é'.repeat(LONG_TEXT_LENGTH / 2) }),
  carries('deep nesting', { deep: nested(NESTING) }),

  clause('C2', 'carries a key called __proto__ as data', async (fixture) => {
    const params = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"inner":{"__proto__":1}}',
    ) as MessageParams
    const received = await sendAndReceive(fixture, params)
    expect(JSON.stringify(received), 'the message that arrived').toBe(JSON.stringify(params))
    expect(
      Object.hasOwn(received, '__proto__'),
      'the member "__proto__" of a message is its own member',
    ).toBe(true)
    expect(Object.getPrototypeOf(received), 'prototype of the received message').toBe(Object.prototype)
    expect('polluted' in {}, 'Object.prototype has the members of a message').toBe(false)
    expect('polluted' in received, 'the received message inherits a member of "__proto__"').toBe(false)
  }),

  clause('C2', 'carries every kind of message [GEN-12]', async (fixture) => {
    const { near, far, atNear, atFar } = await fixture.open()
    const requestMessage: JsonRpcMessage = {
      jsonrpc: '2.0',
      id: 'q',
      method: 'test/ask',
      params: { _meta: { progressToken: 7 } },
    }
    const errorResponse: JsonRpcMessage = {
      jsonrpc: '2.0',
      id: 'q',
      error: { code: -32_000, message: 'nö', data: { why: ['\u2028'] } },
    }
    const bare: JsonRpcMessage = { jsonrpc: '2.0', method: 'test/bare' }
    const sending = near.send(requestMessage)
    await fixture.until(() => atFar.messages.length === 1, 'the request arrived')
    expect(atFar.messages[0], 'the message that arrived').toEqual(requestMessage)
    await fixture.within(Promise.all([sending, far.send(errorResponse)]), 'both sends settled')
    await fixture.until(() => atNear.messages.length === 1, 'the response arrived')
    expect(atNear.messages[0], 'the message that arrived').toEqual(errorResponse)
    await near.send(bare)
    await fixture.until(() => atFar.messages.length === 2, 'the notification arrived')
    expect(atFar.messages[1], 'the message that arrived').toEqual(bare)
  }),
]

function carries(content: string, params: MessageParams): ClauseCase {
  return clause('C2', `carries ${content}`, async (fixture) => {
    expect(await sendAndReceive(fixture, params), 'the message that arrived').toEqual(params)
  })
}

async function sendAndReceive(fixture: TransportFixture, params: MessageParams): Promise<MessageParams> {
  const { near, atFar } = await fixture.open()
  const text = JSON.stringify(params)
  await fixture.within(near.send({ jsonrpc: '2.0', method: 'test/content', params }), 'send() settled')
  await fixture.until(() => atFar.messages.length > 0, 'the message arrived')
  expect(JSON.stringify(params), 'the message that arrived').toBe(text)
  const [message] = atFar.messages
  if (!message || !isNotification(message) || !message.params)
    throw new Error('the message did not arrive as a notification')
  return message.params
}

function nested(levels: number): unknown {
  let value: unknown = 'the innermost'
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { value }
  return value
}
