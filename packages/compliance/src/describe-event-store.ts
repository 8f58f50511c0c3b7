import type { EventId, EventStore, JsonRpcMessage, StreamId } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { count, notification, numbersOf, request } from './sample-messages.js'
import { turn, within } from './waiting.js'

const GRACE_MS = 20_000

/** One test of the event store suite, as data. */
export interface EventStoreCase {
  readonly title: string
  readonly run: (store: EventStore) => Promise<void>
}

/** Every test of the event store suite. */
export const eventStoreCases: readonly EventStoreCase[] = [
  {
    title: 'gives every event a unique id, also across streams',
    run: async (store) => {
      const ids: EventId[] = []
      for (const n of count(50)) ids.push(await store.storeEvent(`stream ${n % 3}`, notification(n)))
      expect(
        ids.every((id) => typeof id === 'string' && id !== ''),
        'storeEvent() returns ids that are strings and not empty',
      ).toBe(true)
      expect(new Set(ids).size, 'number of different ids of 50 events').toBe(50)
    },
  },
  {
    title: 'replays the later events of a stream in order, each with its id',
    run: async (store) => {
      const ids = await storeNotifications(store, 'a', 6)
      const { events, streamId } = await replay(store, ids[1])
      expect(streamId, 'stream of the event').toBe('a')
      expect(numbersOf(events.map(({ message }) => message)), 'numbers of the messages, in order').toEqual([
        2, 3, 4, 5,
      ])
      expect(
        events.map(({ id }) => id),
        'ids of the replayed events',
      ).toEqual(ids.slice(2))
    },
  },
  {
    title: 'replays nothing after the last event',
    run: async (store) => {
      const ids = await storeNotifications(store, 'a', 3)
      expect(await replay(store, ids.at(-1)), 'ids of the replayed events').toEqual({
        events: [],
        streamId: 'a',
      })
    },
  },
  {
    title: 'separates streams, also with similar names',
    run: async (store) => {
      const streams = ['a', 'a_1', 'a_', '_a', 'a:1', '', '__proto__', '1', 'A']
      const first = new Map<StreamId, EventId>()
      for (const stream of streams) first.set(stream, await store.storeEvent(stream, notification(-1)))
      for (const n of count(4)) {
        for (const [index, stream] of streams.entries())
          await store.storeEvent(stream, notification(index * 10 + n))
      }
      for (const [index, stream] of streams.entries()) {
        const { events, streamId } = await replay(store, first.get(stream))
        expect(streamId, 'stream of the event').toBe(stream)
        const expected = count(4).map((n) => index * 10 + n)
        expect(numbersOf(events.map(({ message }) => message)), `the stream '${stream}'`).toEqual(expected)
      }
    },
  },
  {
    title: 'keeps the order of calls on each stream, awaited or not',
    run: async (store) => {
      const first = {
        a: await store.storeEvent('a', notification(-1)),
        b: await store.storeEvent('b', notification(-1)),
      }
      const stored = count(40).map((n) => store.storeEvent(n % 2 === 0 ? 'a' : 'b', notification(n)))
      await within(Promise.all(stored), 'every storeEvent() settled', GRACE_MS)
      for (const [stream, rest] of [
        ['a', 0],
        ['b', 1],
      ] as const) {
        const { events } = await replay(store, first[stream])
        const expected = count(40).filter((n) => n % 2 === rest)
        expect(numbersOf(events.map(({ message }) => message)), 'numbers of the messages, in order').toEqual(
          expected,
        )
      }
    },
  },
  {
    title: 'rejects an unknown event id and sends nothing',
    run: async (store) => {
      await storeNotifications(store, 'a', 3)
      for (const unknown of ['', 'a', 'never given', '0', '__proto__', '999999999']) {
        let sent = 0
        const send = async (): Promise<void> => {
          sent++
        }
        const replayed = store.replayEventsAfter(unknown, { send }).then(
          () => 'it resolved',
          () => 'it rejected',
        )
        expect(await within(replayed, 'replayEventsAfter() settled', GRACE_MS), `'${unknown}'`).toBe(
          'it rejected',
        )
        expect(sent, `'${unknown}'`).toBe(0)
      }
    },
  },
  {
    title: 'returns the stream of a known event id only, if it has getStreamIdForEventId()',
    run: async (store) => {
      if (!store.getStreamIdForEventId) return
      const id = await store.storeEvent('a', notification(1))
      expect(await store.getStreamIdForEventId(id), 'stream of the event').toBe('a')
      expect(
        await store.getStreamIdForEventId('never given'),
        'getStreamIdForEventId() of an id that the store never returned',
      ).toBeUndefined()
    },
  },
  {
    title: 'sends one event at a time',
    run: async (store) => {
      const ids = await storeNotifications(store, 'a', 5)
      let sending = 0
      let highest = 0
      await store.replayEventsAfter(ids[0] ?? '', {
        send: async () => {
          highest = Math.max(highest, ++sending)
          await turn()
          sending--
        },
      })
      expect(highest, 'calls of send() that ran at once').toBe(1)
    },
  },
  {
    title: 'rejects if an event cannot be sent, and can replay again',
    run: async (store) => {
      const ids = await storeNotifications(store, 'a', 4)
      const cause = new Error('the client has disconnected')
      const failing = store.replayEventsAfter(ids[0] ?? '', { send: () => Promise.reject(cause) })
      await expect(
        within(failing, 'replayEventsAfter() settled', GRACE_MS),
        'error that replayEventsAfter() rejects with',
      ).rejects.toBe(cause)
      expect((await replay(store, ids[0])).events, 'events replayed to the second caller').toHaveLength(3)
    },
  },
  {
    title: 'replays to two clients while it stores events',
    run: async (store) => {
      const ids = await storeNotifications(store, 'a', 10)
      const replays = [replay(store, ids[0]), replay(store, ids[4])]
      const added = store.storeEvent('a', notification(10))
      const [all, rest] = await Promise.all(replays)
      await added
      expect(
        numbersOf(all?.events.map(({ message }) => message) ?? []).slice(0, 9),
        'numbers of the messages, in order',
      ).toEqual(count(10).slice(1))
      expect(
        numbersOf(rest?.events.map(({ message }) => message) ?? []).slice(0, 5),
        'numbers of the messages, in order',
      ).toEqual(count(10).slice(5))
      expect((await replay(store, ids.at(-1))).events, 'events replayed after the last id').toHaveLength(1)
    },
  },
  {
    title: 'returns every kind of message unchanged',
    run: async (store) => {
      const messages: JsonRpcMessage[] = [
        request(0),
        request(''),
        { jsonrpc: '2.0', id: '1', result: { text: 'grüße \u2028 👩‍👩‍👧‍👦' } },
        { jsonrpc: '2.0', error: { code: -32_700, message: 'unread', data: null } },
      ]
      const first = await store.storeEvent('a', notification(0))
      for (const message of messages) await store.storeEvent('a', message)
      const { events } = await replay(store, first)
      expect(events.map(({ message }) => message)).toEqual(messages)
    },
  },
]

/**
 * Registers the event store suite with vitest. `make` creates an empty store for each case.
 *
 * @example
 * ```ts
 * describeEventStore('memory', () => memoryEventStore())
 * ```
 */
export function describeEventStore(name: string, make: () => EventStore | Promise<EventStore>): void {
  describe.sequential(`${name} keeps the contract of an event store`, () => {
    for (const { title, run } of eventStoreCases) {
      test(title, async () => {
        await run(await make())
      })
    }
  })
}

async function storeNotifications(store: EventStore, stream: StreamId, length: number): Promise<EventId[]> {
  const ids: EventId[] = []
  for (const n of count(length)) ids.push(await store.storeEvent(stream, notification(n)))
  return ids
}

interface Replayed {
  readonly events: { readonly id: EventId; readonly message: JsonRpcMessage }[]
  readonly streamId: StreamId
}

async function replay(store: EventStore, after: EventId | undefined): Promise<Replayed> {
  const events: { id: EventId; message: JsonRpcMessage }[] = []
  const replaying = store.replayEventsAfter(after ?? '', {
    send: async (id, message) => {
      events.push({ id, message })
      await turn()
    },
  })
  return { streamId: await within(replaying, 'replayEventsAfter() settled', GRACE_MS), events }
}
