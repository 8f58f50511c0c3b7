import { type Gate, isTransportError, type RefusedCaller, type Verdict } from '@mcpwire/core'
import { expect } from 'vitest'
import { createFakeClock } from '../fake-clock.js'
import type { ListenerCase, ListenerFixture, RecordedListener } from '../listener-fixture.js'
import { notification } from '../sample-messages.js'
import { turns } from '../waiting.js'

const authInfo = { token: 'secret-token', clientId: 'alice', scopes: ['read'] }

const invalidVerdicts: readonly unknown[] = [
  undefined,
  null,
  true,
  'yes',
  {},
  { admit: 'yes' },
  { admit: 1 },
  { admit: false },
  { admit: false, status: 200, reason: 'welcome' },
]

/** Admission by gate and limits. */
export const admissionCases: readonly ListenerCase[] = [
  {
    title: 'passes the handshake to the gate, and its authInfo to peer and every context',
    run: async (fixture) => {
      const seen: string[] = []
      const gate: Gate = {
        admit: (handshake) => {
          seen.push(handshake.medium, handshake.headers['x-test'] ?? 'no header')
          return { admit: true, authInfo }
        },
      }
      const server = await fixture.listening({ gate })
      const { client, connection, atConnection } = await fixture.connectClient(server, {
        headers: { 'x-test': 'hello' },
      })
      expect(seen[0], 'address in the handshake').toMatch(/./)
      if (fixture.hasAbility('headers')) expect(seen[1], 'header in the handshake').toBe('hello')
      expect(connection.peer?.authInfo, 'authInfo of the admission').toMatchObject(authInfo)
      await client.send(notification(1))
      await client.send(notification(2))
      await fixture.until(() => atConnection.messages.length === 2, 'both messages arrived')
      for (const context of atConnection.contexts)
        expect(context?.authInfo, 'authInfo of the admission').toMatchObject(authInfo)
    },
  },
  refuses('403', { admit: false, status: 403, reason: 'not allowed' }, 'REFUSED'),
  refuses(
    '401',
    { admit: false, status: 401, reason: 'authentication required', challenge: 'Bearer' },
    'AUTH_REQUIRED',
  ),
  failsClosed('throws', () => {
    throw new Error('from the gate')
  }),
  failsClosed('rejects', () => Promise.reject(new Error('from the gate'))),
  ...invalidVerdicts.map((verdict) =>
    failsClosed(`returns ${JSON.stringify(verdict) ?? 'undefined'}`, () => verdict as Verdict),
  ),
  {
    title: 'refuses a client and aborts the signal of the gate after gateTimeoutMs',
    run: async (fixture) => {
      const clock = createFakeClock()
      const signals: AbortSignal[] = []
      const gate: Gate = {
        admit: (_handshake, signal) => {
          signals.push(signal)
          return new Promise(() => {})
        },
      }
      const server = await fixture.listening({ gate, gateTimeoutMs: 1_000, clock })
      const refused = fixture.refused(server)
      await fixture.until(() => signals.length > 0, 'the gate was called')
      await clock.advance(999)
      expect(signals[0]?.aborted, 'handshake.signal is aborted while the gate decides').toBe(false)
      await clock.advance(1)
      await refused
      expect(signals[0]?.aborted, 'handshake.signal is aborted after the caller disconnected').toBe(true)
      expect(server.connections, 'connections yielded for a caller that disconnected').toEqual([])
    },
  },
  {
    title: 'counts clients with a pending gate towards maxConnections',
    run: async (fixture) => {
      let admitAll!: () => void
      const released = new Promise<void>((resolve) => {
        admitAll = resolve
      })
      let gateCalls = 0
      const gate: Gate = {
        admit: async () => {
          gateCalls++
          await released
          return { admit: true }
        },
      }
      const server = await fixture.listening({ gate, maxConnections: 2 })
      const connecting = Promise.all([fixture.connectUnstarted(server), fixture.connectUnstarted(server)])
      connecting.catch(() => {})
      await fixture.until(() => gateCalls === 2, 'the gate was called twice')
      const reason = await fixture.refused(server)
      if (fixture.hasAbility('reportsRefusal')) expectRefused(reason, 'REFUSED', 503)
      await fixture.until(() => server.refused.length > 0, 'onrefused was called')
      expect(server.refused, 'calls of onrefused').toMatchObject([{ status: 503, option: 'maxConnections' }])
      expect(gateCalls, 'calls of the gate').toBe(2)
      admitAll()
      await fixture.within(connecting, 'a client was admitted')
      await fixture.until(() => server.connections.length === 2, 'both clients were admitted')
    },
  },
  {
    title: 'calls onrefused at most ten times a second, and reports the number of callers left out',
    run: async (fixture) => {
      const clock = createFakeClock()
      const gate: Gate = { admit: () => ({ admit: false, status: 403, reason: 'not allowed' }) }
      const server = await fixture.listening({ gate, clock })
      const callers = 13
      for (let caller = 0; caller < callers; caller++) {
        const headers = { authorization: 'Bearer secret-token' }
        await fixture.refused(server, fixture.hasAbility('headers') ? { headers } : {})
      }
      await fixture.until(() => server.refused.length >= 10, 'onrefused was called')
      await clock.advance(1_000)
      const omitted = server.refused.map((caller) => caller.omitted)
      expect(omitted, 'callers left out of onrefused').toEqual([...Array(10).fill(0), 2])
      expect(JSON.stringify(server.refused), 'the arguments of onrefused').not.toContain('secret-token')
    },
  },
  {
    title: 'admits a client after another connection has ended',
    run: async (fixture) => {
      const server = await fixture.listening({ maxConnections: 1 })
      const first = await fixture.connectClient(server)
      await fixture.refused(server)
      await first.client.close()
      await fixture.until(() => server.listener.connections.size === 0, 'the connection has ended')
      await fixture.connectClient(server)
    },
  },
  {
    title: 'closes an admitted connection that is not started within startTimeoutMs',
    run: async (fixture) => {
      const clock = createFakeClock()
      const server = await fixture.listening({ startTimeoutMs: 1_000, clock })
      const { client, connection } = await fixture.connectUnstarted(server)
      await clock.advance(999)
      expect(connection.state, 'state of the transport').toBe('idle')
      await clock.advance(1)
      expect(connection.state, 'state of the transport').toBe('closed')
      expect(
        await connection.closed,
        'the connection that was not started in time closes with a reason',
      ).toBeInstanceOf(Error)
      if (!fixture.subject.initialize) await fixture.within(client.closed, 'the client closed')
    },
  },
  {
    title: 'refuses clients while onconnection is unset, and goes on',
    run: async (fixture) => {
      const server = await fixture.listening()
      const { onconnection } = server.listener
      server.listener.onconnection = undefined
      await fixture.refused(server)
      server.listener.onconnection = onconnection
      await fixture.connectClient(server)
    },
  },
  {
    title: 'reports an onconnection that throws, closes its connection, and goes on',
    run: async (fixture) => {
      const server = await fixture.listening()
      const { onconnection } = server.listener
      server.listener.onconnection = () => {
        throw new Error('from onconnection')
      }
      await fixture.refused(server)
      expect(
        server.errors.some((error) => isTransportError(error, 'CALLBACK_FAILED')),
        'the failure of the gate is reported to onerror as CALLBACK_FAILED',
      ).toBe(true)
      expect(server.listener.connections.size, 'connections of the listener after the refusal').toBe(0)
      server.listener.onconnection = onconnection
      await fixture.connectClient(server)
    },
  },
]

function refuses(status: string, verdict: Verdict, code: 'REFUSED' | 'AUTH_REQUIRED'): ListenerCase {
  return {
    title: `refuses a client with ${status} and admits the next client`,
    run: async (fixture) => {
      const verdicts = [verdict, { admit: true } as const]
      const server = await fixture.listening({ gate: { admit: () => verdicts.shift() ?? verdict } })
      const reason = await fixture.refused(server)
      if (fixture.hasAbility('reportsRefusal') && !verdict.admit) expectRefused(reason, code, verdict.status)
      expect(server.connections, 'connections yielded for a refused caller').toEqual([])
      if (!verdict.admit) await expectReportedOnce(fixture, server, verdict)
      verdicts.push({ admit: true }, { admit: true }, { admit: true })
      await fixture.connectClient(server)
    },
  }
}

function failsClosed(failure: string, admit: Gate['admit']): ListenerCase {
  return {
    title: `refuses a client and reports the error if the gate ${failure}`,
    run: async (fixture) => {
      let isBroken = true
      const gate: Gate = {
        admit: (handshake, signal) => (isBroken ? admit(handshake, signal) : { admit: true }),
      }
      const server = await fixture.listening({ gate })
      await fixture.refused(server)
      expect(server.connections, 'connections yielded for a refused caller').toEqual([])
      await expectReported(fixture, server)
      isBroken = false
      await fixture.connectClient(server)
    },
  }
}

/** `onrefused` is called with each refused caller, and has nothing of its credential. */
async function expectReportedOnce(
  fixture: ListenerFixture,
  server: RecordedListener,
  { status, reason }: Pick<RefusedCaller, 'status' | 'reason'>,
): Promise<void> {
  await fixture.until(() => server.refused.length > 0, 'onrefused was called')
  await turns()
  expect(server.refused, 'calls of onrefused').toMatchObject([
    { status, reason, omitted: 0, address: expect.any(String) },
  ])
}

async function expectReported(fixture: ListenerFixture, server: RecordedListener): Promise<void> {
  await fixture.until(() => server.errors.length > 0, 'the error was reported')
  await turns()
  expect(
    server.errors.every((error) => isTransportError(error, 'CALLBACK_FAILED')),
    'every error of the listener is CALLBACK_FAILED',
  ).toBe(true)
}

function expectRefused(reason: unknown, code: 'REFUSED' | 'AUTH_REQUIRED', status: number): void {
  if (!isTransportError(reason, code)) throw new Error(`expected ${code}, not ${String(reason)}`)
  expect(reason.details.status, 'details.status of the refusal').toBe(status)
}
