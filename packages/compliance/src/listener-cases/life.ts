import { allowAll, isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import { startLeakCheck } from '../leak-check.js'
import type { ListenerCase } from '../listener-stage.js'
import { note, numbersOf } from '../sample-messages.js'
import { turns } from '../waiting.js'

/** From idle to closed. */
export const listenerLifeCases: readonly ListenerCase[] = [
  {
    title: 'binds nothing before start(), and has an address afterwards',
    run: async (stage) => {
      const leaks = await startLeakCheck()
      const { listener } = await stage.idle()
      await turns()
      expect(listener.address).toBeUndefined()
      expect(leaks.extra()).toEqual([])
      await stage.within(listener.start(), 'start() settled')
      expect(listener.address).toMatch(/^[a-z]+:/)
    },
  },
  {
    title: 'starts once: again rejects with ALREADY_STARTED, after the end with CLOSED',
    run: async (stage) => {
      const { listener } = await stage.listening()
      await expect(listener.start()).rejects.toMatchObject({ code: 'ALREADY_STARTED' })
      await stage.within(listener.close(), 'close() returned')
      await expect(listener.start()).rejects.toMatchObject({ code: 'CLOSED' })
    },
  },
  {
    title: 'rejects start() with the reason of its signal, and calls onclose once',
    run: async (stage) => {
      const hearing = await stage.idle()
      const reason = new Error('changed my mind')
      const signal = AbortSignal.abort(reason)
      await expect(stage.within(hearing.listener.start({ signal }), 'start() settled')).rejects.toBe(reason)
      await turns()
      expect(hearing.closes).toBe(1)
    },
  },
  {
    title: 'rejects start() with LISTEN_FAILED where the address is taken',
    run: async (stage) => {
      const first = await stage.listening()
      const again = stage.need('sameAddress', stage.subject.sameAddress)
      const second = stage.adopt(await again(first.listener, {}))
      const failure = await stage.within(
        second.listener.start().catch((error: unknown) => error),
        'start() settled',
      )
      expect(isTransportError(failure, 'LISTEN_FAILED'), String(failure)).toBe(true)
      expect(second.closes).toBe(1)
      await stage.meet(first)
    },
  },
  {
    title: 'closes twice at once and again later, before start() too, with one onclose',
    run: async (stage) => {
      for (const hearing of [await stage.listening(), await stage.idle()]) {
        const { listener } = hearing
        await stage.within(Promise.all([listener.close(), listener.close()]), 'close() returned')
        await stage.within(listener.close(), 'close() returned again')
        await turns()
        expect(hearing.closes).toBe(1)
        expect(await listener.closed).toBeUndefined()
        expect(hearing.errors).toEqual([])
      }
    },
  },
  {
    title: 'ends every connection when it closes, and calls onclose after the last one',
    run: async (stage) => {
      const hearing = await stage.listening()
      const meetings = [await stage.meet(hearing), await stage.meet(hearing)]
      const unstarted = await stage.call(hearing)
      let stillOpen = -1
      hearing.listener.onclose = () => {
        stillOpen = hearing.callers.filter(({ state }) => state !== 'closed').length
      }
      await stage.within(hearing.listener.close(), 'close() returned')
      expect(stillOpen).toBe(0)
      expect(hearing.listener.connections.size).toBe(0)
      expect(unstarted.connection.state).toBe('closed')
      if (stage.subject.initialize) return
      for (const { client } of meetings) await stage.within(client.closed, 'the client closed')
    },
  },
  {
    title: 'lists the connections that have not ended',
    run: async (stage) => {
      const hearing = await stage.listening()
      const first = await stage.meet(hearing)
      const second = await stage.meet(hearing)
      expect([...hearing.listener.connections]).toEqual([first.connection, second.connection])
      await first.connection.close()
      await stage.until(() => hearing.listener.connections.size === 1, 'one connection is left')
      expect([...hearing.listener.connections]).toEqual([second.connection])
    },
  },
  {
    title: 'yields connections that are idle and hear nothing until they are started',
    run: async (stage) => {
      if (stage.subject.initialize) {
        // There, what makes the connection come into being is itself a message; it waits.
        const hearing = await stage.listening()
        const { connection } = await stage.call(hearing)
        expect(connection.state).toBe('idle')
        return
      }
      const hearing = await stage.listening()
      const { client, connection } = await stage.call(hearing)
      const heard: unknown[] = []
      connection.onmessage = (message) => heard.push(...numbersOf([message]))
      if (client.state === 'open') await stage.within(client.send(note(1)), 'send() settled')
      await turns()
      expect(connection.state).toBe('idle')
      expect(heard).toEqual([])
      await stage.within(connection.start(), 'the start() of the connection settled')
      await stage.until(() => client.state === 'open', 'the client was open')
      await client.send(note(2))
      await stage.until(() => heard.includes(2), 'the message arrived')
    },
  },
  {
    title: 'binds beyond this host only with a gate',
    run: async (stage) => {
      const make = stage.need('beyondThisHost', stage.subject.beyondThisHost)
      const ungated = stage.adopt(await make({}))
      const refusal = ungated.listener.start().catch((error: unknown) => error)
      const failure = await stage.within(refusal, 'start() settled')
      if (!isTransportError(failure, 'INVALID_OPTION')) throw new Error(`it was ${String(failure)}`)
      expect(failure.details.option).toBe('gate')
      const gated = stage.adopt(await make({ gate: allowAll() }))
      await stage.within(gated.listener.start(), 'start() settled')
    },
  },
  {
    title: 'leaves nothing behind when it has closed',
    run: async (stage) => {
      const leaks = await startLeakCheck()
      const hearing = await stage.listening()
      const { client } = await stage.meet(hearing)
      await stage.call(hearing)
      await stage.within(hearing.listener.close(), 'close() returned')
      if (!stage.subject.initialize) await stage.within(client.closed, 'the client closed')
      await stage.clear()
      await leaks.released(stage.graceMs)
    },
  },
]
