import { connect, type Socket } from 'node:net'
import { until } from '@mcpwire/compliance'
import type { AuthInfo, Gate, JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { modern, postOf } from './support/modern.js'
import { initialize, served } from './support/served.js'

const TIMEOUT_MS = 30_000
const httpSse = { path: '/sse', messagesPath: '/messages' }
const ask = (id: number): JsonRpcMessage => ({ jsonrpc: '2.0', id, method: 'test/ask' })

function idle(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  socket.resume()
  return socket
}

/** Admits callers by the user they name, as users of one client. */
const users: Gate = {
  admit: ({ headers }) => {
    const extra = { user: headers['authorization'] }
    return { admit: true, authInfo: { token: 'secret', clientId: 'app', scopes: [], extra } }
  },
}

describe('maxSockets', () => {
  test('limits open connections', async () => {
    const server = await served({ maxSockets: 5 })
    const sockets = Array.from({ length: 5 }, () => idle(server.port))
    await until(() => sockets.every(({ readyState }) => readyState === 'open'), 'all connect', TIMEOUT_MS)
    const sixth = idle(server.port)
    await until(() => sixth.closed, 'one more is cut off', TIMEOUT_MS)
    await until(() => server.refused.length > 0, 'the listener reports it', TIMEOUT_MS)
    expect(server.refused).toMatchObject([{ status: 503, option: 'maxSockets', omitted: 0 }])
    expect(server.errors).toEqual([])
    expect(sockets.some(({ closed }) => closed)).toBe(false)
    sockets[0]?.destroy()
    await until(
      () =>
        server.ask({ body: initialize() }).then(
          ({ status }) => status === 200,
          () => false,
        ),
      'there is space again',
      TIMEOUT_MS,
    )
  })

  test('is ten times maxConnections by default', async () => {
    const server = await served({ maxConnections: 1 })
    const sockets = Array.from({ length: 12 }, () => idle(server.port))
    await until(() => sockets.filter(({ closed }) => closed).length === 2, 'two are cut off', TIMEOUT_MS)
  })
})

describe('maxInFlight', () => {
  test('limits the requests of a session that await their response', async () => {
    const server = await served({ maxInFlight: 2 }, () => undefined)
    const headers = await server.session()
    for (const id of [1, 2]) void server.ask({ body: ask(id), headers }).catch(() => {})
    await until(() => server.messages.length === 4, 'two are asked', TIMEOUT_MS)
    const { status, headers: said, messages } = await server.ask({ body: ask(3), headers })
    expect({ status, retryAfter: said['retry-after'] }).toEqual({ status: 503, retryAfter: '5' })
    expect(messages).toMatchObject([{ id: 3, error: { code: -31_003, data: { code: 'OVERLOADED' } } }])
  })

  test('counts requests whose client disconnected and may resume', async () => {
    const server = await served({ maxInFlight: 2, onDisconnect: 'continue' }, () => undefined)
    const headers = await server.session()
    for (const id of [1, 2]) void server.ask({ body: ask(id), headers }).catch(() => {})
    await until(() => server.messages.length === 4, 'two are asked', TIMEOUT_MS)
    server.leaveAll()
    expect((await server.ask({ body: ask(3), headers })).status).toBe(503)
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 1, result: {} }).catch(() => {})
    void server.ask({ body: ask(3), headers }).catch(() => {})
    await until(() => server.messages.length === 5, 'there is space again', TIMEOUT_MS)
  })

  test('limits the requests of a principal in 2026-07-28', async () => {
    const server = await served({ maxInFlight: 2 }, () => undefined)
    for (const id of [1, 2]) void server.ask(postOf(modern('test/ask', {}, id))).catch(() => {})
    await until(() => server.messages.length === 2, 'two are asked', TIMEOUT_MS)
    const { status, headers, messages } = await server.ask(postOf(modern('test/ask', {}, 3)))
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({ status: 503, retryAfter: '5' })
    expect(messages).toMatchObject([{ id: 3, error: { code: -31_003, data: { code: 'OVERLOADED' } } }])
  })
})

describe('maxInFlight with modern: per-request', () => {
  const perRequest = { maxInFlight: 2, modern: 'per-request' as const, gate: users }
  const listen = (id: number) =>
    modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, id)
  const ann = { authorization: 'ann' }

  test('limits the requests of one principal, subscriptions included', async () => {
    const server = await served(
      { ...perRequest, principal: ({ extra }) => String(extra?.['user']) },
      () => undefined,
    )
    const subscription = await server.open(postOf(listen(1), ann))
    void server.ask(postOf(modern('test/ask', {}, 2), ann)).catch(() => {})
    await until(() => server.messages.length === 1, 'one is asked', TIMEOUT_MS)
    for (const request of [modern('test/ask', {}, 3), listen(3)]) {
      const { status, messages } = await server.ask(postOf(request, ann))
      expect(status).toBe(503)
      expect(messages).toMatchObject([{ id: 3, error: { code: -31_003, data: { code: 'OVERLOADED' } } }])
    }
    expect((await server.open(postOf(listen(3), { authorization: 'bob' }))).status).toBe(200)
    subscription.leave()
    const again = async () => (await server.open(postOf(listen(4), ann))).status
    await vi.waitFor(async () => expect(await again()).toBe(200))
  })

  test('does not count answered requests', async () => {
    const server = await served(perRequest)
    for (let id = 0; id < 5; id++) {
      expect((await server.ask(postOf(modern('test/ask', {}, id), ann))).status).toBe(200)
    }
  })
})

describe('requests that wait for the gate', () => {
  const slow = (): Gate => ({ admit: () => new Promise(() => {}) })

  test.each([{}, { 'mcp-session-id': 'made up' }])(
    'count towards maxConnections, with headers %o',
    async (headers) => {
      let asked = 0
      const gate: Gate = {
        admit: () => {
          asked++
          return slow().admit({} as never, new AbortController().signal)
        },
      }
      const server = await served({ maxConnections: 2, gate })
      for (let n = 0; n < 2; n++) void server.ask({ body: ask(n), headers }).catch(() => {})
      await until(() => asked === 2, 'two are at the gate', TIMEOUT_MS)
      expect((await server.ask({ body: ask(3), headers })).status).toBe(503)
      expect(asked).toBe(2)
    },
  )

  test('are served within a session when maxConnections is reached', async () => {
    const server = await served({ maxConnections: 1 })
    const headers = await server.session()
    await server.open({ method: 'GET', headers })
    expect((await server.ask({ body: initialize() })).status).toBe(503)
    expect((await server.ask({ body: ask(1), headers })).status).toBe(200)
  })
})

describe('maxInFlight over HTTP+SSE', () => {
  async function opened() {
    const server = await served({ maxInFlight: 2, httpSse }, () => undefined)
    const headers = { accept: 'text/event-stream' }
    const events = await server.open({ method: 'GET', path: httpSse.path, headers })
    await events.until(() => events.events.length === 1, 'the first event came')
    const path = events.events[0]?.data ?? ''
    const post = (body: unknown) => server.ask({ path, body })
    for (const id of [1, 2]) expect((await post(ask(id))).status).toBe(202)
    return { server, post }
  }

  test('limits the requests of a session that await their response', async () => {
    const { server, post } = await opened()
    const { status, headers, messages } = await post(ask(3))
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({ status: 503, retryAfter: '5' })
    expect(messages).toMatchObject([{ id: 3, error: { code: -31_003, data: { code: 'OVERLOADED' } } }])
    expect(server.messages).toEqual([ask(1), ask(2)])
  })

  test('does not count answered or cancelled requests', async () => {
    const { server, post } = await opened()
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 1, result: {} })
    expect((await post(ask(3))).status).toBe(202)
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } }
    expect((await post(cancelled)).status).toBe(202)
    expect((await post(ask(4))).status).toBe(202)
    expect((await post(ask(5))).status).toBe(503)
  })
})

describe('principal', () => {
  const user = ({ extra }: AuthInfo): string => String(extra?.['user'])

  test('distinguishes the users of one client', async () => {
    const server = await served({ gate: users, principal: user })
    const headers = await server.session('2025-11-25', { authorization: 'ann' })
    expect((await server.ask({ body: ask(1), headers })).status).toBe(200)
    const others = { ...headers, authorization: 'bob' }
    expect((await server.ask({ body: ask(2), headers: others })).status).toBe(404)
  })

  test('gives each user a connection in 2026-07-28', async () => {
    const server = await served({ gate: users, principal: user })
    for (const authorization of ['ann', 'bob', 'ann']) {
      expect((await server.ask(postOf(modern('test/ask'), { authorization }))).status).toBe(200)
    }
    expect(server.connections).toHaveLength(2)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('the token is secret')
      },
    ],
    ['yields no text', () => undefined],
    ['yields a promise', () => Promise.resolve('ann')],
  ])('refuses every caller if it %s', async (_what, principal) => {
    const server = await served({ gate: users, principal: principal as unknown as () => string })
    const answer = await server.ask({ body: initialize() })
    expect(answer.status).toBe(503)
    expect(answer.text).not.toContain('secret')
    expect(server.errors).toEqual([
      expect.objectContaining({ code: 'CALLBACK_FAILED', details: { slot: 'principal' } }),
    ])
    expect(server.connections).toEqual([])
  })
})
