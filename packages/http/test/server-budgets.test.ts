import { once } from 'node:events'
import { type ByteBudget, createByteBudget, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { httpHandler, memoryEventStore } from '../src/index.js'
import { silentTo, socketTo, unread, wireRequest } from './support/raw-socket.js'
import { initialize, served } from './support/served.js'

const MIB = 1_048_576
const waitLong = { timeout: 20_000 }
const ask = (id: number, params = {}): JsonRpcMessage => ({ jsonrpc: '2.0', id, method: 'test/ask', params })
const note = (params: Record<string, unknown> = {}): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/x',
  params,
})

/** A budget whose reports and accounts a test sees. */
function budgetOf(maxTotalBytes: number): { budget: ByteBudget; reports: Error[] } {
  const reports: Error[] = []
  return { budget: createByteBudget({ maxTotalBytes }, (error) => reports.push(error)), reports }
}

/** The start of a POST whose end does not come. */
const unfinished: Record<string, (bytes: number) => string> = {
  'with a length': (bytes) => wireRequest('POST', { 'content-length': bytes + 10 }) + 'x'.repeat(bytes),
  'in chunks': (bytes) => chunked(['x'.repeat(bytes)]),
  'in tiny chunks': (bytes) => chunked(Array.from({ length: bytes / 250 }, () => 'x')),
}

function chunked(parts: readonly string[]): string {
  const head = wireRequest('POST', { 'transfer-encoding': 'chunked' }).replace(/content-length: 0\r\n/, '')
  return head + parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
}

describe('unfinished bodies beyond maxTotalBytes', () => {
  test.each(Object.entries(unfinished))('%s get 503, and others go on', async (_how, start) => {
    const { budget, reports } = budgetOf(MIB)
    const server = await served({ maxTotalBytes: budget })
    const sockets = Array.from({ length: 6 }, () => {
      const socket = socketTo(server.port)
      socket.write(start(250_000))
      return socket
    })
    await vi.waitFor(() => expect(sockets.some(({ text }) => text !== '')).toBe(true), waitLong)
    const refused = sockets.filter(({ text }) => text !== '')
    for (const { text } of refused) {
      expect(text).toMatch(
        /^HTTP\/1\.1 503 [\s\S]*\r\nretry-after: \d+[\s\S]*"code":-31003[\s\S]*"delivery":"none"/i,
      )
      expect(text).toMatch(/\r\nconnection: close\r\n/i)
    }
    expect(reports[0]).toMatchObject({ code: 'OVERLOADED', details: { option: 'maxTotalBytes' } })
    await vi.waitFor(() => expect(server.refused[0]).toMatchObject({ status: 503, option: 'maxTotalBytes' }))
    expect(budget.heldBytes).toBeLessThanOrEqual(MIB)
    expect((await server.ask({ body: initialize() })).status).toBe(200)
    for (const socket of sockets) socket.destroy()
    await vi.waitFor(() => expect(budget.heldBytes).toBe(0), waitLong)
  })

  test('end no session, although they are no messages', async () => {
    const { budget } = budgetOf(100_000)
    const server = await served({ maxTotalBytes: budget })
    const headers = await server.session()
    for (let n = 0; n < 12; n++) {
      const { status } = await server.ask({
        body: `[${' '.repeat(150_000)}1]`,
        headers: { ...headers, 'transfer-encoding': 'chunked' },
      })
      expect(status).toBe(503)
    }
    expect((await server.ask({ body: ask(1), headers })).status).toBe(200)
  })

  test('get 503 from httpHandler', async () => {
    const { budget } = budgetOf(MIB)
    const handler = httpHandler({ maxTotalBytes: budget })
    onTestFinished(() => handler.close())
    await handler.start()
    const bodies = Array.from({ length: 6 }, () => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(250_000).fill(32)),
      })
      const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } }
      return handler.fetch(new Request('http://localhost/mcp', init as RequestInit), {
        remoteAddress: '127.0.0.1',
      })
    })
    const first = await Promise.race(bodies)
    expect(first.status).toBe(503)
    expect(first.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(budget.heldBytes).toBeLessThanOrEqual(MIB)
  })

  test('in one piece are not counted', async () => {
    const { budget } = budgetOf(1_024)
    const server = await served({ maxTotalBytes: budget })
    const headers = await server.session()
    expect((await server.ask({ body: ask(1, { fill: 'x'.repeat(8_000) }), headers })).status).toBe(200)
  })
})

describe('output beyond maxTotalBytes', () => {
  test('destroys the stream that its client does not read, and the session goes on', async () => {
    const { budget, reports } = budgetOf(4 * MIB)
    const server = await served({ maxTotalBytes: budget })
    const headers = await server.session()
    const socket = await unread(server.port, wireRequest('GET', headers))
    const closed = once(socket, 'close')
    const [connection] = server.connections
    for (let n = 0; reports.length === 0 && n < 400; n++) {
      connection?.send(note({ payload: 'x'.repeat(100_000) })).catch(() => {})
      await new Promise((resolve) => setImmediate(resolve))
      expect(budget.heldBytes).toBeLessThanOrEqual(4 * MIB)
    }
    expect(reports[0]).toMatchObject({ code: 'OVERLOADED' })
    socket.resume()
    await closed
    expect((await server.ask({ body: ask(1), headers })).status).toBe(200)
  })

  const large = { of: 'x'.repeat(9 * MIB) }

  test.each([
    [
      'on connections of their own',
      (requests: string[], port: number) => requests.map((each) => write(port, each)),
    ],
    ['on one connection', (requests: string[], port: number) => [write(port, requests.join(''))]],
  ])('destroys connections with unread JSON responses %s', async (_where, open) => {
    const { budget, reports } = budgetOf(24 * MIB)
    const options = { maxTotalBytes: budget, maxQueuedBytes: 128 * MIB }
    const server = await served(options, ({ id }) => ({ jsonrpc: '2.0', id, result: large }))
    const headers = await server.session()
    const requests = Array.from({ length: 8 }, (_, id) =>
      wireRequest('POST', headers, JSON.stringify(ask(id))),
    )
    const sockets = open(requests, server.port)
    await vi.waitFor(() => expect(reports).not.toEqual([]), waitLong)
    expect(budget.heldBytes).toBeLessThanOrEqual(24 * MIB)
    for (const socket of sockets) socket.destroy()
    await vi.waitFor(() => expect(budget.heldBytes).toBe(0), waitLong)
    expect((await server.ask({ body: ask(9, { small: true }), headers })).status).toBe(200)
  })

  test('releases what a client has read', async () => {
    const { budget, reports } = budgetOf(24 * MIB)
    const server = await served({ maxTotalBytes: budget }, ({ id }) => ({
      jsonrpc: '2.0',
      id,
      result: large,
    }))
    const headers = await server.session()
    for (let n = 0; n < 8; n++) expect((await server.ask({ body: ask(n), headers })).status).toBe(200)
    await vi.waitFor(() => expect(budget.heldBytes).toBe(0))
    expect(reports).toEqual([])
  })

  test('drops what waits for a stream, and answers the requests in it', async () => {
    const { budget } = budgetOf(MIB)
    const server = await served({ maxTotalBytes: budget, responseFormat: 'sse' })
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    const [connection] = server.connections
    stream.leave()
    await vi.waitFor(async () => {
      await connection?.send(note())
      expect(budget.heldBytes).toBeGreaterThan(0)
    })
    await connection?.send({ jsonrpc: '2.0', id: 'q', method: 'roots/list' })
    for (let n = 0; n < 12; n++) await connection?.send(note({ fill: 'x'.repeat(100_000) }))
    expect(server.errors).toContainEqual(expect.objectContaining({ code: 'OVERLOADED' }))
    expect(server.messages).toContainEqual(
      expect.objectContaining({ id: 'q', error: expect.objectContaining({ code: -31_003 }) }),
    )
    expect((await server.ask({ body: ask(1), headers })).status).toBe(200)
  })

  function write(port: number, request: string) {
    const socket = silentTo(port)
    socket.write(request)
    return socket
  }
})

describe('an event store in a budget', () => {
  test('drops its oldest events before a connection ends', async () => {
    const { budget, reports } = budgetOf(MIB)
    const eventStore = memoryEventStore({ maxBytes: 64 * MIB })
    const server = await served({ maxTotalBytes: budget, eventStore }, (request, connection) => {
      void connection.send(note({ fill: 'x'.repeat(10_000) }), { relatedRequestId: request.id })
      return { jsonrpc: '2.0', id: request.id, result: {} }
    })
    const headers = await server.session()
    for (let n = 0; n < 200; n++) {
      expect((await server.ask({ body: ask(n), headers })).status).toBe(200)
      expect(budget.heldBytes).toBeLessThanOrEqual(MIB)
    }
    expect(budget.heldBytes).toBeGreaterThan(MIB / 2)
    expect(reports).toEqual([])
    await server.listener.close()
    expect(budget.heldBytes).toBe(0)
  })

  test.each([
    ['Latin-1', 'x', 1],
    ['other', '\u4e2d', 2],
  ])('counts %s text as it is in memory', async (_kind, unit, bytes) => {
    const { budget } = budgetOf(64 * MIB)
    const store = memoryEventStore({ maxBytes: 64 * MIB })
    store.useBudget(budget)
    await store.storeEvent('a', note({ fill: unit.repeat(100_000) }))
    expect(budget.heldBytes / 100_000).toBeCloseTo(bytes, 1)
    for (let n = 0; n < 1_000; n++) await store.storeEvent('a', note())
    expect(budget.heldBytes).toBeGreaterThan(100_000 * bytes + 1_000 * 256)
  })

  test('is counted once for listeners that share a budget', async () => {
    const { budget } = budgetOf(64 * MIB)
    const store = memoryEventStore()
    const [first, second] = [store.useBudget(budget), store.useBudget(budget)]
    await store.storeEvent('a', note({ fill: 'x'.repeat(100_000) }))
    expect(budget.heldBytes).toBeLessThan(110_000)
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    expect(budget.heldBytes).toBeGreaterThan(100_000)
    second[Symbol.dispose]()
    expect(budget.heldBytes).toBe(0)
  })
})
