import { allowAll, isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import { startLeakCheck } from '../leak-check.js'
import type { ListenerCase } from '../listener-fixture.js'
import { notification, numbersOf } from '../sample-messages.js'
import { turns } from '../waiting.js'

/** The life cycle of a listener. */
export const listenerLifeCases: readonly ListenerCase[] = [
  {
    title: 'binds nothing before start(), and has an address after it',
    run: async (fixture) => {
      const leaks = await startLeakCheck()
      const { listener } = await fixture.idle()
      await turns()
      expect(listener.address, 'address before start()').toBeUndefined()
      expect(leaks.extra(), 'handles that are open before start()').toEqual([])
      await fixture.within(listener.start(), 'start() settled')
      expect(listener.address, 'address of the listener').toMatch(/^[a-z]+:/)
    },
  },
  {
    title: 'rejects a second start() with ALREADY_STARTED, and a start() after the end with CLOSED',
    run: async (fixture) => {
      const { listener } = await fixture.listening()
      await expect(listener.start(), 'error that start() rejects with').rejects.toMatchObject({
        code: 'ALREADY_STARTED',
      })
      await fixture.within(listener.close(), 'close() returned')
      await expect(listener.start(), 'error that start() rejects with').rejects.toMatchObject({
        code: 'CLOSED',
      })
    },
  },
  {
    title: 'rejects start() with the reason of its signal, and calls onclose once',
    run: async (fixture) => {
      const server = await fixture.idle()
      const reason = new Error('aborted by the test')
      const signal = AbortSignal.abort(reason)
      await expect(
        fixture.within(server.listener.start({ signal }), 'start() settled'),
        'error that start() rejects with',
      ).rejects.toBe(reason)
      await turns()
      expect(server.closes, 'calls of onclose').toBe(1)
    },
  },
  {
    title: 'rejects start() with LISTEN_FAILED if the address is in use',
    run: async (fixture) => {
      const first = await fixture.listening()
      const again = fixture.requireHook('sameAddress', fixture.subject.sameAddress)
      const second = fixture.track(await again(first.listener, {}))
      const failure = await fixture.within(
        second.listener.start().catch((error: unknown) => error),
        'start() settled',
      )
      expect(isTransportError(failure, 'LISTEN_FAILED'), String(failure)).toBe(true)
      expect(second.closes, 'calls of onclose of the listener that could not bind').toBe(1)
      await fixture.connectClient(first)
    },
  },
  {
    title: 'calls onclose once for several close() calls, also before start()',
    run: async (fixture) => {
      for (const server of [await fixture.listening(), await fixture.idle()]) {
        const { listener } = server
        await fixture.within(Promise.all([listener.close(), listener.close()]), 'close() returned')
        await fixture.within(listener.close(), 'close() returned again')
        await turns()
        expect(server.closes, 'calls of onclose').toBe(1)
        expect(await listener.closed, 'closed after an orderly end').toBeUndefined()
        expect(server.errors, 'errors reported to onerror').toEqual([])
      }
    },
  },
  {
    title: 'closes every connection on close(), and calls onclose after the last of them',
    run: async (fixture) => {
      const server = await fixture.listening()
      const pairs = [await fixture.connectClient(server), await fixture.connectClient(server)]
      const unstarted = await fixture.connectUnstarted(server)
      let stillOpen = -1
      server.listener.onclose = () => {
        stillOpen = server.connections.filter(({ state }) => state !== 'closed').length
      }
      await fixture.within(server.listener.close(), 'close() returned')
      expect(stillOpen, 'connections still open when onclose was called').toBe(0)
      expect(server.listener.connections.size, 'connections of the listener after close()').toBe(0)
      expect(unstarted.connection.state, 'state of the transport').toBe('closed')
      if (fixture.subject.initialize) return
      for (const { client } of pairs) await fixture.within(client.closed, 'the client closed')
    },
  },
  {
    title: 'lists open connections',
    run: async (fixture) => {
      const server = await fixture.listening()
      const first = await fixture.connectClient(server)
      const second = await fixture.connectClient(server)
      expect([...server.listener.connections], 'connections of the listener').toEqual([
        first.connection,
        second.connection,
      ])
      await first.connection.close()
      await fixture.until(() => server.listener.connections.size === 1, 'one connection is left')
      expect([...server.listener.connections], 'connections of the listener').toEqual([second.connection])
    },
  },
  {
    title: 'yields idle connections that deliver no message before start()',
    run: async (fixture) => {
      if (fixture.subject.initialize) {
        // A message creates the connection there. It is kept.
        const server = await fixture.listening()
        const { connection } = await fixture.connectUnstarted(server)
        expect(connection.state, 'state of the transport').toBe('idle')
        return
      }
      const server = await fixture.listening()
      const { client, connection } = await fixture.connectUnstarted(server)
      const received: unknown[] = []
      connection.onmessage = (message) => received.push(...numbersOf([message]))
      if (client.state === 'open') await fixture.within(client.send(notification(1)), 'send() settled')
      await turns()
      expect(connection.state, 'state of the transport').toBe('idle')
      expect(received, 'messages delivered before start() of the connection').toEqual([])
      await fixture.within(connection.start(), 'the start() of the connection settled')
      await fixture.until(() => client.state === 'open', 'the client was open')
      await client.send(notification(2))
      await fixture.until(() => received.includes(2), 'the message arrived')
    },
  },
  {
    title: 'binds an address that other hosts can reach only with a gate',
    run: async (fixture) => {
      const make = fixture.requireHook('beyondThisHost', fixture.subject.beyondThisHost)
      const withoutGate = fixture.track(await make({}))
      const starting = withoutGate.listener.start().catch((error: unknown) => error)
      const failure = await fixture.within(starting, 'start() settled')
      if (!isTransportError(failure, 'INVALID_OPTION'))
        throw new Error(`expected INVALID_OPTION, not ${String(failure)}`)
      expect(failure.details.option, 'details.option of INVALID_OPTION').toBe('gate')
      const withGate = fixture.track(await make({ gate: allowAll() }))
      await fixture.within(withGate.listener.start(), 'start() settled')
    },
  },
  {
    title: 'releases all resources after close()',
    run: async (fixture) => {
      const leaks = await startLeakCheck()
      const server = await fixture.listening()
      const { client } = await fixture.connectClient(server)
      await fixture.connectUnstarted(server)
      await fixture.within(server.listener.close(), 'close() returned')
      if (!fixture.subject.initialize) await fixture.within(client.closed, 'the client closed')
      await fixture.cleanUp()
      await leaks.released(fixture.graceMs)
    },
  },
]
