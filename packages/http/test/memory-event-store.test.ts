import { createFakeClock, describeEventStore } from '@mcpwire/compliance'
import type { EventId, EventStore, JsonRpcMessage, StreamId } from '@mcpwire/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MemoryEventStoreOptions, memoryEventStore } from '../src/server/responses/memory-event-store.js'

describeEventStore('memoryEventStore', () => memoryEventStore())

function note(n: number, fill = ''): JsonRpcMessage {
  return { jsonrpc: '2.0', method: 'test/note', params: { n, fill } }
}

async function replayed(store: EventStore, after: EventId): Promise<{ stream: StreamId; ids: EventId[] }> {
  const ids: EventId[] = []
  const stream = await store.replayEventsAfter(after, {
    send: async (id) => {
      ids.push(id)
    },
  })
  return { stream, ids }
}

async function storeNotes(store: EventStore, stream: StreamId, howMany: number): Promise<EventId[]> {
  const ids: EventId[] = []
  for (let n = 0; n < howMany; n++) ids.push(await store.storeEvent(stream, note(n)))
  return ids
}

describe('limits of memoryEventStore', () => {
  test('keeps the newest maxEvents of all streams together', async () => {
    const store = memoryEventStore({ maxEvents: 3 })
    const [old] = await storeNotes(store, 'a', 2)
    const ids = await storeNotes(store, 'b', 3)
    await expect(store.replayEventsAfter(old ?? '', { send: async () => {} })).rejects.toMatchObject({
      code: 'SEND_FAILED',
      details: { delivery: 'none' },
    })
    expect(await replayed(store, ids[0] ?? '')).toEqual({ stream: 'b', ids: ids.slice(1) })
  })

  test('keeps at most maxBytes of text', async () => {
    const store = memoryEventStore({ maxBytes: 1536 })
    const first = await store.storeEvent('a', note(0, 'x'.repeat(500)))
    const second = await store.storeEvent('a', note(1, 'x'.repeat(300)))
    expect((await replayed(store, first)).ids).toEqual([second])
    const third = await store.storeEvent('a', note(2, 'x'.repeat(300)))
    expect((await replayed(store, first)).ids).toEqual([second, third])
    const fourth = await store.storeEvent('a', note(3, 'x'.repeat(300)))
    await expect(replayed(store, first)).rejects.toMatchObject({ code: 'SEND_FAILED' })
    expect((await replayed(store, second)).ids).toEqual([third, fourth])
  })

  test('gives an id to an event that is larger than the store, and cannot resume before it', async () => {
    const store = memoryEventStore({ maxBytes: 1024 })
    const before = await store.storeEvent('a', note(0))
    const large = await store.storeEvent('a', note(1, 'x'.repeat(2000)))
    const [after] = await storeNotes(store, 'a', 1)
    await expect(replayed(store, before)).rejects.toMatchObject({ code: 'SEND_FAILED' })
    expect((await replayed(store, large)).ids).toEqual([after])
    expect((await replayed(store, after ?? '')).ids).toEqual([])
  })

  test('resumes after the last event of a stream at any later time', async () => {
    const clock = createFakeClock()
    const store = memoryEventStore({ maxAgeMs: 1000, clock })
    const [, last = ''] = await storeNotes(store, 'a', 2)
    await clock.advance(5_000)
    expect(await replayed(store, last)).toEqual({ stream: 'a', ids: [] })
    const later = await storeNotes(store, 'a', 2)
    expect(await replayed(store, last)).toEqual({ stream: 'a', ids: later })
  })

  test('keeps events for maxAgeMs', async () => {
    const clock = createFakeClock()
    const store = memoryEventStore({ maxAgeMs: 1000, clock })
    const [first] = await storeNotes(store, 'a', 1)
    await clock.advance(600)
    const [second] = await storeNotes(store, 'a', 1)
    expect((await replayed(store, first ?? '')).ids).toEqual([second])
    await clock.advance(400)
    expect((await replayed(store, first ?? '')).ids).toEqual([second])
    await clock.advance(600)
    await expect(replayed(store, first ?? '')).rejects.toMatchObject({ code: 'SEND_FAILED' })
    expect(await store.getStreamIdForEventId(first ?? '')).toBeUndefined()
    expect((await replayed(store, second ?? '')).ids).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('distinguishes a new stream from a deleted one with the same id', async () => {
    const store = memoryEventStore({ maxEvents: 1 })
    const old = await storeNotes(store, 'a', 1)
    for (let n = 0; n <= 10_001; n++) await storeNotes(store, `b${n}`, 1)
    const again = await storeNotes(store, 'a', 1)
    expect(again).not.toEqual(old)
    await expect(replayed(store, old[0] ?? '')).rejects.toMatchObject({ code: 'SEND_FAILED' })
  })

  test('rejects a replay that would skip an event that was dropped meanwhile', async () => {
    const store = memoryEventStore({ maxEvents: 5 })
    const ids = await storeNotes(store, 'a', 5)
    const sent: EventId[] = []
    const replay = store.replayEventsAfter(ids[0] ?? '', {
      send: async (id) => {
        sent.push(id)
        await storeNotes(store, 'b', 3)
      },
    })
    await expect(replay).rejects.toMatchObject({ code: 'SEND_FAILED', details: { delivery: 'unknown' } })
    expect(sent).toEqual([ids[1]])
  })

  test('replays events that are stored during the replay', async () => {
    const store = memoryEventStore()
    const [first] = await storeNotes(store, 'a', 2)
    const sent: EventId[] = []
    await store.replayEventsAfter(first ?? '', {
      send: async (id) => {
        if (sent.push(id) === 1) await store.storeEvent('a', note(7))
      },
    })
    expect(sent).toHaveLength(2)
  })

  test('accepts only ids as it returned them', async () => {
    const store = memoryEventStore()
    const [id = ''] = await storeNotes(store, 'a', 1)
    for (const other of [
      ` ${id}`,
      `${id} `,
      `0${id}`,
      id.replace('-', '-0'),
      `${id}\n`,
      id.replace('-', '.'),
    ]) {
      await expect(replayed(store, other), JSON.stringify(other)).rejects.toMatchObject({
        code: 'SEND_FAILED',
      })
    }
  })

  test('keeps a message as it was when it was stored', async () => {
    const store = memoryEventStore()
    const [first = ''] = await storeNotes(store, 'a', 1)
    const message = { jsonrpc: '2.0' as const, method: 'test/note', params: { n: 1 } }
    await store.storeEvent('a', message)
    message.params.n = 2
    let received: unknown
    await store.replayEventsAfter(first, {
      send: async (_id, replayedMessage) => {
        received = replayedMessage
      },
    })
    expect(received).toEqual({ jsonrpc: '2.0', method: 'test/note', params: { n: 1 } })
  })

  test('returns ids that fit a header and an SSE field, for any stream id [RES-S-02, RES-S-03]', async () => {
    const store = memoryEventStore()
    for (const stream of ['\n', '\0', 'ü', ' ', 'id: 1', '\ud800']) {
      const id = await store.storeEvent(stream, note(0))
      expect(id).toMatch(/^[\x21-\x7e]+$/)
      expect(await store.getStreamIdForEventId(id)).toBe(stream)
    }
  })

  test.each<[string, MemoryEventStoreOptions]>([
    ['maxEvents', { maxEvents: 0 }],
    ['maxEvents', { maxEvents: 1.5 }],
    ['maxBytes', { maxBytes: 1023 }],
    ['maxAgeMs', { maxAgeMs: 0 }],
  ])('refuses a %s out of range', (option, options) => {
    expect(() => memoryEventStore(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
    )
  })
})

describe('memoryEventStore beside a model', () => {
  interface Modelled {
    readonly id: EventId
    readonly stream: StreamId
    readonly bytes: number
    readonly at: number
  }

  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ stream: fc.constantFrom('a', 'b', 'c'), fill: fc.nat(400) }) },
    { weight: 1, arbitrary: fc.record({ advanceMs: fc.nat(400) }) },
  )
  const limits = fc.record({
    maxEvents: fc.integer({ min: 1, max: 20 }),
    maxBytes: fc.integer({ min: 1024, max: 4096 }),
  })

  test('keeps exactly the newest events that fit, and replays each stream whole [RES-S-06]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), limits, async (steps, bounds) => {
        const clock = createFakeClock()
        let now = 0
        const store = memoryEventStore({ ...bounds, maxAgeMs: 1000, clock: { ...clock, now: () => now } })
        const all: Modelled[] = []
        for (const [n, each] of steps.entries()) {
          if ('advanceMs' in each) now += each.advanceMs
          else {
            const message = note(n, 'x'.repeat(each.fill))
            const id = await store.storeEvent(each.stream, message)
            all.push({ id, stream: each.stream, bytes: JSON.stringify(message).length + 256, at: now })
          }
        }
        const kept = newestThatFit(all, bounds, now)
        for (const event of all) {
          const replay = replayed(store, event.id)
          const later = all.slice(all.indexOf(event) + 1).filter(({ stream }) => stream === event.stream)
          if (!later.every((each) => kept.includes(each)))
            await expect(replay).rejects.toMatchObject({ code: 'SEND_FAILED' })
          else {
            expect(await replay).toEqual({ stream: event.stream, ids: later.map(({ id }) => id) })
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  function newestThatFit(
    all: readonly Modelled[],
    bounds: { maxEvents: number; maxBytes: number },
    now: number,
  ): Modelled[] {
    const kept: Modelled[] = []
    let bytes = 0
    for (const event of [...all].reverse()) {
      bytes += event.bytes
      if (kept.length === bounds.maxEvents || bytes > bounds.maxBytes || event.at <= now - 1000) break
      kept.unshift(event)
    }
    return kept
  }
})
