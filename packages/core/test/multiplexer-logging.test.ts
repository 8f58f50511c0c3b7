import { describe, expect, test } from 'vitest'
import { createMultiplexer } from '../src/authoring.js'
import { a, answer, ask, b, type Caller, cancelled, listen, note } from './support/multiplexing.js'

const LEVEL = 'io.modelcontextprotocol/logLevel'
const log = note('notifications/message', { level: 'info', data: 'working' })

/** A request that asks for log messages. */
function logging(id: number) {
  return { ...ask(id), params: { _meta: { [LEVEL]: 'debug' } } }
}

describe('a log message without a related request', () => {
  test('goes to the one pending request that asked for log messages', () => {
    const multiplexer = createMultiplexer<Caller>()
    multiplexer.fromCaller(a, ask(1))
    multiplexer.fromCaller(b, logging(2))
    multiplexer.fromCaller(a, listen('sub'))
    const delivered = { kind: 'deliver', caller: b, requestId: 2, message: log }
    expect(multiplexer.fromUpstream(log)).toEqual(delivered)
    expect(multiplexer.fromUpstream(log)).toEqual(delivered)
  })

  test.each<[string, (multiplexer: ReturnType<typeof createMultiplexer<Caller>>) => void]>([
    ['without a request', () => {}],
    ['with requests that did not ask', (multiplexer) => void multiplexer.fromCaller(a, ask(1))],
    [
      'with several requests that asked',
      (multiplexer) => {
        multiplexer.fromCaller(a, logging(1))
        multiplexer.fromCaller(b, logging(1))
      },
    ],
    [
      'after the response',
      (multiplexer) => {
        multiplexer.fromCaller(a, logging(1))
        multiplexer.fromUpstream(answer(1, {}))
      },
    ],
    [
      'after the cancellation',
      (multiplexer) => {
        multiplexer.fromCaller(a, logging(1))
        multiplexer.fromCaller(a, cancelled(1))
      },
    ],
    [
      'after the caller has closed',
      (multiplexer) => {
        multiplexer.fromCaller(a, logging(1))
        multiplexer.callerClosed(a)
      },
    ],
    [
      'after the upstream has closed',
      (multiplexer) => {
        multiplexer.fromCaller(a, logging(1))
        multiplexer.upstreamClosed()
      },
    ],
  ])('is dropped with a reason %s', (_when, prepare) => {
    const multiplexer = createMultiplexer<Caller>()
    prepare(multiplexer)
    expect(multiplexer.fromUpstream(log)).toEqual({ kind: 'drop', reason: expect.any(String) })
  })

  test('goes to the other request once one of two is over', () => {
    const multiplexer = createMultiplexer<Caller>()
    multiplexer.fromCaller(a, logging(1))
    multiplexer.fromCaller(b, logging(2))
    multiplexer.fromUpstream(answer(1, {}))
    expect(multiplexer.fromUpstream(log)).toMatchObject({ kind: 'deliver', caller: b, requestId: 2 })
  })
})
