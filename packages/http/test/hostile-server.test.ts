import { connect } from 'node:net'
import { createFakeClock, until, within } from '@mcpwire/compliance'
import {
  allowAll,
  type EventStore,
  type Gate,
  type HttpHooks,
  type JsonRpcMessage,
  serve,
  type Verdict,
} from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type HttpHandler, type HttpHandlerOptions, httpHandler, memoryEventStore } from '../src/index.js'
import { modern, postOf } from './support/modern.js'
import { socketTo } from './support/raw-socket.js'
import { initialize, served } from './support/served.js'

const TIMEOUT_MS = 30_000
const URL_HERE = 'http://localhost/mcp'
const usual = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }
const ask = { jsonrpc: '2.0' as const, id: 7, method: 'test/ask' }
const note: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/message', params: { data: 1 } }

async function handler(options: HttpHandlerOptions = {}): Promise<HttpHandler & { errors: Error[] }> {
  const errors: Error[] = []
  const listener = httpHandler({ gate: allowAll(), ...options })
  listener.onerror = (error) => errors.push(error)
  await serve(listener, (connection) => connection.start())
  onTestFinished(() => listener.close())
  return Object.assign(listener, { errors })
}

function post(init: RequestInit = {}): Request {
  return new Request(URL_HERE, {
    method: 'POST',
    headers: usual,
    body: JSON.stringify(initialize()),
    ...init,
  })
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  return (await within(answer, 'there is an answer', TIMEOUT_MS)).status
}

const head = (first: string, headers: Readonly<Record<string, string>>): string =>
  [first, 'host: localhost', ...Object.entries(headers).map((pair) => pair.join(': ')), '', ''].join('\r\n')

describe('hooks that return invalid responses', () => {
  const nonsense: Record<string, unknown> = {
    'a status below 200': { status: 101 },
    'a status that is none': { status: 'fine' },
    'a header with a line break': { status: 200, headers: { 'x-here': 'a\r\nset-cookie: b' } },
    'a header without a value': { status: 200, headers: { 'x-here': undefined } },
    'a header name that is none': { status: 200, headers: { 'x here': 'a' } },
    'a body that is no text': { status: 200, body: { a: 1 } },
    nothing: undefined,
  }

  test.each(Object.entries(nonsense))(
    'responds with 500 to a route that returns %s',
    async (_what, answer) => {
      const hooks = { routes: { '/health': () => answer } } as unknown as HttpHooks
      const mounted = await handler({ hooks })
      expect(await statusOf(mounted.fetch(new Request('http://localhost/health')))).toBe(500)
      expect(mounted.errors).toHaveLength(1)
      const server = await served({ hooks })
      expect((await server.ask({ method: 'GET', path: '/health' })).status).toBe(500)
      expect(server.errors).toHaveLength(1)
    },
  )

  test('responds with 500 if responseHeaders() returns invalid headers', async () => {
    const hooks = { responseHeaders: () => ({ 'x-here': 'a\nb' }) }
    const mounted = await handler({ hooks })
    expect(await statusOf(mounted.fetch(post()))).toBe(500)
    const server = await served({ hooks })
    expect((await server.ask({ body: initialize() })).status).toBe(500)
    expect(server.errors.map(({ message }) => message)).toEqual([expect.stringContaining('"x-here"')])
  })
})

describe('web-standard requests', () => {
  test.each(['text', 'getReader'] as const)(
    'responds with 500 if the body was read before (%s)',
    async (how) => {
      const mounted = await handler()
      const request = post()
      if (how === 'text') await request.text()
      else request.body?.getReader()
      expect(await statusOf(mounted.fetch(request))).toBe(500)
      expect(mounted.errors.map(({ message }) => message)).toEqual([expect.stringContaining('parsedBody')])
    },
  )

  test('resolves fetch() when the body breaks off', async () => {
    const mounted = await handler()
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('it broke off')) })
    const half = { body, duplex: 'half' } as RequestInit
    expect(await statusOf(mounted.fetch(post(half)))).toBe(499)
  })

  test('resolves fetch() for a request that was aborted before', async () => {
    const mounted = await handler()
    expect(await statusOf(mounted.fetch(post({ signal: AbortSignal.abort() })))).toBe(499)
  })
})

describe('clients that disconnect during the gate', () => {
  /** A gate that admits when the test calls `admit`. */
  function slowGate(): Gate & { admit(): Promise<Verdict>; open(): void; waiting: number } {
    let waiting: ((verdict: Verdict) => void)[] = []
    return {
      get waiting() {
        return waiting.length
      },
      admit: () => new Promise<Verdict>((resolve) => waiting.push(resolve)),
      open() {
        for (const admit of waiting) admit({ admit: true })
        waiting = []
      },
    }
  }

  test.each(['GET', 'POST'] as const)('closes the session although a %s request was open', async (method) => {
    const clock = createFakeClock()
    let isSlow = false
    const slow = slowGate()
    const gate: Gate = { admit: () => (isSlow ? slow.admit() : { admit: true }) }
    const server = await served({ clock, gate, idleTimeoutMs: 60_000, bodyTimeoutMs: Infinity })
    const { 'mcp-session-id': id = '' } = await server.session()
    isSlow = true
    const socket = socketTo(server.port)
    const body = method === 'POST' ? JSON.stringify(ask) : ''
    const headers = { ...usual, 'mcp-session-id': id, 'content-length': String(body.length) }
    socket.write(head(`${method} /mcp HTTP/1.1`, headers) + body)
    await until(() => slow.waiting === 1, 'the gate is asked', TIMEOUT_MS)
    socket.destroy()
    // By the response to this request, the server has detected the disconnect.
    isSlow = false
    await server.ask({ method: 'GET', path: '/elsewhere' })
    slow.open()
    await server.ask({ method: 'GET', path: '/elsewhere' })
    await clock.advance(120_000)
    await until(() => server.listener.connections.size === 0, 'the session ends', TIMEOUT_MS)
  })
})

describe('unread bodies', () => {
  test.each([
    ['one that is too long', { 'content-length': '100000000' }, 413],
    ['one of no endpoint', { 'content-length': '100' }, 404],
  ])('closes the connection after the response: %s', async (what, headers, status) => {
    const server = await served({ maxMessageBytes: 2048, closeTimeoutMs: 50 })
    const socket = socketTo(server.port)
    socket.write(
      head(`POST ${what.includes('endpoint') ? '/no' : '/mcp'} HTTP/1.1`, { ...usual, ...headers }),
    )
    await until(() => socket.text.includes('\r\n\r\n{'), 'the answer', TIMEOUT_MS)
    expect(socket.text).toContain(`HTTP/1.1 ${status}`)
    await until(() => socket.closed, 'the server closes it', TIMEOUT_MS)
  })

  test('responds at once to a request without a body', async () => {
    const server = await served()
    const socket = socketTo(server.port)
    const asked = head('OPTIONS /mcp HTTP/1.1', {})
    socket.write(asked)
    await until(() => socket.text.includes('\r\n\r\n{'), 'the answer', TIMEOUT_MS)
    socket.text = ''
    socket.write(asked)
    await until(() => socket.text.includes('HTTP/1.1 405'), 'another on the same connection', TIMEOUT_MS)
  })
})

describe('event stores that fail', () => {
  function failing(): EventStore & { isDown: boolean } {
    const inner = memoryEventStore()
    const up = <T>(result: () => Promise<T>): Promise<T> =>
      store.isDown ? Promise.reject(new Error('the store is down')) : result()
    const store: EventStore & { isDown: boolean } = {
      isDown: false,
      storeEvent: (stream, message) => up(() => inner.storeEvent(stream, message)),
      replayEventsAfter: (id, how) => up(() => inner.replayEventsAfter(id, how)),
      getStreamIdForEventId: (id) => inner.getStreamIdForEventId(id),
    }
    return store
  }

  async function away() {
    const eventStore = failing()
    const server = await served({ eventStore }, () => undefined)
    const headers = await server.session()
    const stream = await server.open({ body: ask, headers })
    await stream.until(() => stream.events.length === 1, 'it begins')
    const { id: lastEventId = '' } = stream.events[0] ?? {}
    stream.leave()
    await server.ask({ method: 'GET', path: '/elsewhere' })
    await server.connections[0]?.send(note, { relatedRequestId: ask.id })
    eventStore.isDown = true
    return { server, headers, lastEventId, connection: server.connections[0] }
  }

  test('settles every send()', async () => {
    const { connection } = await away()
    const lost = expect.objectContaining({ code: 'SEND_FAILED' })
    const sent = connection?.send(note, { relatedRequestId: ask.id })
    await expect(within(sent as Promise<void>, 'it settles', TIMEOUT_MS)).rejects.toEqual(lost)
    const answered = connection?.send({ jsonrpc: '2.0', id: ask.id, result: {} })
    await expect(within(answered as Promise<void>, 'it settles', TIMEOUT_MS)).rejects.toEqual(lost)
  })

  test('responds to every client that resumes', async () => {
    const { server, headers, lastEventId } = await away()
    const back = { method: 'GET', headers: { ...headers, 'last-event-id': lastEventId } }
    expect((await within(server.ask(back), 'an answer', TIMEOUT_MS)).status).toBe(500)
  })
})

describe('admissions that end while the body arrives', () => {
  test.each(['revoked', 'expired'] as const)('refuses the request: %s', async (how) => {
    const clock = createFakeClock()
    const revoking = new AbortController()
    const gate: Gate = {
      admit: () => ({ admit: true, expiresAt: clock.epochNow() + 1_000, revoked: revoking.signal }),
    }
    const server = await served({ clock, gate })
    const socket = socketTo(server.port)
    const body = JSON.stringify(initialize())
    socket.write(head('POST /mcp HTTP/1.1', { ...usual, 'content-length': String(body.length) }))
    await server.ask({ method: 'GET', path: '/elsewhere' })
    await server.ask({ method: 'DELETE' })
    if (how === 'revoked') revoking.abort()
    else await clock.advance(2_000)
    socket.write(body)
    await until(() => socket.text.includes('\r\n\r\n{'), 'the answer', TIMEOUT_MS)
    expect(socket.text).toContain('HTTP/1.1 401')
    expect(server.connections).toEqual([])
  })
})

test('serves a client with an invalid Host header', async () => {
  const urls: (URL | undefined)[] = []
  const server = await served({ gate: { admit: () => ({ admit: true }) } }, (request, _, context) => {
    urls.push(context?.requestInfo?.url, context?.request && new URL(context.request.url))
    return { jsonrpc: '2.0', id: request.id, result: {} }
  })
  const headers = await server.session()
  const answer = await server.ask({ body: ask, headers: { ...headers, host: 'a b[' } })
  expect(answer.status).toBe(200)
  expect(urls.map(String)).toEqual(['http://localhost/mcp', 'http://localhost/mcp'])
})

test('reports a notification that notify() cannot send, and never rejects', async () => {
  const server = await served({ modern: 'per-request', maxMessageBytes: 2048 })
  const listen = modern('subscriptions/listen', { notifications: { toolsListChanged: true } })
  const stream = await server.open(postOf(listen))
  await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
  const change = { jsonrpc: '2.0' as const, method: 'notifications/tools/list_changed' }
  await server.listener.notify({ ...change, params: { text: 'x'.repeat(4096) } })
  await server.listener.notify({ ...change, params: { number: 1n } })
  await server.listener.notify(change, {
    to: () => {
      throw new Error('nobody')
    },
  })
  await server.listener.notify(change)
  await stream.until(() => stream.messages.length === 2, 'the last one comes')
  const codes = server.errors.map((error) => (error as { code?: string }).code)
  expect(codes).toEqual(['MESSAGE_TOO_LARGE', 'SEND_FAILED', 'CALLBACK_FAILED'])
})

test('lets any number of callers wait for the gate with one revocation signal', async () => {
  const warnings: Error[] = []
  const onwarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onwarning)
  onTestFinished(() => void process.off('warning', onwarning))
  const revoked = new AbortController().signal
  const admitted: ((verdict: Verdict) => void)[] = []
  const server = await served({ gate: { admit: () => new Promise((resolve) => admitted.push(resolve)) } })
  const answers = Array.from({ length: 20 }, () => server.ask({ body: initialize() }))
  await until(() => admitted.length === 20, 'all wait', TIMEOUT_MS)
  for (const admit of admitted) admit({ admit: true, revoked })
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  expect(statuses).toEqual(Array.from({ length: 20 }, () => 200))
  expect(warnings).toEqual([])
})

test('ends a per-request connection after its response, also for a slow client', async () => {
  const settled: unknown[] = []
  const server = await served({ modern: 'per-request' }, (request, connection) => {
    const text = 'x'.repeat(4_000_000)
    const about = { jsonrpc: '2.0' as const, method: 'notifications/message', params: { text } }
    const reject = (error: unknown): void => void settled.push(error)
    connection.send(about, { relatedRequestId: request.id }).then(() => settled.push('notified'), reject)
    connection
      .send({ jsonrpc: '2.0', id: request.id, result: {} })
      .then(() => settled.push('answered'), reject)
    return undefined
  })
  const socket = connect(server.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const body = JSON.stringify(modern('test/ask'))
  const { headers = {} } = postOf(modern('test/ask'))
  const length = String(body.length)
  socket.write(
    head('POST /mcp HTTP/1.1', { ...usual, ...(headers as object), 'content-length': length }) + body,
  )
  await until(() => server.messages.length === 1, 'the request has arrived', TIMEOUT_MS)
  let bytes = 0
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await until(() => settled.length === 2, 'both have settled', TIMEOUT_MS)
  expect(settled).toEqual(['notified', 'answered'])
  await until(() => bytes > 0, 'the client received data', TIMEOUT_MS)
  await until(() => server.listener.connections.size === 0, 'the connection ends', TIMEOUT_MS)
})
