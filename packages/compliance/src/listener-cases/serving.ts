import { isRequest, isTransportError, type Layer, type SessionPolicy } from '@mcpwire/core'
import { expect } from 'vitest'
import { createFakeClock } from '../fake-clock.js'
import type { ListenerCase, OpenConnection } from '../listener-fixture.js'
import { count, notification, numbersOf, request, response } from '../sample-messages.js'
import { turns } from '../waiting.js'

const CLIENTS = 5

/** Open connections and their end. */
export const servingCases: readonly ListenerCase[] = [
  {
    title: 'delivers each response to its own client only, also with equal ids',
    run: async (fixture) => {
      const server = await fixture.listening()
      const pairs: OpenConnection[] = []
      for (const _ of count(CLIENTS)) pairs.push(await fixture.connectClient(server))
      const sending = pairs.flatMap(({ client }) => [client.send(request(1)), client.send(request('1'))])
      for (const [index, { connection, atConnection }] of pairs.entries()) {
        await fixture.until(() => atConnection.messages.length === 2, 'both requests arrived')
        const requests = atConnection.messages.filter(isRequest)
        for (const { id } of requests) await connection.send(response(id, { index }))
      }
      await fixture.within(Promise.all(sending), 'every send settled')
      for (const { atClient } of pairs) {
        await fixture.until(() => atClient.messages.length === 2, 'both responses arrived')
      }
      await turns()
      for (const [index, { atClient }] of pairs.entries()) {
        expect(atClient.messages, 'messages that the client received').toHaveLength(2)
        for (const message of atClient.messages)
          expect(message, 'the message that arrived').toMatchObject({ result: { index } })
      }
    },
  },
  {
    title: 'keeps other connections open when one closes',
    run: async (fixture) => {
      const server = await fixture.listening()
      const first = await fixture.connectClient(server)
      const second = await fixture.connectClient(server)
      await fixture.within(first.client.close(), 'close() returned')
      await fixture.within(first.connection.closed, 'its connection closed')
      await second.client.send(notification(1))
      await fixture.until(() => numbersOf(second.atConnection.messages).includes(1), 'the message arrived')
      expect(server.closes, 'calls of onclose while a connection is open').toBe(0)
    },
  },
  {
    title: 'waits up to drainMs for responses to requests in flight',
    run: async (fixture) => {
      const server = await fixture.listening()
      const { client, connection, atClient, atConnection } = await fixture.connectClient(server)
      const sending = client.send(request('slow'))
      await fixture.until(() => atConnection.messages.length === 1, 'the request arrived')
      let isClosed = false
      const closing = server.listener.close({ drainMs: 60_000 }).then(() => {
        isClosed = true
      })
      await turns()
      expect({ isClosed, state: connection.state }, 'states of both ends').toEqual({
        isClosed: false,
        state: 'open',
      })
      await connection.send(response('slow', { done: true }))
      await sending
      await fixture.until(() => atClient.messages.length === 1, 'the response arrived')
      await fixture.within(closing, 'close() returned')
      expect(server.closes, 'calls of onclose after close()').toBe(1)
    },
  },
  {
    title: 'closes after drainMs without a response, and at once without requests in flight',
    run: async (fixture) => {
      const clock = createFakeClock()
      const server = await fixture.listening({ clock })
      const { client, connection, atConnection } = await fixture.connectClient(server)
      client.send(request('no response')).catch(() => {})
      await fixture.until(() => atConnection.messages.length === 1, 'the request arrived')
      const closing = server.listener.close({ drainMs: 1_000 })
      await clock.advance(999)
      expect(connection.state, 'state of the transport').toBe('open')
      await clock.advance(1)
      await fixture.within(closing, 'close() returned')
      const idle = await fixture.listening({ clock: createFakeClock() })
      await fixture.connectClient(idle)
      await fixture.within(idle.listener.close({ drainMs: 60_000 }), 'close() returned without waiting')
    },
  },
  {
    title: 'closes a connection with REFUSED when its admission is revoked',
    run: async (fixture) => {
      const revocation = new AbortController()
      const gate = { admit: () => ({ admit: true, revoked: revocation.signal }) as const }
      const server = await fixture.listening({ gate })
      const { client, connection } = await fixture.connectClient(server)
      revocation.abort()
      const reason = await fixture.within(connection.closed, 'the connection closed')
      expect(
        isTransportError(reason, 'REFUSED'),
        'the connection closes with REFUSED when its admission expires',
      ).toBe(true)
      if (!fixture.subject.initialize) await fixture.within(client.closed, 'the client closed')
      await fixture.refused(server)
    },
  },
  {
    title: 'closes a connection with REFUSED when its admission expires, and refuses an expired admission',
    run: async (fixture) => {
      const clock = createFakeClock()
      const expiresAt = clock.epochNow() + 1_000
      const server = await fixture.listening({ clock, gate: { admit: () => ({ admit: true, expiresAt }) } })
      const { connection } = await fixture.connectClient(server)
      await clock.advance(999)
      expect(connection.state, 'state of the transport').toBe('open')
      await clock.advance(1)
      const reason = await fixture.within(connection.closed, 'the connection closed')
      expect(
        isTransportError(reason, 'REFUSED'),
        'the connection closes with REFUSED when its admission is revoked',
      ).toBe(true)
      await fixture.refused(server)
      expect(server.connections, 'connections that the listener yielded').toHaveLength(1)
    },
  },
  {
    title: 'calls the session policy after the gate, and releases each grant once',
    run: async (fixture) => {
      let released = 0
      let isFull = false
      const sessionPolicy: SessionPolicy = {
        open: ({ admission }) =>
          isFull
            ? { admit: false, status: 429, reason: 'too many sessions', retryAfterMs: 10 }
            : { admit: admission.admit, release: () => released++ },
      }
      const server = await fixture.listening({ sessionPolicy })
      const { client, connection } = await fixture.connectClient(server)
      isFull = true
      await fixture.refused(server)
      expect(
        { connections: server.connections.length, released },
        'connections and calls of the release function',
      ).toEqual({ connections: 1, released: 0 })
      await client.close()
      await fixture.within(connection.close(), 'close() returned')
      await fixture.until(() => released > 0, 'the session was released')
      await turns()
      expect(released, 'calls of the release function of the gate').toBe(1)
    },
  },
  {
    title: 'closes a session at the end of its lifetime, and an idle session',
    run: async (fixture) => {
      for (const grant of [{ lifetimeMs: 1_000 }, { idleTimeoutMs: 1_000 }]) {
        const clock = createFakeClock()
        const sessionPolicy: SessionPolicy = { open: () => ({ admit: true, ...grant }) }
        const server = await fixture.listening({ clock, sessionPolicy })
        const { client, connection, atConnection } = await fixture.connectClient(server)
        await clock.advance(900)
        await client.send(notification(1))
        await fixture.until(() => atConnection.messages.length === 1, 'the message arrived')
        await clock.advance(100)
        const isIdleLimit = 'idleTimeoutMs' in grant
        expect(connection.state, 'state of the transport').toBe(isIdleLimit ? 'open' : 'closed')
        await clock.advance(900)
        expect(connection.state, 'state of the transport').toBe('closed')
      }
    },
  },
  {
    title: 'wraps every connection in its layers',
    run: async (fixture) => {
      const order: string[] = []
      const layers = ['outer', 'inner'].map((name) => onSend(() => order.push(name)))
      const server = await fixture.listening({ layers })
      const { client, connection, atConnection } = await fixture.connectClient(server)
      const sending = client.send(request('a'))
      await fixture.until(() => atConnection.messages.length === 1, 'the request arrived')
      order.length = 0
      await connection.send(response('a'))
      await sending
      expect(order, 'order of the layers').toEqual(['outer', 'inner'])
    },
  },
]

function onSend(callback: () => void): Layer {
  return (next) => ({
    ...next,
    connect: async (sink, signal) => {
      const channel = await next.connect(sink, signal)
      return {
        ...channel,
        send: (message, options) => {
          callback()
          return channel.send(message, options)
        },
      }
    },
  })
}
