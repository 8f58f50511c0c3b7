import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import {
  type Admission,
  type Gate,
  isTransportError,
  type SessionPolicy,
  type Verdict,
} from '../src/index.js'
import { admit } from '../src/listener/admission.js'
import { deferred } from './support/channels.js'

const handshake = { medium: 'test', remote: {}, headers: {} }
const { signal } = new AbortController()
const returning = (verdict: unknown): Gate => ({ admit: () => verdict as Verdict })

function admitting(gate: Gate | undefined, sessionPolicy?: SessionPolicy, given = signal) {
  const clock = fakeClock()
  return { clock, outcome: admit(handshake, { gate, gateTimeoutMs: 100, sessionPolicy, clock }, given) }
}

describe('an admitted caller', () => {
  test('is admitted without a gate', async () => {
    await expect(admitting(undefined).outcome).resolves.toEqual({
      admitted: true,
      admission: { admit: true },
    })
  })

  test('is admitted by a synchronous and by an asynchronous gate', async () => {
    const admission = { admit: true, authInfo: { token: 't', clientId: 'c', scopes: [] } } as const
    for (const gate of [returning(admission), returning(Promise.resolve(admission))]) {
      await expect(admitting(gate).outcome).resolves.toEqual({ admitted: true, admission })
    }
  })

  test('has the grant of the session policy, which receives the admission', async () => {
    const admission = { admit: true } as const
    const grant = { admit: true, lifetimeMs: 1, idleTimeoutMs: Infinity } as const
    const open = vi.fn(() => grant)

    await expect(admitting(returning(admission), { open }).outcome).resolves.toEqual({
      admitted: true,
      admission,
      grant,
    })
    expect(open.mock.calls).toEqual([[{ handshake, admission }, expect.any(AbortSignal)]])
  })

  test('passes the handshake and a signal that does not abort to the gate', async () => {
    const gate = { admit: vi.fn<Gate['admit']>(() => ({ admit: true })) }
    const { outcome, clock } = admitting(gate)
    await outcome
    await clock.advance(1_000)

    const [shown, given] = gate.admit.mock.calls[0] ?? []
    expect(shown).toBe(handshake)
    expect(given?.aborted).toBe(false)
    expect(clock.pending).toBe(0)
  })
})

describe('a refused caller', () => {
  test.each([401, 403, 421, 429, 503] as const)('has the status %o of the gate', async (status) => {
    const refusal = { admit: false, status, reason: 'no', retryAfterMs: 1 } as const

    await expect(admitting(returning(refusal)).outcome).resolves.toEqual({ admitted: false, refusal })
  })

  test('has the refusal of the session policy', async () => {
    const refusal = { admit: false, status: 429, reason: 'too many' } as const

    await expect(admitting(undefined, { open: () => refusal }).outcome).resolves.toEqual({
      admitted: false,
      refusal,
    })
  })

  test('is not passed to the session policy after a refusal of the gate', async () => {
    const open = vi.fn(() => ({ admit: true }) as const)
    await admitting(returning({ admit: false, status: 403, reason: 'no' }), { open }).outcome

    expect(open).not.toHaveBeenCalled()
  })

  test.each([
    ['has expired', { admit: true, expiresAt: 1_800_000_000_000 }],
    ['expired long ago', { admit: true, expiresAt: 0 }],
    ['was revoked before', { admit: true, revoked: AbortSignal.abort() }],
  ])('is refused with 401 where the admission %s', async (_name, admission) => {
    await expect(admitting(returning(admission)).outcome).resolves.toMatchObject({
      admitted: false,
      refusal: { status: 401 },
    })
  })
})

const nonsense: [string, unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['true', true],
  ['an empty object', {}],
  ['a word for yes', { admit: 'yes' }],
  ['a number for yes', { admit: 1 }],
  ['a refusal without status', { admit: false, reason: 'no' }],
  ['a refusal with a status that admits', { admit: false, status: 200, reason: 'no' }],
  ['a refusal without reason', { admit: false, status: 403 }],
  ['a reason that is an object', { admit: false, status: 403, reason: { text: 'no' } }],
  ['a wait that is no number', { admit: false, status: 429, reason: 'no', retryAfterMs: Number.NaN }],
  ['a wait that is negative', { admit: false, status: 429, reason: 'no', retryAfterMs: -1 }],
  ['a wait without end', { admit: false, status: 503, reason: 'no', retryAfterMs: Infinity }],
  ['a wait that is text', { admit: false, status: 503, reason: 'no', retryAfterMs: '5' }],
  ['a challenge that is a list', { admit: false, status: 401, reason: 'no', challenge: ['Bearer'] }],
  ['a challenge that is null', { admit: false, status: 401, reason: 'no', challenge: null }],
]

const nonsenseOfGates: [string, unknown][] = [
  ['an expiry that is no number', { admit: true, expiresAt: Number.NaN }],
  ['an expiry that is a date', { admit: true, expiresAt: new Date(9e12) }],
  ['an expiry that is null', { admit: true, expiresAt: null }],
  ['a signal that is none', { admit: true, revoked: true }],
  ['a signal that is null', { admit: true, revoked: null }],
  ['a caller that is a name', { admit: true, authInfo: 'alice' }],
  ['a caller that is null', { admit: true, authInfo: null }],
]

describe('an invalid decision', () => {
  test.each([...nonsense, ...nonsenseOfGates])(
    'refuses the caller and is reported: a gate returns %s',
    async (_name, verdict) => {
      const outcome = await admitting(returning(verdict)).outcome

      expect(outcome).toMatchObject({ admitted: false, refusal: { admit: false, status: 503 } })
      const error = outcome.admitted ? undefined : outcome.error
      expect(isTransportError(error, 'CALLBACK_FAILED') && error.details.slot).toBe('gate.admit')
    },
  )

  test.each(nonsenseOfGates)(
    'of an acceptor refuses the caller and is reported: %s',
    async (_name, given) => {
      const gate = { admit: vi.fn<Gate['admit']>(() => ({ admit: true })) }
      const options = { gate, gateTimeoutMs: 100, clock: fakeClock() }
      const outcome = await admit(handshake, options, signal, given as Admission)

      expect(outcome).toMatchObject({ admitted: false, error: { code: 'CALLBACK_FAILED' } })
      expect(gate.admit).not.toHaveBeenCalled()
    },
  )

  test.each([
    ...nonsense,
    ['a promise of nonsense', Promise.resolve({ admit: 'yes' })],
    ['a lifetime that is no number', { admit: true, lifetimeMs: Number.NaN }],
    ['an idle time that is negative', { admit: true, idleTimeoutMs: -1 }],
    ['an idle time that is text', { admit: true, idleTimeoutMs: '1' }],
    ['a revoked that is no signal', { admit: true, revoked: true }],
    ['a check that is no function', { admit: true, check: {} }],
  ])('refuses the caller and is reported: a session policy returns %s', async (_name, grant) => {
    const outcome = await admitting(undefined, { open: () => grant as never }).outcome

    expect(outcome).toMatchObject({
      admitted: false,
      error: { code: 'CALLBACK_FAILED', details: { slot: 'sessionPolicy.open' } },
    })
  })

  test('of a gate that throws does not reveal its error text to the caller', async () => {
    for (const admit of [
      () => {
        throw new Error('password is hunter2')
      },
      () => Promise.reject(new Error('password is hunter2')),
    ]) {
      const outcome = await admitting({ admit }).outcome

      expect(outcome).toMatchObject({ admitted: false, error: { cause: { message: 'password is hunter2' } } })
      expect(JSON.stringify(outcome.admitted ? undefined : outcome.refusal)).not.toContain('hunter2')
    }
  })

  test('of a session policy that throws is reported', async () => {
    const open = () => {
      throw new Error('no table')
    }

    await expect(admitting(undefined, { open }).outcome).resolves.toMatchObject({
      admitted: false,
      error: { details: { slot: 'sessionPolicy.open' } },
    })
  })

  test('aborts the signal of a gate that exceeds gateTimeoutMs', async () => {
    const verdict = deferred<Verdict>()
    const gate = { admit: vi.fn<Gate['admit']>(() => verdict.promise) }
    const { clock, outcome } = admitting(gate)
    const done = vi.fn()
    void outcome.then(done)
    await clock.advance(99)
    expect(done).not.toHaveBeenCalled()
    await clock.advance(1)

    await expect(outcome).resolves.toMatchObject({
      admitted: false,
      refusal: { status: 503 },
      error: { message: expect.stringContaining('gateTimeoutMs (100 ms)') },
    })
    expect(gate.admit.mock.calls[0]?.[1].aborted).toBe(true)
    verdict.reject(new Error('much later'))
    await settled()
    expect(clock.pending).toBe(0)
  })
})

describe('a closing listener', () => {
  test('refuses a waiting caller at once without an error', async () => {
    const controller = new AbortController()
    const gate = { admit: vi.fn<Gate['admit']>(() => new Promise(() => {})) }
    const { clock, outcome } = admitting(gate, undefined, controller.signal)
    await settled()
    controller.abort()

    await expect(outcome).resolves.toEqual({
      admitted: false,
      refusal: { admit: false, status: 503, reason: 'the server is shutting down' },
    })
    expect(gate.admit.mock.calls[0]?.[1].aborted).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('refuses a later caller without a call of the gate', async () => {
    const gate = { admit: vi.fn<Gate['admit']>(() => ({ admit: true })) }

    await expect(admitting(gate, undefined, AbortSignal.abort()).outcome).resolves.toMatchObject({
      admitted: false,
    })
    expect(gate.admit).not.toHaveBeenCalled()
  })

  test('never reuses a signal that a gate has received', async () => {
    const seen: AbortSignal[] = []
    const gate: Gate = {
      admit: (_, asked) => {
        seen.push(asked)
        return { admit: true }
      },
    }
    await admitting(gate).outcome
    await admitting(gate).outcome

    expect(new Set(seen).size).toBe(2)
  })

  test('keeps no abort listener of admitted callers', async () => {
    const controller = new AbortController()
    const [added, removed] = [
      vi.spyOn(controller.signal, 'addEventListener'),
      vi.spyOn(controller.signal, 'removeEventListener'),
    ]
    await admitting(returning({ admit: true }), undefined, controller.signal).outcome
    await admitting(returning(Promise.resolve({ admit: true })), undefined, controller.signal).outcome
    await settled()

    // A synchronous verdict needs no abort listener.
    expect(added).toHaveBeenCalledTimes(1)
    expect(removed).toHaveBeenCalledTimes(1)
  })
})
