import { describe, expect, test } from 'vitest'
import { type CallerStep, createMultiplexer, type Multiplexer } from '../src/authoring.js'
import { isRequest, type JsonRpcMessage, type JsonRpcRequest } from '../src/index.js'
import {
  a,
  answer,
  ask,
  b,
  type Caller,
  cancelled,
  changed,
  listen,
  note,
  progress,
  SUBSCRIPTION,
} from './support/multiplexing.js'

function passed(step: CallerStep): JsonRpcMessage {
  if (step.kind !== 'send') throw new Error(`the step is ${step.kind}`)
  return step.message
}

/** Sends a request and returns its number. */
function crossing(multiplexer: Multiplexer<Caller>, caller: Caller, request: JsonRpcRequest): number {
  const message = passed(multiplexer.fromCaller(caller, request))
  if (!isRequest(message) || typeof message.id !== 'number') throw new Error('it has no number')
  return message.id
}

describe('request ids', () => {
  test('are replaced by a number per request', () => {
    const multiplexer = createMultiplexer<Caller>()
    const numbers = [a, b].flatMap((caller) =>
      ['1', 1, '', 0].map((id) => crossing(multiplexer, caller, ask(id))),
    )
    expect(new Set(numbers).size).toBe(8)
    expect(multiplexer.inFlight).toBe(8)
  })

  test('return on the response, with the same type', () => {
    const multiplexer = createMultiplexer<Caller>()
    for (const id of ['1', 1, '', 0]) {
      const [ofA, ofB] = [crossing(multiplexer, a, ask(id)), crossing(multiplexer, b, ask(id))]
      expect(multiplexer.fromUpstream(answer(ofB, { for: 'b' }))).toEqual({
        kind: 'deliver',
        caller: b,
        requestId: id,
        message: answer(id, { for: 'b' }),
      })
      const failure = { jsonrpc: '2.0' as const, id: ofA, error: { code: -1, message: 'no' } }
      expect(multiplexer.fromUpstream(failure)).toEqual({
        kind: 'deliver',
        caller: a,
        requestId: id,
        message: { ...failure, id },
      })
    }
    expect(multiplexer.inFlight).toBe(0)
  })

  test('do not change in the message object of the caller', () => {
    const multiplexer = createMultiplexer<Caller>()
    const request = ask(7, { progressToken: 'p', other: 1 })
    const number = crossing(multiplexer, a, request)
    expect(request).toEqual(ask(7, { progressToken: 'p', other: 1 }))
    expect(passed(multiplexer.fromCaller(a, ask(8, { progressToken: 'p', other: 1 })))).toEqual(
      ask(number + 1, { progressToken: number + 1, other: 1 }),
    )
  })

  test('are rejected while in use by the same caller', () => {
    const multiplexer = createMultiplexer<Caller>()
    const number = crossing(multiplexer, a, ask(1))
    expect(multiplexer.fromCaller(a, ask(1))).toMatchObject({
      kind: 'respond',
      message: { id: 1, error: { code: -32_600 } },
    })
    multiplexer.fromUpstream(answer(number))
    expect(multiplexer.fromCaller(a, ask(1))).toMatchObject({ kind: 'send' })
  })

  test.each([undefined, 99, '1', 0, -1])('that are unknown, such as %j, drop the response', (id) => {
    const multiplexer = createMultiplexer<Caller>()
    crossing(multiplexer, a, ask(1))
    const stray = {
      jsonrpc: '2.0' as const,
      ...(id !== undefined && { id }),
      error: { code: -1, message: 'no' },
    }
    expect(multiplexer.fromUpstream(stray)).toEqual({ kind: 'drop', reason: expect.any(String) })
    expect(multiplexer.inFlight).toBe(1)
  })

  test('drop a second response', () => {
    const multiplexer = createMultiplexer<Caller>()
    const number = crossing(multiplexer, a, ask(1))
    multiplexer.fromUpstream(answer(number))
    expect(multiplexer.fromUpstream(answer(number))).toEqual({ kind: 'drop', reason: expect.any(String) })
  })
})

describe('progress', () => {
  test.each(['1', 1, '', 0])('returns under the token %j of its caller', (token) => {
    const multiplexer = createMultiplexer<Caller>()
    const ofA = crossing(multiplexer, a, ask(1, { progressToken: token }))
    const ofB = crossing(multiplexer, b, ask(1, { progressToken: token }))
    expect(multiplexer.fromUpstream(progress(ofB))).toMatchObject({ caller: b, message: progress(token) })
    expect(multiplexer.fromUpstream(progress(ofA), ofA)).toMatchObject({
      caller: a,
      message: progress(token),
    })
  })

  test('is dropped with an unknown token', () => {
    const multiplexer = createMultiplexer<Caller>()
    const number = crossing(multiplexer, a, ask(1))
    const dropped = { kind: 'drop', reason: expect.any(String) }
    expect(multiplexer.fromUpstream(progress(number), number)).toEqual(dropped)
    expect(multiplexer.fromUpstream(progress('none'), number)).toEqual(dropped)
    expect(multiplexer.fromUpstream(progress(undefined))).toEqual(dropped)
  })

  test('does not reach a subscription [SUB-S-05]', () => {
    const multiplexer = createMultiplexer<Caller>()
    const request = ask(1, { progressToken: 'p' }, 'subscriptions/listen')
    const number = crossing(multiplexer, a, request)
    expect(multiplexer.fromUpstream(progress(number))).toEqual({ kind: 'drop', reason: expect.any(String) })
  })

  test('of a caller is dropped', () => {
    const multiplexer = createMultiplexer<Caller>()
    expect(multiplexer.fromCaller(a, progress(1))).toEqual({ kind: 'drop', reason: expect.any(String) })
  })
})

describe('subscriptions', () => {
  test.each(['1', 1, '', 0])('deliver messages under the id %j of their caller [SUB-S-03]', (id) => {
    const multiplexer = createMultiplexer<Caller>()
    const ofA = crossing(multiplexer, a, listen(id))
    const ofB = crossing(multiplexer, b, listen(id))
    const acknowledged = note('notifications/subscriptions/acknowledged', {
      notifications: {},
      _meta: { [SUBSCRIPTION]: ofA },
    })
    expect(multiplexer.fromUpstream(acknowledged)).toMatchObject({
      caller: a,
      message: { params: { _meta: { [SUBSCRIPTION]: id } } },
    })
    expect(multiplexer.fromUpstream(changed(ofB))).toEqual({
      kind: 'deliver',
      caller: b,
      requestId: id,
      message: changed(id),
    })
    expect(multiplexer.fromUpstream(changed(String(ofB)))).toMatchObject({
      caller: b,
      message: changed(id),
    })
    const ended = answer(ofA, { resultType: 'complete', _meta: { [SUBSCRIPTION]: ofA, other: 1 } })
    expect(multiplexer.fromUpstream(ended)).toMatchObject({
      caller: a,
      message: answer(id, { resultType: 'complete', _meta: { [SUBSCRIPTION]: id, other: 1 } }),
    })
    expect(multiplexer.fromUpstream(changed(ofA))).toEqual({ kind: 'drop', reason: expect.any(String) })
  })

  test.each([null, {}, 'x', '01', 99, 1.5])('drop messages for the unknown id %j', (id) => {
    const multiplexer = createMultiplexer<Caller>()
    const number = crossing(multiplexer, a, listen(1))
    expect(multiplexer.fromUpstream(changed(id), number)).toEqual({
      kind: 'drop',
      reason: expect.any(String),
    })
  })

  test('are not confused with other requests', () => {
    const multiplexer = createMultiplexer<Caller>()
    const number = crossing(multiplexer, a, ask(1))
    expect(multiplexer.fromUpstream(changed(number))).toEqual({ kind: 'drop', reason: expect.any(String) })
  })

  test('deliver a cancellation of the server under the id of their caller [SUB-S-09]', () => {
    const multiplexer = createMultiplexer<Caller>()
    const number = crossing(multiplexer, a, listen('1'))
    expect(multiplexer.fromUpstream(cancelled(number))).toMatchObject({ caller: a, message: cancelled('1') })
    expect(multiplexer.fromUpstream(answer(number))).toMatchObject({ caller: a, message: answer('1') })
    expect(multiplexer.fromUpstream(cancelled(number))).toEqual({ kind: 'drop' })
  })

  test('are the only requests that the server can cancel', () => {
    const multiplexer = createMultiplexer<Caller>()
    const number = crossing(multiplexer, a, ask(1))
    expect(multiplexer.fromUpstream(cancelled(number))).toEqual({ kind: 'drop', reason: expect.any(String) })
    expect(multiplexer.inFlight).toBe(1)
  })
})

describe('other notifications', () => {
  const log = note('notifications/message', { level: 'info', data: 1 })

  test('reach the caller of their related request unchanged', () => {
    const multiplexer = createMultiplexer<Caller>()
    crossing(multiplexer, a, ask(1))
    const number = crossing(multiplexer, b, ask(1))
    expect(multiplexer.fromUpstream(log, number)).toEqual({
      kind: 'deliver',
      caller: b,
      requestId: 1,
      message: log,
    })
  })

  test.each([undefined, 99, '1'])('that relate to %j are dropped, not broadcast [HTTP-S-39]', (related) => {
    const multiplexer = createMultiplexer<Caller>()
    crossing(multiplexer, a, ask(1))
    expect(multiplexer.fromUpstream(log, related)).toEqual({ kind: 'drop', reason: expect.any(String) })
  })

  test('do not reach a subscription that they do not name [SUB-S-05]', () => {
    const multiplexer = createMultiplexer<Caller>()
    const number = crossing(multiplexer, a, listen(1))
    expect(multiplexer.fromUpstream(log, number)).toEqual({ kind: 'drop', reason: expect.any(String) })
  })

  test('of a caller are sent unchanged', () => {
    const multiplexer = createMultiplexer<Caller>()
    expect(multiplexer.fromCaller(a, log)).toEqual({ kind: 'send', message: log })
  })
})

describe('cancellation', () => {
  test("names the number of the caller's own request", () => {
    const multiplexer = createMultiplexer<Caller>()
    crossing(multiplexer, a, ask(1))
    const number = crossing(multiplexer, b, ask(1))
    expect(
      multiplexer.fromCaller(b, note('notifications/cancelled', { requestId: 1, reason: 'late' })),
    ).toEqual({
      kind: 'send',
      message: note('notifications/cancelled', { requestId: number, reason: 'late' }),
    })
    expect(multiplexer.inFlight).toBe(1)
  })

  test.each(['1', 2, null, undefined])('of the unknown request %j is dropped [GEN-29]', (id) => {
    const multiplexer = createMultiplexer<Caller>()
    crossing(multiplexer, a, ask(1))
    expect(multiplexer.fromCaller(a, cancelled(id))).toEqual({ kind: 'drop' })
    expect(multiplexer.fromCaller(b, cancelled(1))).toEqual({ kind: 'drop' })
    expect(multiplexer.inFlight).toBe(1)
  })

  test('drops late messages without a reason [GEN-30]', () => {
    const multiplexer = createMultiplexer<Caller>()
    const called = crossing(multiplexer, a, ask(1, { progressToken: 1 }))
    const listening = crossing(multiplexer, a, listen(2))
    multiplexer.fromCaller(a, cancelled(1))
    multiplexer.fromCaller(a, cancelled(2))
    const late = [
      answer(called),
      progress(called),
      answer(listening),
      changed(listening),
      cancelled(listening),
    ]
    for (const message of late) expect(multiplexer.fromUpstream(message)).toEqual({ kind: 'drop' })
    expect(multiplexer.fromUpstream(note('notifications/message'), called)).toEqual({ kind: 'drop' })
  })

  test('is sent for each pending request of a closed caller', () => {
    const multiplexer = createMultiplexer<Caller>()
    const numbers = [crossing(multiplexer, a, ask(1)), crossing(multiplexer, a, listen('1'))]
    const other = crossing(multiplexer, b, ask(1))
    const reason = 'the client has closed the connection'
    expect(multiplexer.callerClosed(a)).toEqual(
      numbers.map((requestId) => note('notifications/cancelled', { requestId, reason })),
    )
    expect(multiplexer.callerClosed(a)).toEqual([])
    expect(multiplexer.fromUpstream(answer(numbers[0] ?? 0))).toEqual({ kind: 'drop' })
    expect(multiplexer.fromUpstream(answer(other))).toMatchObject({ kind: 'deliver', caller: b })
  })
})

test('copies the client description of the request into the cancellation for a closed caller', () => {
  const multiplexer = createMultiplexer<Caller>()
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'a', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const meta = { ...envelope, progressToken: 1, 'io.modelcontextprotocol/logLevel': 'info', other: 1 }
  const number = crossing(multiplexer, a, ask(1, meta))
  expect(multiplexer.callerClosed(a)).toEqual([
    note('notifications/cancelled', {
      requestId: number,
      reason: 'the client has closed the connection',
      _meta: envelope,
    }),
  ])
})

describe('limits and end', () => {
  test('respond with an error beyond maxInFlight until another request completes', () => {
    const multiplexer = createMultiplexer<Caller>({ maxInFlight: 1 })
    const number = crossing(multiplexer, a, ask(1))
    expect(multiplexer.fromCaller(b, ask(1))).toEqual({
      kind: 'respond',
      message: {
        jsonrpc: '2.0',
        id: 1,
        error: { code: -31_003, message: 'overloaded', data: { code: 'OVERLOADED', delivery: 'none' } },
      },
    })
    multiplexer.fromUpstream(answer(number))
    expect(multiplexer.fromCaller(b, ask(1))).toMatchObject({ kind: 'send' })
  })

  test.each([0, 1.5, Number.NaN])('reject %d as maxInFlight', (maxInFlight) => {
    expect(() => createMultiplexer({ maxInFlight })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
  })

  test('respond to requests of the upstream with an error [GEN-14]', () => {
    const multiplexer = createMultiplexer<Caller>()
    crossing(multiplexer, a, ask(1))
    expect(multiplexer.fromUpstream(ask(1, {}, 'sampling/createMessage'), 1)).toEqual({
      kind: 'respond',
      message: {
        jsonrpc: '2.0',
        id: 1,
        error: { code: -31_007, message: 'refused', data: { code: 'REFUSED', delivery: 'none' } },
      },
    })
  })

  test('drop responses of a caller [GEN-15]', () => {
    const multiplexer = createMultiplexer<Caller>()
    expect(multiplexer.fromCaller(a, answer(1))).toEqual({ kind: 'drop', reason: expect.any(String) })
  })

  test('return the pending requests when the upstream closes', () => {
    const multiplexer = createMultiplexer<Caller>()
    crossing(multiplexer, a, ask('1'))
    crossing(multiplexer, b, listen(1))
    expect(multiplexer.upstreamClosed()).toMatchObject([
      { caller: a, id: '1', method: 'tools/call' },
      { caller: b, id: 1, method: 'subscriptions/listen' },
    ])
    expect(multiplexer.upstreamClosed()).toEqual([])
    expect(multiplexer.inFlight).toBe(0)
    expect(multiplexer.fromCaller(a, ask('1'))).toMatchObject({ kind: 'send' })
  })
})
