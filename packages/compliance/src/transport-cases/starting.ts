import { getEventListeners } from 'node:events'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { startLeakCheck } from '../leak-check.js'
import { note } from '../sample-messages.js'
import { turns } from '../waiting.js'

/** C6 and C7: a `start()` that is aborted, or loses its peer. */
export const startingCases: readonly ClauseCase[] = [
  abortsBeforehand('an Error', new Error('changed my mind')),
  abortsBeforehand('a string', 'changed my mind'),
  abortsMeanwhile('an Error', new Error('changed my mind')),
  abortsMeanwhile('a string', 'changed my mind'),

  clause(
    'C6',
    'aborting after start() has succeeded changes nothing, and nothing listens for it',
    async (stage) => {
      const staged = await stage.pair()
      const abort = new AbortController()
      const talk = await staged.open({ signal: abort.signal })
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
      abort.abort(new Error('too late'))
      await turns()
      expect(talk.near.state).toBe('open')
      await talk.near.send(note(0))
      await stage.until(() => talk.atFar.messages.length === 1, 'a message arrived')
    },
  ),

  clause(
    'C7',
    'start() rejects when the peer hangs up meanwhile, and the transport stays closed',
    async (stage) => {
      const { transport } = await stage.lone('hangsUpDuringStart')
      const states = [transport.state]
      const starting = transport.start().finally(() => states.push(transport.state))
      await expect(stage.within(starting, 'start() settled')).rejects.toBeInstanceOf(Error)
      await stage.within(transport.closed, 'closed settled')
      for (let looks = 0; looks < 20; looks++) {
        states.push(transport.state)
        await turns(1)
      }
      expect(states.slice(1)).not.toContain('open')
      expect(transport.state).toBe('closed')
      await expect(transport.send(note(0))).rejects.toMatchObject({ code: 'CLOSED' })
    },
  ),
]

function abortsBeforehand(kind: string, reason: unknown): ClauseCase {
  return clause(
    'C6',
    `start() with a signal aborted beforehand rejects with its reason, ${kind}`,
    async (stage) => {
      const { near } = await stage.pair()
      const leaks = await startLeakCheck()
      const signal = AbortSignal.abort(reason)
      const outcome = near.start({ signal }).then(
        () => 'it resolved',
        (error: unknown) => error,
      )
      expect(await stage.within(outcome, 'start() settled')).toBe(reason)
      await stage.within(near.closed, 'closed settled')
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
      await leaks.released(stage.graceMs)
    },
  )
}

function abortsMeanwhile(kind: string, reason: unknown): ClauseCase {
  return clause(
    'C6',
    `aborting a pending start() rejects with the reason, ${kind}, and leaves no handle`,
    async (stage) => {
      const { transport } = await stage.lone('neverConnects', { closeTimeoutMs: 1_000 })
      const leaks = await startLeakCheck()
      const abort = new AbortController()
      const outcome = transport.start({ signal: abort.signal }).then(
        () => 'it resolved',
        (error: unknown) => error,
      )
      await turns()
      abort.abort(reason)
      expect(await stage.within(outcome, 'start() settled')).toBe(reason)
      expect(await stage.within(transport.closed, 'closed settled')).toBeInstanceOf(Error)
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
      await leaks.released(stage.graceMs)
    },
  )
}
