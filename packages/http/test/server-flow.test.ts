import { createFakeClock } from '@mcpwire/compliance'
import { createByteBudget, type JsonRpcMessage, pipe, type Transport } from '@mcpwire/core'
import { createTransport } from '@mcpwire/core/authoring'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { httpHandler } from '../src/index.js'
import { httpServer } from '../src/node/index.js'
import { rawHttp } from './support/raw-http.js'
import { socketTo, wireRequest } from './support/raw-socket.js'
import { initialize, served } from './support/served.js'

const httpSse = { path: '/sse', messagesPath: '/messages' }
const ask = (id: number, params = {}): JsonRpcMessage => ({ jsonrpc: '2.0', id, method: 'test/ask', params })
const turns = async (n = 20): Promise<void> => {
  for (let turn = 0; turn < n; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Bodies that a paused session does not read. */
const bodies: Record<string, string> = {
  'a request': JSON.stringify(ask(1)),
  'a notification': JSON.stringify({ jsonrpc: '2.0', method: 'notifications/x' }),
  'a response': JSON.stringify({ jsonrpc: '2.0', id: 'unknown', result: {} }),
  'a large request': JSON.stringify(ask(1, { fill: 'x'.repeat(2_000_000) })),
  'no JSON': '{',
}

describe('a paused session', () => {
  test.each(Object.entries(bodies))('does not read %s before it resumes', async (_kind, body) => {
    const server = await served()
    const headers = await server.session()
    const [connection] = server.connections
    const before = server.messages.length
    connection?.flow?.pause()
    let isAnswered = false
    const answer = server.ask({ body, headers }).finally(() => {
      isAnswered = true
    })
    await turns()
    expect({ isAnswered, delivered: server.messages.length - before }).toEqual({
      isAnswered: false,
      delivered: 0,
    })
    connection?.flow?.resume()
    expect([200, 202, 400]).toContain((await answer).status)
  })

  test.each(Object.entries(bodies))('answers %s with 503 after bodyTimeoutMs', async (_kind, body) => {
    const clock = createFakeClock()
    const server = await served({ clock, bodyTimeoutMs: 20_000 })
    const headers = await server.session()
    const before = server.messages.length
    server.connections[0]?.flow?.pause()
    const answer = server.ask({ body, headers })
    await turns(50)
    await clock.advance(25_000)
    const { status, headers: said, messages } = await answer
    expect({ status, retryAfter: said['retry-after'] }).toEqual({ status: 503, retryAfter: '5' })
    expect(messages).toMatchObject([
      { error: { code: -31_003, data: { code: 'OVERLOADED', delivery: 'none' } } },
    ])
    expect(server.messages).toHaveLength(before)
    expect(server.refused).toMatchObject([{ status: 503, option: 'bodyTimeoutMs' }])
    server.connections[0]?.flow?.resume()
    expect((await server.ask({ body: ask(9), headers })).status).toBe(200)
  })

  test('stops in the middle of a body, and gives it the whole time again', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, bodyTimeoutMs: 20_000 })
    const headers = await server.session()
    const body = JSON.stringify(ask(1, { fill: 'x'.repeat(1_000_000) }))
    const socket = socketTo(server.port)
    const request = wireRequest('POST', headers, body)
    socket.write(request.slice(0, -10))
    await turns(50)
    const flow = server.connections[0]?.flow
    flow?.pause()
    await clock.advance(15_000)
    flow?.resume()
    await clock.advance(15_000)
    socket.write(request.slice(-10))
    await vi.waitFor(() => expect(socket.text).toMatch(/^HTTP\/1\.1 200/))
  })

  test('does not delay other sessions, its own streams, or its end', async () => {
    const server = await served()
    const [paused, other] = [await server.session(), await server.session()]
    const [connection] = server.connections
    connection?.flow?.pause()
    const stream = await server.open({ method: 'GET', headers: paused })
    await connection?.send({ jsonrpc: '2.0', method: 'notifications/x' })
    await stream.until(() => stream.messages.length === 1, 'the message came')
    expect((await server.ask({ body: ask(1), headers: other })).status).toBe(200)
    const waiting = server.ask({ body: ask(2), headers: paused })
    await turns()
    expect((await server.ask({ method: 'DELETE', headers: paused })).status).toBe(204)
    expect((await waiting).status).toBe(404)
  })

  test('discards a POST whose client disconnects', async () => {
    const budget = createByteBudget()
    const server = await served({ maxTotalBytes: budget })
    const headers = await server.session()
    const [connection] = server.connections
    connection?.flow?.pause()
    void server.ask({ body: ask(1), headers }).catch(() => {})
    await vi.waitFor(() => expect(budget.heldBytes).toBeGreaterThan(0))
    server.leaveAll()
    await vi.waitFor(() => expect(budget.heldBytes).toBe(0))
    const before = server.messages.length
    connection?.flow?.resume()
    await turns()
    expect(server.messages).toHaveLength(before)
  })

  test('of HTTP+SSE does not read POSTs before it resumes', async () => {
    const server = await served({ httpSse })
    const events = await server.open({
      method: 'GET',
      path: httpSse.path,
      headers: { accept: 'text/event-stream' },
    })
    await events.until(() => events.events.length === 1, 'the first event came')
    const path = events.events[0]?.data ?? ''
    server.connections[0]?.flow?.pause()
    const answer = server.ask({ path, body: ask(1) })
    await turns()
    expect(server.messages).toEqual([])
    server.connections[0]?.flow?.resume()
    expect((await answer).status).toBe(202)
  })

  test('of httpHandler does not pull a body before it resumes', async () => {
    const handler = httpHandler()
    onTestFinished(() => handler.close())
    let connection: Transport | undefined
    const messages: JsonRpcMessage[] = []
    handler.onconnection = (yielded) => {
      connection = yielded
      yielded.onmessage = (message) => {
        messages.push(message)
        if ('id' in message) void yielded.send({ jsonrpc: '2.0', id: message.id ?? 0, result: {} })
      }
      void yielded.start()
    }
    await handler.start()
    const post = (body: string | ReadableStream, more = {}) => {
      const accept = 'application/json, text/event-stream'
      const headers = { accept, 'content-type': 'application/json', ...more }
      const init = { method: 'POST', body, duplex: 'half', headers } as RequestInit
      return handler.fetch(new Request('http://localhost/mcp', init), { remoteAddress: '127.0.0.1' })
    }
    const opened = await post(JSON.stringify(initialize()))
    const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id') }
    let pulls = 0
    const text = JSON.stringify(ask(1, { fill: 'x'.repeat(1_000) }))
    const body = new ReadableStream(
      {
        pull: (controller) => {
          controller.enqueue(new TextEncoder().encode(text.slice(pulls * 100, pulls * 100 + 100)))
          pulls++
          if (pulls * 100 >= text.length) controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    connection?.flow?.pause()
    const answer = post(body, headers)
    await turns()
    expect(pulls).toBeLessThanOrEqual(1)
    connection?.flow?.resume()
    expect((await answer).status).toBe(200)
    expect(messages.at(-1)).toMatchObject({ id: 1 })
  })
})

test('pipe() to a transport that accepts nothing stops reading POSTs', async () => {
  const listener = httpServer({ port: 0 })
  onTestFinished(() => listener.close())
  const stalled: JsonRpcMessage[] = []
  const accept: (() => void)[] = []
  let isStalled = false
  listener.onconnection = (connection) => {
    const upstream = createTransport({
      connect: async (sink) => ({
        peer: { medium: 'test', address: 'test:' },
        send: (message) => {
          stalled.push(message)
          if ('id' in message && message.id !== undefined) {
            const response = {
              jsonrpc: '2.0' as const,
              id: message.id,
              result: { protocolVersion: '2025-11-25' },
            }
            if ('method' in message && message.method === 'initialize') sink.message(response)
          }
          return isStalled ? new Promise((resolve) => accept.push(resolve)) : Promise.resolve()
        },
        close: async () => {},
      }),
    })
    pipe(connection, upstream, { maxPendingSends: 4 })
  }
  await listener.start()
  const port = Number(new URL(listener.url).port)
  const { ask: post } = rawHttp(port)
  const opened = await post({ body: initialize() })
  const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']) }
  isStalled = true
  let accepted = 0
  const all = Array.from({ length: 40 }, (_, n) =>
    post({ body: { jsonrpc: '2.0', method: 'notifications/x', params: { n } }, headers }).then(
      ({ status }) => {
        accepted++
        return status
      },
    ),
  )
  await vi.waitFor(() => expect(accepted).toBeGreaterThan(3))
  await turns(200)
  expect(accepted).toBeLessThan(20)
  isStalled = false
  const pump = setInterval(() => {
    for (const resolve of accept.splice(0)) resolve()
  }, 1)
  onTestFinished(() => clearInterval(pump))
  expect(new Set(await Promise.all(all))).toEqual(new Set([202]))
})
