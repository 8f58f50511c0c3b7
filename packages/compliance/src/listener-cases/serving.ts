import { isRequest, isTransportError, type Layer, type SessionPolicy } from '@mcpwire/core'
import { expect } from 'vitest'
import { createFakeClock } from '../fake-clock.js'
import type { ListenerCase, Meeting } from '../listener-stage.js'
import { answer, count, note, numbersOf, request } from '../sample-messages.js'
import { turns } from '../waiting.js'

const CLIENTS = 5

/** What happens while connections are open, and how they end. */
export const servingCases: readonly ListenerCase[] = [
  {
    title: 'never broadcasts: clients with the same ids get their own answers and nothing else',
    run: async (stage) => {
      const hearing = await stage.listening()
      const meetings: Meeting[] = []
      for (const _ of count(CLIENTS)) meetings.push(await stage.meet(hearing))
      const asked = meetings.flatMap(({ client }) => [client.send(request(1)), client.send(request('1'))])
      for (const [who, { connection, atConnection }] of meetings.entries()) {
        await stage.until(() => atConnection.messages.length === 2, 'both requests arrived')
        const requests = atConnection.messages.filter(isRequest)
        for (const { id } of requests) await connection.send(answer(id, { who }))
      }
      await stage.within(Promise.all(asked), 'every send settled')
      for (const { atClient } of meetings) {
        await stage.until(() => atClient.messages.length === 2, 'both answers arrived')
      }
      await turns()
      for (const [who, { atClient }] of meetings.entries()) {
        expect(atClient.messages).toHaveLength(2)
        for (const message of atClient.messages) expect(message).toMatchObject({ result: { who } })
      }
    },
  },
  {
    title: 'ends no other connection when one ends',
    run: async (stage) => {
      const hearing = await stage.listening()
      const first = await stage.meet(hearing)
      const second = await stage.meet(hearing)
      await stage.within(first.client.close(), 'close() returned')
      await stage.within(first.connection.closed, 'its connection closed')
      await second.client.send(note(1))
      await stage.until(() => numbersOf(second.atConnection.messages).includes(1), 'the message arrived')
      expect(hearing.closes).toBe(0)
    },
  },
  {
    title: 'gives requests in flight drainMs to be answered, and accepts nobody meanwhile',
    run: async (stage) => {
      const hearing = await stage.listening()
      const { client, connection, atClient, atConnection } = await stage.meet(hearing)
      const asked = client.send(request('slow'))
      await stage.until(() => atConnection.messages.length === 1, 'the request arrived')
      let isClosed = false
      const closing = hearing.listener.close({ drainMs: 60_000 }).then(() => {
        isClosed = true
      })
      await turns()
      expect([isClosed, connection.state]).toEqual([false, 'open'])
      await connection.send(answer('slow', { done: true }))
      await asked
      await stage.until(() => atClient.messages.length === 1, 'the answer arrived')
      await stage.within(closing, 'close() returned')
      expect(hearing.closes).toBe(1)
    },
  },
  {
    title: 'closes after drainMs where a request is not answered, and at once where none is in flight',
    run: async (stage) => {
      const clock = createFakeClock()
      const hearing = await stage.listening({ clock })
      const { client, connection, atConnection } = await stage.meet(hearing)
      client.send(request('never answered')).catch(() => {})
      await stage.until(() => atConnection.messages.length === 1, 'the request arrived')
      const closing = hearing.listener.close({ drainMs: 1_000 })
      await clock.advance(999)
      expect(connection.state).toBe('open')
      await clock.advance(1)
      await stage.within(closing, 'close() returned')
      const quiet = await stage.listening({ clock: createFakeClock() })
      await stage.meet(quiet)
      await stage.within(quiet.listener.close({ drainMs: 60_000 }), 'close() returned without waiting')
    },
  },
  {
    title: 'ends a connection as REFUSED when its admission is revoked',
    run: async (stage) => {
      const revocation = new AbortController()
      const gate = { admit: () => ({ admit: true, revoked: revocation.signal }) as const }
      const hearing = await stage.listening({ gate })
      const { client, connection } = await stage.meet(hearing)
      revocation.abort()
      const reason = await stage.within(connection.closed, 'the connection closed')
      expect(isTransportError(reason, 'REFUSED')).toBe(true)
      if (!stage.subject.initialize) await stage.within(client.closed, 'the client closed')
      await stage.turnedAway(hearing)
    },
  },
  {
    title: 'ends a connection as REFUSED when its admission expires, and admits none that has expired',
    run: async (stage) => {
      const clock = createFakeClock()
      const expiresAt = clock.epochNow() + 1_000
      const hearing = await stage.listening({ clock, gate: { admit: () => ({ admit: true, expiresAt }) } })
      const { connection } = await stage.meet(hearing)
      await clock.advance(999)
      expect(connection.state).toBe('open')
      await clock.advance(1)
      const reason = await stage.within(connection.closed, 'the connection closed')
      expect(isTransportError(reason, 'REFUSED')).toBe(true)
      await stage.turnedAway(hearing)
      expect(hearing.callers).toHaveLength(1)
    },
  },
  {
    title: 'asks the session policy after the gate, and releases what it granted once',
    run: async (stage) => {
      let released = 0
      let isFull = false
      const sessionPolicy: SessionPolicy = {
        open: (_handshake, admission) =>
          isFull
            ? { admit: false, status: 429, reason: 'too many sessions', retryAfterMs: 10 }
            : { admit: admission.admit, release: () => released++ },
      }
      const hearing = await stage.listening({ sessionPolicy })
      const { client, connection } = await stage.meet(hearing)
      isFull = true
      await stage.turnedAway(hearing)
      expect([hearing.callers.length, released]).toEqual([1, 0])
      await client.close()
      await stage.within(connection.close(), 'close() returned')
      await stage.until(() => released > 0, 'the session was released')
      await turns()
      expect(released).toBe(1)
    },
  },
  {
    title: 'ends a session at its lifetime, and one that is idle',
    run: async (stage) => {
      for (const grant of [{ lifetimeMs: 1_000 }, { idleTimeoutMs: 1_000 }]) {
        const clock = createFakeClock()
        const sessionPolicy: SessionPolicy = { open: () => ({ admit: true, ...grant }) }
        const hearing = await stage.listening({ clock, sessionPolicy })
        const { client, connection, atConnection } = await stage.meet(hearing)
        await clock.advance(900)
        await client.send(note(1))
        await stage.until(() => atConnection.messages.length === 1, 'the message arrived')
        await clock.advance(100)
        const isIdleLimit = 'idleTimeoutMs' in grant
        expect(connection.state).toBe(isIdleLimit ? 'open' : 'closed')
        await clock.advance(900)
        expect(connection.state).toBe('closed')
      }
    },
  },
  {
    title: 'puts its layers around every connection',
    run: async (stage) => {
      const seen: string[] = []
      const layers = ['outer', 'inner'].map((name) => noting(() => seen.push(name)))
      const hearing = await stage.listening({ layers })
      const { client, connection, atConnection } = await stage.meet(hearing)
      const asked = client.send(request('a'))
      await stage.until(() => atConnection.messages.length === 1, 'the request arrived')
      seen.length = 0
      await connection.send(answer('a'))
      await asked
      expect(seen).toEqual(['outer', 'inner'])
    },
  },
]

function noting(note: () => void): Layer {
  return (next) => ({
    ...next,
    connect: async (sink, signal) => {
      const channel = await next.connect(sink, signal)
      return {
        ...channel,
        send: (message, options) => {
          note()
          return channel.send(message, options)
        },
      }
    },
  })
}
