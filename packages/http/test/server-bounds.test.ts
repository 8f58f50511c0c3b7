import { createFakeClock } from '@mcpwire/compliance'
import { type EventStore, isTransportError, type JsonRpcMessage } from '@mcpwire/core'
import { collectedMemory } from '@mcpwire/test-support/collected-memory'
import { Pool } from 'undici'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import type { HttpServerOptions } from '../src/node/index.js'
import { unread, wireRequest } from './support/raw-socket.js'
import { initialize, served } from './support/served.js'

const note = (params: Record<string, unknown> = {}): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/x',
  params,
})
const MIB = 1_048_576

describe('clients that read nothing', () => {
  test('take at most maxQueuedBytes and 1 MiB, and every send() settles', async () => {
    const maxQueuedBytes = 4 * MIB
    const server = await served({ maxQueuedBytes })
    const headers = await server.session()
    await unread(server.port, wireRequest('GET', headers))
    const [connection] = server.connections
    const payload = 'x'.repeat(100_000)
    const pending = new Set<Promise<void>>()
    let overloads = 0
    const others: unknown[] = []
    let most = 0
    const before = (await collectedMemory()).held
    for (let n = 0; n < 3_000; n++) {
      const sending = connection?.send(note({ n, payload: `${n}${payload}` })) ?? Promise.resolve()
      pending.add(sending)
      sending
        .catch((error) => {
          // Kept, three thousand errors would cost more than what is measured.
          if (isTransportError(error, 'OVERLOADED')) overloads++
          else others.push(error)
        })
        .finally(() => pending.delete(sending))
      if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
      if (n % 500 === 499) most = Math.max(most, (await collectedMemory()).held - before)
    }
    expect(overloads).toBeGreaterThan(2_000)
    expect(others).toEqual([])
    expect(pending.size).toBeGreaterThan(0)
    expect(pending.size * 100_000).toBeLessThan(maxQueuedBytes + MIB)
    expect(most).toBeLessThan(maxQueuedBytes + MIB)
    await connection?.close()
    await vi.waitFor(() => expect(pending.size).toBe(0))
  })

  /** A request whose client has a full queue. */
  async function full(options: Partial<HttpServerOptions>) {
    const server = await served({ maxQueuedBytes: MIB, ...options }, () => undefined)
    const headers = await server.session()
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'test/ask' })
    const asked = unread(server.port, wireRequest('POST', headers, body))
    await vi.waitFor(() => expect(server.messages).toHaveLength(3))
    const send = (message: JsonRpcMessage) =>
      server.connections[0]?.send(message, { relatedRequestId: 7 }) ?? Promise.reject(new Error('no session'))
    await send(note())
    const socket = await asked
    const text = 'x'.repeat(MIB / 2)
    const pending: Promise<void>[] = []
    let isFull = false
    for (let n = 0; !isFull; n++) {
      const sent = send(note({ n, text }))
      sent.catch(() => {
        isFull = true
      })
      pending.push(sent)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const response: JsonRpcMessage = { jsonrpc: '2.0', id: 7, result: { text } }
    return { server, headers, socket, pending, send, response }
  }

  test('get a response that was rejected as OVERLOADED when the application sends it again', async () => {
    const { socket, pending, send, response } = await full({})
    await expect(send(response)).rejects.toMatchObject({ code: 'OVERLOADED' })
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.resume()
    await Promise.allSettled(pending)
    await send(response)
    await vi.waitFor(() => expect(received.endsWith('\r\n0\r\n\r\n')).toBe(true))
    expect(received).toContain('"id":7')
  })

  test('get an error in place of a response that is not sent again', async () => {
    const { server, socket, pending, send, response } = await full({})
    await expect(send(response)).rejects.toMatchObject({ code: 'OVERLOADED' })
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.resume()
    await Promise.allSettled(pending)
    await vi.waitFor(() => expect(received.endsWith('\r\n0\r\n\r\n')).toBe(true))
    expect(received).toContain('"id":7,"error":{"code":-32603')
    expect(server.errors.filter((error) => !isTransportError(error, 'OVERLOADED'))).toEqual([])
  })

  test('have nothing in flight after they disconnect without that response', async () => {
    const { server, socket, send, response } = await full({ onDisconnect: 'continue' })
    await expect(send(response)).rejects.toMatchObject({ code: 'OVERLOADED' })
    socket.destroy()
    await vi.waitFor(() =>
      expect(server.messages.at(-1)).toMatchObject({
        method: 'notifications/cancelled',
        params: { requestId: 7 },
      }),
    )
  })

  test('resume for a response that is in the store', async () => {
    const inner = memoryEventStore()
    const ids: string[] = []
    const eventStore: EventStore = {
      replayEventsAfter: (id, how) => inner.replayEventsAfter(id, how),
      storeEvent: async (stream, message) => {
        ids.push(await inner.storeEvent(stream, message))
        return ids.at(-1) ?? ''
      },
    }
    const { server, headers, socket, send, response } = await full({ eventStore })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await send(response)
    socket.resume()
    await closed
    const lastEventId = ids.at(-2)
    const back = await server.ask({ method: 'GET', headers: { ...headers, 'last-event-id': lastEventId } })
    expect(back.messages).toEqual([response])
  })

  test('delay the end of their session by at most closeTimeoutMs', async () => {
    const server = await served({ closeTimeoutMs: 100 })
    const headers = await server.session()
    const socket = await unread(server.port, wireRequest('GET', headers))
    const [connection] = server.connections
    let isBehind = false
    while (!isBehind) {
      const sent = connection?.send(note({ payload: 'x'.repeat(500_000) }))
      sent?.catch(() => {})
      isBehind = await Promise.race([
        Promise.resolve(sent).then(() => false),
        new Promise<boolean>((resolve) => setImmediate(() => setImmediate(() => resolve(true)))),
      ])
    }
    await connection?.close()
    expect(connection?.state).toBe('closed')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    await closed
  })

  test('get no comments while their stream is blocked', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, maxQueuedBytes: MIB })
    const headers = await server.session()
    await unread(server.port, wireRequest('GET', headers))
    const [connection] = server.connections
    const failures: unknown[] = []
    for (let n = 0; n < 200 && failures.length === 0; n++) {
      connection?.send(note({ payload: 'x'.repeat(100_000) })).catch((error) => failures.push(error))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(failures.length).toBeGreaterThan(0)
    await clock.advance(100 * 15_000)
    expect(server.errors.filter((error) => !isTransportError(error, 'OVERLOADED'))).toEqual([])
  })
})

test.each(['GET', 'POST'] as const)(
  'destroys a %s stream that the client does not read for stallTimeoutMs, and ends its session later',
  async (method) => {
    const clock = createFakeClock()
    const slow = { jsonrpc: '2.0' as const, id: 7, method: 'test/slow' }
    const server = await served(
      { clock, idleTimeoutMs: 120_000, stallTimeoutMs: 60_000, maxQueuedBytes: MIB, responseFormat: 'sse' },
      () => undefined,
    )
    const headers = await server.session()
    const [connection] = server.connections
    const options = method === 'POST' ? { relatedRequestId: 7 } : {}
    const body = JSON.stringify(slow)
    const asking = unread(server.port, wireRequest(method, headers, method === 'GET' ? '' : body))
    if (method === 'POST') {
      await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject(slow))
      await connection?.send(note(), options)
    }
    const socket = await asking
    let isFull = false
    for (let n = 0; n < 400 && !isFull; n++) {
      connection?.send(note({ payload: 'x'.repeat(100_000) }), options).catch(() => {
        isFull = true
      })
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(isFull).toBe(true)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await clock.advance(100_000)
    socket.resume()
    await closed
    // And only then is the session idle.
    expect(connection?.state).toBe('open')
    await clock.advance(121_000)
    expect(connection?.state).toBe('closed')
  },
)

describe('sessions', () => {
  test('leave nothing behind after idleTimeoutMs without a DELETE', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, maxConnections: 10_000, idleTimeoutMs: 60_000 })
    const baseline = clock.pending
    // Reuses sockets: ten thousand connections would take most of the time.
    const pool = new Pool(`http://127.0.0.1:${server.port}`, { connections: 20 })
    onTestFinished(() => pool.destroy())
    const request = {
      method: 'POST',
      path: '/mcp',
      headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify(initialize()),
    } as const
    const opening = Array.from({ length: 20 }, async () => {
      for (let n = 0; n < 500; n++) await (await pool.request(request)).body.dump()
    })
    await Promise.all(opening)
    expect(server.connections.filter(({ state }) => state === 'open')).toHaveLength(10_000)
    // An unused session makes space.
    expect((await server.ask({ body: initialize() })).status).toBe(200)
    expect(server.connections.filter(({ state }) => state === 'open')).toHaveLength(10_000)
    await clock.advance(59_000)
    expect(server.connections.filter(({ state }) => state === 'open')).toHaveLength(10_000)
    await clock.advance(2_000)
    expect(server.connections.every(({ state }) => state === 'closed')).toBe(true)
    expect(clock.pending).toBe(baseline)
    expect((await server.ask({ body: initialize() })).status).toBe(200)
  }, 240_000)

  test('are idle only without an open stream and without a request in flight', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, idleTimeoutMs: 60_000 }, () => undefined)
    const [listening, asking, idle] = [await server.session(), await server.session(), await server.session()]
    const stream = await server.open({ method: 'GET', headers: listening })
    const asked = server.ask({ body: { jsonrpc: '2.0', id: 1, method: 'test/slow' }, headers: asking })
    await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject({ method: 'test/slow' }))
    await clock.advance(61_000)
    expect(server.connections.map(({ state }) => state)).toEqual(['open', 'open', 'closed'])
    expect((await server.ask({ body: note(), headers: idle })).status).toBe(404)
    stream.leave()
    await vi.waitFor(() => expect(clock.pending).toBeGreaterThan(0))
    void server.connections[1]?.send({ jsonrpc: '2.0', id: 1, result: {} })
    await asked
    await vi.waitFor(async () => {
      await clock.advance(61_000)
      expect(server.connections.map(({ state }) => state)).toEqual(['closed', 'closed', 'closed'])
    })
  })

  test('end after idleTimeoutMs without a client, also with a request in flight', async () => {
    const clock = createFakeClock()
    const options = { clock, idleTimeoutMs: 60_000, onDisconnect: 'continue' as const }
    const server = await served(options, () => undefined)
    const headers = await server.session()
    void server.ask({ body: { jsonrpc: '2.0', id: 1, method: 'test/slow' }, headers }).catch(() => {})
    await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject({ method: 'test/slow' }))
    server.leaveAll()
    const [connection] = server.connections
    await vi.waitFor(() =>
      expect(
        connection?.send({ jsonrpc: '2.0', method: 'notifications/x' }, { relatedRequestId: 1 }),
      ).rejects.toThrow(),
    )
    await clock.advance(59_000)
    expect(connection?.state).toBe('open')
    await clock.advance(2_000)
    expect(connection?.state).toBe('closed')
  })

  test('end at lifetimeMs regardless of activity', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, lifetimeMs: 10_000 })
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    await clock.advance(9_999)
    expect((await server.ask({ body: note(), headers })).status).toBe(202)
    await clock.advance(100)
    expect((await server.ask({ body: note(), headers })).status).toBe(404)
    await stream.until(() => stream.isOver, 'the stream ended')
    const reason = await server.connections[0]?.closed
    expect(reason?.message).toContain('lifetimeMs')
  })

  test('of one address are limited by maxSessionsPerAddress', async () => {
    const server = await served({ maxSessionsPerAddress: 2 })
    const first = await server.session()
    const second = await server.session()
    // A session without a stream would make space.
    for (const headers of [first, second]) await server.open({ method: 'GET', headers })
    const refused = await server.ask({ body: initialize() })
    expect({ status: refused.status, retryAfter: refused.headers['retry-after'] }).toEqual({
      status: 503,
      retryAfter: '5',
    })
    expect((await server.ask({ method: 'DELETE', headers: first })).status).toBe(204)
    expect((await server.ask({ body: initialize() })).status).toBe(200)
  })

  test('queue messages before a stream is open, up to maxQueuedBytes', async () => {
    const server = await served({ maxQueuedBytes: 10_000 })
    const headers = await server.session()
    const [connection] = server.connections
    const sends = Array.from({ length: 12 }, async (_, n) => {
      try {
        await connection?.send(note({ n, payload: 'x'.repeat(900) }))
        return 'taken'
      } catch (error) {
        return isTransportError(error) && error.code
      }
    })
    const outcomes = await Promise.all(sends)
    expect(outcomes.slice(0, 9)).toEqual(Array(9).fill('taken'))
    expect(outcomes.at(-1)).toBe('OVERLOADED')
    const stream = await server.open({ method: 'GET', headers })
    const taken = outcomes.filter((outcome) => outcome === 'taken').length
    await stream.until(() => stream.messages.length === taken, 'what waited came')
    expect(stream.messages).toMatchObject(Array.from({ length: taken }, (_, n) => ({ params: { n } })))
  })

  test('reject a message to send over maxMessageBytes, and continue', async () => {
    const server = await served({ maxMessageBytes: 2_048 })
    await server.session()
    const [connection] = server.connections
    await expect(connection?.send(note({ text: '語'.repeat(1_000) }))).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    })
    await connection?.send(note({ text: '語'.repeat(500) }))
  })
})

describe('many requests in one session', () => {
  test('leave nothing behind', async () => {
    const clock = createFakeClock()
    const server = await served({ clock })
    const headers = await server.session()
    const before = clock.pending
    for (let id = 0; id < 300; id++) {
      const { status } = await server.ask({ body: { jsonrpc: '2.0', id, method: 'test/ask' }, headers })
      expect(status).toBe(200)
    }
    expect(clock.pending).toBe(before)
    const again = await server.ask({ body: { jsonrpc: '2.0', id: 0, method: 'test/ask' }, headers })
    expect(again.status).toBe(200)
  })
})
