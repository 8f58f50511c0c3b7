import { isRequest, isResponse, isTransportError, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { expect } from 'vitest'
import { request, response } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'

const ids: readonly RequestId[] = [
  0,
  '',
  1,
  '1',
  -1,
  '0',
  9007199254740991,
  'null',
  ' 1 ',
  'é\u2028',
  '__proto__',
]

/** C15: ids. */
export const idCases: readonly ClauseCase[] = [
  clause(
    'C15',
    'every id keeps its type and value in requests and responses [GEN-03, GEN-05]',
    async (fixture) => {
      const { near, far, atNear, atFar } = await fixture.open()
      const requests = ids.map((id) => near.send(request(id)))
      await fixture.until(() => atFar.messages.length === ids.length, 'every request arrived')
      expect(sorted(idsOf(atFar.messages.filter(isRequest))), 'ids that arrived, with their types').toEqual(
        sorted(ids),
      )
      const responses = ids.map((id) => far.send(response(id, { to: typeof id, id })))
      await fixture.within(Promise.all([...requests, ...responses]), 'every send settled')
      await fixture.until(() => atNear.messages.length === ids.length, 'every response arrived')
      expect(sorted(idsOf(atNear.messages.filter(isResponse))), 'ids that arrived, with their types').toEqual(
        sorted(ids),
      )
      for (const message of atNear.messages) {
        if ('result' in message)
          expect(message.result, 'the message that arrived').toEqual({
            to: typeof message.id,
            id: message.id,
          })
      }
    },
  ),

  clause(
    'C15',
    'a response with the integer id as a string is the response to that request',
    async (fixture) => {
      const { near, atNear, atFar, sendRaw } = await fixture.open()
      for (const [index, id] of [41, 42, 43].entries()) {
        // Over HTTP it settles with the response of its POST.
        near.send(request(id)).catch(() => {})
        await fixture.until(() => atFar.messages.length === index + 1, `request ${id} arrived`)
        await sendRaw('near', JSON.stringify(response(String(id), { n: id })))
        await fixture.until(() => atNear.messages.length === index + 1, `the response to ${id} arrived`)
      }
      expect(atNear.messages, 'the responses with integer ids').toEqual(
        [41, 42, 43].map((id) => response(id, { n: id })),
      )
      const reports = atNear.errors.filter((error) => isTransportError(error, 'MALFORMED_MESSAGE'))
      expect(reports, 'errors MALFORMED_MESSAGE').toHaveLength(1)
    },
  ),

  clause('C15', 'a response keeps its string id where that id is pending itself', async (fixture) => {
    const { near, far, atNear, atFar } = await fixture.open()
    const sending = [near.send(request(51)), near.send(request('51'))]
    await fixture.until(() => atFar.messages.length === 2, 'both requests arrived')
    sending.push(far.send(response('51', { is: 'text' })))
    await fixture.until(() => atNear.messages.length === 1, 'the first response arrived')
    sending.push(far.send(response(51, { is: 'number' })))
    await fixture.until(() => atNear.messages.length === 2, 'both responses arrived')
    await fixture.within(Promise.all(sending), 'every send settled')
    expect(atNear.messages, 'the responses in order').toEqual([
      response('51', { is: 'text' }),
      response(51, { is: 'number' }),
    ])
  }),

  clause('C15', 'the same id may be in flight in both directions', async (fixture) => {
    fixture.requireAbility('farInitiates')
    const { near, far, atNear, atFar } = await fixture.open()
    const requests = [near.send(request(1, 'test/from-near')), far.send(request(1, 'test/from-far'))]
    await fixture.until(
      () => atNear.messages.length === 1 && atFar.messages.length === 1,
      'both requests arrived',
    )
    expect(atNear.messages[0], 'the message that arrived').toEqual(request(1, 'test/from-far'))
    expect(atFar.messages[0], 'the message that arrived').toEqual(request(1, 'test/from-near'))
    const responses = [near.send(response(1, { by: 'near' })), far.send(response(1, { by: 'far' }))]
    await fixture.within(Promise.all([...requests, ...responses]), 'every send settled')
    await fixture.until(
      () => atNear.messages.length === 2 && atFar.messages.length === 2,
      'both responses arrived',
    )
    expect(atNear.messages[1], 'the message that arrived').toEqual(response(1, { by: 'far' }))
    expect(atFar.messages[1], 'the message that arrived').toEqual(response(1, { by: 'near' }))
  }),
]

function idsOf(messages: readonly JsonRpcMessage[]): unknown[] {
  return messages.map((message) => ('id' in message ? message.id : undefined))
}

/** Requests on several streams have no common order. */
function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify([typeof value, value])).sort()
}
