import { createFakeClock, until } from '@mcpwire/compliance'
import type { EventStore, JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import type { OpenAnswer } from './support/raw-http.js'
import { unread, wireRequest } from './support/raw-socket.js'
import { echo, type Served, served } from './support/served.js'
import { steady } from './support/steady.js'

const TIMEOUT_MS = 30_000
const KEPT_MS = 1_000
const ask = { jsonrpc: '2.0' as const, id: 7, method: 'test/ask' }
const note = (n: number, text?: string): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/x',
  params: { n, ...(text !== undefined && { text }) },
})

/** The id of the last event that a client received. */
const lastOf = ({ events }: OpenAnswer): string => events.flatMap(({ id }) => id ?? []).at(-1) ?? ''

async function back(
  server: Served,
  headers: Record<string, string>,
  lastEventId: string,
): Promise<OpenAnswer> {
  return server.open({ method: 'GET', headers: { ...headers, 'last-event-id': lastEventId } })
}

/** Disconnects, and waits until the server has detected it. */
async function away(server: Served, stream: OpenAnswer): Promise<void> {
  stream.leave()
  await until(() => stream.isOver, 'it left', TIMEOUT_MS)
  await server.ask({ method: 'GET', headers: { accept: 'text/event-stream' } })
}

/** A store that can drop all its events. */
function droppingStore(): { readonly eventStore: EventStore; dropEvents(): void } {
  let inner = memoryEventStore()
  let begun = 0
  const own = (id: string): string => (id.startsWith(`${begun}/`) ? id.slice(id.indexOf('/') + 1) : 'unknown')
  return {
    eventStore: {
      storeEvent: async (stream, message) => `${begun}/${await inner.storeEvent(stream, message)}`,
      getStreamIdForEventId: (id) => inner.getStreamIdForEventId(own(id)),
      replayEventsAfter: (id, { send }) =>
        inner.replayEventsAfter(own(id), { send: (each, message) => send(`${begun}/${each}`, message) }),
    },
    dropEvents: () => {
      inner = memoryEventStore()
      begun++
    },
  }
}

describe('resuming after an event that the store has dropped', () => {
  test('continues the stream of the session if nothing was sent since', async () => {
    const { eventStore, dropEvents } = droppingStore()
    const server = await served({ eventStore })
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    await stream.until(() => stream.events.length === 1, 'it begins')
    dropEvents()
    await away(server, stream)
    const again = await back(server, headers, lastOf(stream))
    await server.connections[0]?.send(note(1))
    await again.until(() => again.messages.length === 1, 'the later message')
    expect(again.status).toBe(200)
  })

  test('delivers messages that were sent on the stream of the session meanwhile', async () => {
    const { eventStore, dropEvents } = droppingStore()
    const server = await served({ eventStore })
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    await server.connections[0]?.send(note(0))
    await stream.until(() => stream.messages.length === 1, 'it begins')
    await away(server, stream)
    await server.connections[0]?.send(note(1))
    dropEvents()
    await server.connections[0]?.send(note(2))
    const again = await back(server, headers, lastOf(stream))
    await again.until(() => again.messages.length === 2, 'the earlier messages')
    expect(again.messages).toEqual([note(1), note(2)])
    await away(server, again)
    const onceMore = await back(server, headers, lastOf(again))
    await server.connections[0]?.send(note(3))
    await onceMore.until(() => onceMore.messages.length > 0, 'the later message')
    expect(onceMore.messages).toEqual([note(3)])
  })

  test('delivers a response that was sent meanwhile', async () => {
    const clock = createFakeClock()
    const eventStore = memoryEventStore({ clock, maxAgeMs: KEPT_MS })
    const server = await served({ clock, eventStore }, () => undefined)
    const headers = await server.session()
    const stream = await server.open({ body: ask, headers })
    await stream.until(() => stream.events.length === 1, 'it begins')
    await clock.advance(KEPT_MS * 2)
    await away(server, stream)
    await server.connections[0]?.send(echo(ask))
    const again = await back(server, headers, lastOf(stream))
    await again.until(() => again.isOver, 'it ends')
    expect(again.messages).toEqual([echo(ask)])
  })

  test('continues a request that is in flight', async () => {
    const { eventStore, dropEvents } = droppingStore()
    const server = await served({ eventStore }, () => undefined)
    const headers = await server.session()
    const stream = await server.open({ body: ask, headers })
    await stream.until(() => stream.events.length === 1, 'it begins')
    dropEvents()
    await away(server, stream)
    const again = await back(server, headers, lastOf(stream))
    await server.connections[0]?.send(echo(ask))
    await again.until(() => again.isOver, 'it ends')
    expect(again.messages).toEqual([echo(ask)])
  })
})

test('delivers messages in order although the store failed for some of them', async () => {
  const inner = memoryEventStore()
  let fails = false
  const eventStore: EventStore = {
    ...methodsOf(inner),
    storeEvent: (stream, message) =>
      fails ? Promise.reject(new Error('full')) : inner.storeEvent(stream, message),
  }
  const server = await served({ eventStore })
  const headers = await server.session()
  const stream = await server.open({ method: 'GET', headers })
  await stream.until(() => stream.events.length === 1, 'it begins')
  const first = lastOf(stream)
  await server.connections[0]?.send(note(1))
  await stream.until(() => stream.messages.length === 1, 'it receives one')
  await away(server, stream)
  await server.connections[0]?.send(note(2))
  fails = true
  await server.connections[0]?.send(note(3))
  fails = false
  await server.connections[0]?.send(note(4))
  const again = await back(server, headers, first)
  await again.until(() => again.messages.length >= 4, 'all of it')
  expect(again.messages).toEqual([note(1), note(2), note(3), note(4)])
})

describe('clients that resume and read nothing', () => {
  const MIB = 1_048_576
  const QUEUED_BYTES = 65_536

  test.each(['is over', 'goes on'])('take at most maxQueuedBytes of a stream that %s', async (how) => {
    const inner = memoryEventStore()
    let replayed = 0
    const eventStore: EventStore = {
      ...methodsOf(inner),
      replayEventsAfter: (id, { send }) =>
        inner.replayEventsAfter(id, {
          send: async (eventId, message) => {
            replayed++
            await send(eventId, message)
          },
        }),
    }
    const clock = createFakeClock()
    const options = { clock, eventStore, eventStoreTimeoutMs: 200, maxQueuedBytes: QUEUED_BYTES }
    const server = await served(options, () => undefined)
    const headers = await server.session()
    const stream = await server.open({ body: ask, headers })
    await stream.until(() => stream.events.length === 1, 'it begins')
    const first = lastOf(stream)
    await away(server, stream)
    const count = (12 * MIB) / (QUEUED_BYTES / 2)
    const text = 'x'.repeat(QUEUED_BYTES / 2)
    for (let n = 0; n < count; n++) {
      await server.connections[0]?.send(note(n, text), { relatedRequestId: ask.id })
    }
    if (how === 'is over') await server.connections[0]?.send(echo(ask))
    const socket = await unread(server.port, wireRequest('GET', { ...headers, 'last-event-id': first }))
    await until(() => replayed > 0, 'the replay has begun', TIMEOUT_MS)
    expect(await steady(() => replayed)).toBeLessThan(count * 0.9)
    // Longer than a store may take: it is not the store that is slow.
    await clock.advance(400)
    expect(server.errors).toEqual([])
    let received = ''
    socket.resume().on('data', (chunk) => {
      received += chunk
    })
    await until(() => received.includes(`"n":${count - 1},`), 'all of it', TIMEOUT_MS)
    expect(server.errors).toEqual([])
  })
})

function methodsOf(store: EventStore): Omit<Required<EventStore>, 'useBudget'> {
  return {
    storeEvent: (stream, message) => store.storeEvent(stream, message),
    getStreamIdForEventId: (id) => store.getStreamIdForEventId?.(id) ?? Promise.resolve(undefined),
    replayEventsAfter: (id, how) => store.replayEventsAfter(id, how),
  }
}
