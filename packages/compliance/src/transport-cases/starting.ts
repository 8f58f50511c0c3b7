import { getEventListeners } from 'node:events'
import { expect } from 'vitest'
import { startLeakCheck } from '../leak-check.js'
import { notification } from '../sample-messages.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import { turns } from '../waiting.js'

/** C6 and C7: a `start()` that is aborted, or whose peer disconnects. */
export const startingCases: readonly ClauseCase[] = [
  abortsBefore('an Error', new Error('aborted by the test')),
  abortsBefore('a string', 'aborted by the test'),
  abortsDuring('an Error', new Error('aborted by the test')),
  abortsDuring('a string', 'aborted by the test'),

  clause('C6', 'an abort after start() has no effect, and no abort listener remains', async (fixture) => {
    const unstarted = await fixture.pair()
    const abort = new AbortController()
    const opened = await unstarted.open({ signal: abort.signal })
    expect(
      getEventListeners(abort.signal, 'abort'),
      'listeners left on the signal after start()',
    ).toHaveLength(0)
    abort.abort(new Error('after start()'))
    await turns()
    expect(opened.near.state, 'state of the transport').toBe('open')
    await opened.near.send(notification(0))
    await fixture.until(() => opened.atFar.messages.length === 1, 'a message arrived')
  }),

  clause(
    'C7',
    'start() rejects when the peer disconnects, and the transport stays closed',
    async (fixture) => {
      const { transport } = await fixture.lone('hangsUpDuringStart')
      const states = [transport.state]
      const starting = transport.start().finally(() => states.push(transport.state))
      await expect(
        fixture.within(starting, 'start() settled'),
        'start() rejects with an Error',
      ).rejects.toBeInstanceOf(Error)
      await fixture.within(transport.closed, 'closed settled')
      for (let turn = 0; turn < 20; turn++) {
        states.push(transport.state)
        await turns(1)
      }
      expect(states.slice(1), 'states after the peer disconnected').not.toContain('open')
      expect(transport.state, 'state of the transport').toBe('closed')
      await expect(transport.send(notification(0)), 'error that send() rejects with').rejects.toMatchObject({
        code: 'CLOSED',
      })
    },
  ),
]

function abortsBefore(kind: string, reason: unknown): ClauseCase {
  return clause('C6', `start() with an aborted signal rejects with its reason, ${kind}`, async (fixture) => {
    const { near } = await fixture.pair()
    const leaks = await startLeakCheck()
    const signal = AbortSignal.abort(reason)
    const outcome = near.start({ signal }).then(
      () => 'it resolved',
      (error: unknown) => error,
    )
    expect(await fixture.within(outcome, 'start() settled'), 'error that start() rejects with').toBe(reason)
    await fixture.within(near.closed, 'closed settled')
    expect(getEventListeners(signal, 'abort'), 'listeners left on the signal after start()').toHaveLength(0)
    await leaks.released(fixture.graceMs)
  })
}

function abortsDuring(kind: string, reason: unknown): ClauseCase {
  return clause(
    'C6',
    `aborting a pending start() rejects with the reason, ${kind}, and leaves no handle`,
    async (fixture) => {
      const { transport } = await fixture.lone('neverConnects', { closeTimeoutMs: 1_000 })
      const leaks = await startLeakCheck()
      const abort = new AbortController()
      const outcome = transport.start({ signal: abort.signal }).then(
        () => 'it resolved',
        (error: unknown) => error,
      )
      await turns()
      abort.abort(reason)
      expect(await fixture.within(outcome, 'start() settled'), 'error that start() rejects with').toBe(reason)
      expect(
        await fixture.within(transport.closed, 'closed settled'),
        'closed settles with the reason of the abort',
      ).toBeInstanceOf(Error)
      expect(
        getEventListeners(abort.signal, 'abort'),
        'listeners left on the signal after start()',
      ).toHaveLength(0)
      await leaks.released(fixture.graceMs)
    },
  )
}
