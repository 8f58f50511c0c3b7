import { createFakeClock, until, within } from '@mcpwire/compliance'
import { type EventStore, isTransportError, type JsonRpcMessage, type TransportError } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import { unread, wireRequest } from './support/raw-socket.js'
import { served } from './support/served.js'

const TIMEOUT_MS = 30_000
const MIB = 1_048_576
const ask = { jsonrpc: '2.0' as const, id: 7, method: 'test/ask' }
const note = (params: Record<string, unknown> = {}): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/x',
  params,
})

/** A store whose calls are never answered while it hangs, and counted. */
function hanging(): EventStore & { hangs: boolean; unanswered: number } {
  const inner = memoryEventStore()
  const unless = <T>(call: () => Promise<T>): Promise<T> => {
    if (!store.hangs) return call()
    store.unanswered++
    return new Promise(() => {})
  }
  const store: EventStore & { hangs: boolean; unanswered: number } = {
    hangs: false,
    unanswered: 0,
    storeEvent: (stream, message) => unless(() => inner.storeEvent(stream, message)),
    replayEventsAfter: (id, how) => unless(() => inner.replayEventsAfter(id, how)),
    getStreamIdForEventId: (id) => unless(() => inner.getStreamIdForEventId(id)),
  }
  return store
}

describe('event stores that do not settle', () => {
  const late = (slot: string): unknown =>
    expect.objectContaining({ code: 'CALLBACK_FAILED', details: { slot } })

  test('delay one response by eventStoreTimeoutMs, and later ones not at all', async () => {
    const clock = createFakeClock()
    const eventStore = hanging()
    const server = await served({ clock, eventStore, eventStoreTimeoutMs: 1_000 })
    const headers = await server.session()
    eventStore.hangs = true
    const first = server.ask({ body: ask, headers })
    await until(() => eventStore.unanswered > 0, 'the store is asked', TIMEOUT_MS)
    const second = server.ask({ body: { ...ask, id: 8 }, headers })
    await until(() => server.messages.length === 4, 'both are asked', TIMEOUT_MS)
    await clock.advance(1_100)
    const answers = await within(Promise.all([first, second]), 'both are answered', TIMEOUT_MS)
    expect(answers.flatMap(({ messages }) => messages)).toMatchObject([{ id: 7 }, { id: 8 }])
    expect(server.errors.length).toBeGreaterThan(0)
    expect(new Set(server.errors)).toEqual(new Set(server.errors.map(() => late('eventStore.storeEvent'))))
  })

  test('are used again after a call has settled', async () => {
    const clock = createFakeClock()
    const eventStore = hanging()
    const server = await served({ clock, eventStore, eventStoreTimeoutMs: 1_000 })
    const headers = await server.session()
    eventStore.hangs = true
    const first = server.ask({ body: ask, headers })
    await until(() => eventStore.unanswered > 0, 'the store is asked', TIMEOUT_MS)
    await clock.advance(1_100)
    await within(first, 'an answer', TIMEOUT_MS)
    await clock.advance(1_100)
    eventStore.hangs = false
    const stream = await server.open({ body: { ...ask, id: 8 }, headers })
    await stream.until(() => stream.messages.length === 1, 'the answer')
    expect(stream.events.at(-1)?.id).toEqual(expect.any(String))
  })

  test.each(['getStreamIdForEventId', 'replayEventsAfter'] as const)(
    'respond to a client that resumes: %s',
    async (slot) => {
      const clock = createFakeClock()
      const eventStore = hanging()
      if (slot === 'replayEventsAfter') delete eventStore.getStreamIdForEventId
      const server = await served({ clock, eventStore, eventStoreTimeoutMs: 1_000 }, () => undefined)
      const headers = await server.session()
      const stream = await server.open({ body: ask, headers })
      await stream.until(() => stream.events.length === 1, 'it begins')
      const { id: lastEventId = '' } = stream.events[0] ?? {}
      await server.connections[0]?.send(note(), { relatedRequestId: ask.id })
      stream.leave()
      eventStore.hangs = true
      const back = server.ask({ method: 'GET', headers: { ...headers, 'last-event-id': lastEventId } })
      await until(() => eventStore.unanswered > 0, 'the store is asked', TIMEOUT_MS)
      await clock.advance(1_100)
      expect((await within(back, 'an answer', TIMEOUT_MS)).status).toBe(500)
      expect(server.errors).toEqual([late(`eventStore.${slot}`)])
    },
  )

  test('delay the end of the session by at most their timeout', async () => {
    const eventStore = hanging()
    const server = await served({ eventStore, closeTimeoutMs: 100 }, () => undefined)
    const headers = await server.session()
    eventStore.hangs = true
    void server.connections[0]?.send(note()).catch(() => {})
    void server.ask({ body: ask, headers }).catch(() => {})
    await until(() => eventStore.unanswered > 1, 'the store is asked', TIMEOUT_MS)
    await within(server.listener.close(), 'it closes', TIMEOUT_MS)
  })
})

test.each(['with a stream', 'without one'])(
  'reports the size of the queue in OVERLOADED: %s',
  async (how) => {
    const server = await served({ eventStore: memoryEventStore(), maxQueuedBytes: 4_096 })
    const headers = await server.session()
    if (how === 'with a stream') await unread(server.port, wireRequest('GET', headers))
    let error: unknown
    const expectOverload = (reason: unknown): void => {
      error ??= reason
    }
    const isRejected = (): boolean => {
      for (let n = 0; n < 5; n++)
        server.connections[0]?.send(note({ text: 'x'.repeat(2_000) })).catch(expectOverload)
      return error !== undefined
    }
    await until(isRejected, 'one is rejected', TIMEOUT_MS)
    expect(error).toMatchObject({ code: 'OVERLOADED', details: { maxQueuedBytes: 4_096 } })
    expect((error as TransportError<'OVERLOADED'>).details.queuedBytes).toBeGreaterThan(4_096)
  },
)

test.each(['GET', 'POST'] as const)(
  'rejects with OVERLOADED before storing, and never after: %s',
  async (method) => {
    const inner = memoryEventStore()
    const stored = new Set<unknown>()
    const eventStore: EventStore = {
      replayEventsAfter: (id, how) => inner.replayEventsAfter(id, how),
      storeEvent: async (stream, message) => {
        if ('method' in message) stored.add(message.params?.['n'])
        await new Promise((resolve) => setImmediate(resolve))
        // Longer than the estimate of an id, so that the queue may be full after the check.
        return `${await inner.storeEvent(stream, message)}${'.'.repeat(2_000)}`
      },
    }
    const server = await served({ eventStore, maxQueuedBytes: MIB }, () => undefined)
    const headers = await server.session()
    const body = method === 'GET' ? '' : JSON.stringify(ask)
    await unread(server.port, wireRequest(method, headers, body))
    const outcomes = new Map<number, string>()
    const related = method === 'POST' ? { relatedRequestId: ask.id } : {}
    for (let n = 0; n < 3_000; n++) {
      server.connections[0]?.send(note({ n, text: 'x'.repeat(5_000) }), related).then(
        () => outcomes.set(n, 'taken'),
        (error) => outcomes.set(n, isTransportError(error) ? error.code : String(error)),
      )
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const rejected = [...outcomes].filter(([, outcome]) => outcome !== 'taken')
    expect(rejected.length).toBeGreaterThan(100)
    expect(new Set(rejected.map(([, outcome]) => outcome))).toEqual(new Set(['OVERLOADED']))
    expect(rejected.filter(([n]) => stored.has(n))).toEqual([])
  },
)

test('rejects a response that no replay could carry, and sends an error to the client', async () => {
  const server = await served({ eventStore: memoryEventStore(), maxQueuedBytes: 4_096 }, () => undefined)
  const headers = await server.session()
  const answered = server.ask({ body: ask, headers })
  await until(() => server.messages.length === 3, 'the request', TIMEOUT_MS)
  const response = { jsonrpc: '2.0' as const, id: ask.id, result: { text: 'x'.repeat(5_000) } }
  await expect(server.connections[0]?.send(response)).rejects.toMatchObject({ code: 'OVERLOADED' })
  expect((await within(answered, 'an answer', TIMEOUT_MS)).text).toContain('"error":{"code":-32603')
})
