import { type Gate, isTransportError, type Verdict } from '@mcpwire/core'
import { expect } from 'vitest'
import { createFakeClock } from '../fake-clock.js'
import type { Hearing, ListenerCase, ListenerStage } from '../listener-stage.js'
import { note } from '../sample-messages.js'
import { turns } from '../waiting.js'

const authInfo = { token: 'secret-token', clientId: 'alice', scopes: ['read'] }

const nonsense: readonly unknown[] = [
  undefined,
  null,
  true,
  'yes',
  {},
  { admit: 'yes' },
  { admit: 1 },
  { admit: false },
  { admit: false, status: 200, reason: 'come in' },
]

/** Who gets in. */
export const admissionCases: readonly ListenerCase[] = [
  {
    title: 'shows the gate who is calling, and puts who it is on peer and on every context',
    run: async (stage) => {
      const seen: string[] = []
      const gate: Gate = {
        admit: (handshake) => {
          seen.push(handshake.medium, handshake.headers['x-test'] ?? 'no header')
          return { admit: true, authInfo }
        },
      }
      const hearing = await stage.listening({ gate })
      const { client, connection, atConnection } = await stage.meet(hearing, {
        headers: { 'x-test': 'hello' },
      })
      expect(seen[0]).toMatch(/./)
      if (stage.isHeldTo('headers')) expect(seen[1]).toBe('hello')
      expect(connection.peer?.authInfo).toMatchObject(authInfo)
      await client.send(note(1))
      await client.send(note(2))
      await stage.until(() => atConnection.messages.length === 2, 'both messages arrived')
      for (const context of atConnection.contexts) expect(context?.authInfo).toMatchObject(authInfo)
    },
  },
  refuses('with 403 for one that is refused', { admit: false, status: 403, reason: 'not you' }, 'REFUSED'),
  refuses(
    'with 401 for one without a credential',
    { admit: false, status: 401, reason: 'who are you?', challenge: 'Bearer' },
    'AUTH_REQUIRED',
  ),
  failsClosed('a gate that throws', () => {
    throw new Error('from the gate')
  }),
  failsClosed('a gate that rejects', () => Promise.reject(new Error('from the gate'))),
  ...nonsense.map((verdict) =>
    failsClosed(`a gate that answers ${JSON.stringify(verdict) ?? 'nothing'}`, () => verdict as Verdict),
  ),
  {
    title: 'refuses after gateTimeoutMs where the gate hangs, and tells the gate',
    run: async (stage) => {
      const clock = createFakeClock()
      const signals: AbortSignal[] = []
      const gate: Gate = {
        admit: (_handshake, signal) => {
          signals.push(signal)
          return new Promise(() => {})
        },
      }
      const hearing = await stage.listening({ gate, gateTimeoutMs: 1_000, clock })
      const away = stage.turnedAway(hearing)
      await stage.until(() => signals.length > 0, 'the gate was asked')
      await clock.advance(999)
      expect(signals[0]?.aborted).toBe(false)
      await clock.advance(1)
      await away
      expect(signals[0]?.aborted).toBe(true)
      expect(hearing.callers).toEqual([])
    },
  },
  {
    title: 'counts callers that wait at a slow gate towards maxConnections',
    run: async (stage) => {
      let admitAll!: () => void
      const opened = new Promise<void>((resolve) => {
        admitAll = resolve
      })
      let asked = 0
      const gate: Gate = {
        admit: async () => {
          asked++
          await opened
          return { admit: true }
        },
      }
      const hearing = await stage.listening({ gate, maxConnections: 2 })
      const waiting = Promise.all([stage.call(hearing), stage.call(hearing)])
      waiting.catch(() => {})
      await stage.until(() => asked === 2, 'two callers are at the gate')
      const reason = await stage.turnedAway(hearing)
      if (stage.isHeldTo('reportsRefusal')) expectRefused(reason, 'REFUSED', 503)
      expect(asked).toBe(2)
      admitAll()
      await stage.within(waiting, 'both callers were admitted')
      expect(hearing.callers).toHaveLength(2)
    },
  },
  {
    title: 'has room again once a connection has ended',
    run: async (stage) => {
      const hearing = await stage.listening({ maxConnections: 1 })
      const first = await stage.meet(hearing)
      await stage.turnedAway(hearing)
      await first.client.close()
      await stage.until(() => hearing.listener.connections.size === 0, 'the connection has ended')
      await stage.meet(hearing)
    },
  },
  {
    title: 'closes an admitted connection that nobody starts within startTimeoutMs',
    run: async (stage) => {
      const clock = createFakeClock()
      const hearing = await stage.listening({ startTimeoutMs: 1_000, clock })
      const { client, connection } = await stage.call(hearing)
      await clock.advance(999)
      expect(connection.state).toBe('idle')
      await clock.advance(1)
      expect(connection.state).toBe('closed')
      expect(await connection.closed).toBeInstanceOf(Error)
      if (!stage.subject.initialize) await stage.within(client.closed, 'the client closed')
    },
  },
  {
    title: 'refuses everybody while there is no onconnection, and goes on',
    run: async (stage) => {
      const hearing = await stage.listening()
      const { onconnection } = hearing.listener
      hearing.listener.onconnection = undefined
      await stage.turnedAway(hearing)
      hearing.listener.onconnection = onconnection
      await stage.meet(hearing)
    },
  },
  {
    title: 'reports an onconnection that throws, closes that connection, and goes on',
    run: async (stage) => {
      const hearing = await stage.listening()
      const { onconnection } = hearing.listener
      hearing.listener.onconnection = () => {
        throw new Error('from onconnection')
      }
      await stage.turnedAway(hearing)
      expect(hearing.errors.some((error) => isTransportError(error, 'CALLBACK_FAILED'))).toBe(true)
      expect(hearing.listener.connections.size).toBe(0)
      hearing.listener.onconnection = onconnection
      await stage.meet(hearing)
    },
  },
]

function refuses(how: string, verdict: Verdict, code: 'REFUSED' | 'AUTH_REQUIRED'): ListenerCase {
  return {
    title: `refuses ${how}, and admits the next`,
    run: async (stage) => {
      const verdicts = [verdict, { admit: true } as const]
      const hearing = await stage.listening({ gate: { admit: () => verdicts.shift() ?? verdict } })
      const reason = await stage.turnedAway(hearing)
      if (stage.isHeldTo('reportsRefusal') && !verdict.admit) expectRefused(reason, code, verdict.status)
      expect(hearing.callers).toEqual([])
      verdicts.push({ admit: true }, { admit: true }, { admit: true })
      await stage.meet(hearing)
    },
  }
}

function failsClosed(what: string, admit: Gate['admit']): ListenerCase {
  return {
    title: `${what} refuses, and is reported`,
    run: async (stage) => {
      let isBroken = true
      const gate: Gate = {
        admit: (handshake, signal) => (isBroken ? admit(handshake, signal) : { admit: true }),
      }
      const hearing = await stage.listening({ gate })
      await stage.turnedAway(hearing)
      expect(hearing.callers).toEqual([])
      await expectReported(stage, hearing)
      isBroken = false
      await stage.meet(hearing)
    },
  }
}

async function expectReported(stage: ListenerStage, hearing: Hearing): Promise<void> {
  await stage.until(() => hearing.errors.length > 0, 'it was reported')
  await turns()
  expect(hearing.errors.every((error) => isTransportError(error, 'CALLBACK_FAILED'))).toBe(true)
}

function expectRefused(reason: unknown, code: 'REFUSED' | 'AUTH_REQUIRED', status: number): void {
  if (!isTransportError(reason, code)) throw new Error(`the caller was told ${String(reason)}, not ${code}`)
  expect(reason.details.status).toBe(status)
}
