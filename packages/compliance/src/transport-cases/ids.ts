import { isRequest, isResponse, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { answer, request } from '../sample-messages.js'

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
    'every id arrives as the string or number it is, with the request and with the answer [GEN-03, GEN-05]',
    async (stage) => {
      const { near, far, atNear, atFar } = await stage.open()
      const asked = ids.map((id) => near.send(request(id)))
      await stage.until(() => atFar.messages.length === ids.length, 'every request arrived')
      expect(sorted(idsOf(atFar.messages.filter(isRequest)))).toEqual(sorted(ids))
      const answered = ids.map((id) => far.send(answer(id, { to: typeof id, id })))
      await stage.within(Promise.all([...asked, ...answered]), 'every send settled')
      await stage.until(() => atNear.messages.length === ids.length, 'every answer arrived')
      expect(sorted(idsOf(atNear.messages.filter(isResponse)))).toEqual(sorted(ids))
      for (const message of atNear.messages) {
        if ('result' in message) expect(message.result).toEqual({ to: typeof message.id, id: message.id })
      }
    },
  ),

  clause('C15', 'the same id is in flight both ways at once', async (stage) => {
    stage.relyOn('farInitiates')
    const { near, far, atNear, atFar } = await stage.open()
    const asked = [near.send(request(1, 'test/from-near')), far.send(request(1, 'test/from-far'))]
    await stage.until(
      () => atNear.messages.length === 1 && atFar.messages.length === 1,
      'both requests arrived',
    )
    expect(atNear.messages[0]).toEqual(request(1, 'test/from-far'))
    expect(atFar.messages[0]).toEqual(request(1, 'test/from-near'))
    const answered = [near.send(answer(1, { by: 'near' })), far.send(answer(1, { by: 'far' }))]
    await stage.within(Promise.all([...asked, ...answered]), 'every send settled')
    await stage.until(
      () => atNear.messages.length === 2 && atFar.messages.length === 2,
      'both answers arrived',
    )
    expect(atNear.messages[1]).toEqual(answer(1, { by: 'far' }))
    expect(atFar.messages[1]).toEqual(answer(1, { by: 'near' }))
  }),
]

function idsOf(messages: readonly JsonRpcMessage[]): unknown[] {
  return messages.map((message) => ('id' in message ? message.id : undefined))
}

/** Requests over several streams may overtake each other. */
function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify([typeof value, value])).sort()
}
