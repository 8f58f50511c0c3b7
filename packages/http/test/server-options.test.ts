import { createFakeClock } from '@mcpwire/compliance'
import { isRequest, isTransportError } from '@mcpwire/core'
import { describe, expect, test, vi } from 'vitest'
import { httpHandler } from '../src/index.js'
import { httpServer, requestHandler } from '../src/node/index.js'
import { initialize, served } from './support/served.js'

const bad: readonly (readonly [string, unknown])[] = [
  ['responseFormat', 'maybe'],
  ['keepAliveIntervalMs', 0],
  ['retryMs', -1],
  ['retryMs', 1.5],
  ['idleTimeoutMs', 0],
  ['lifetimeMs', Number.NaN],
  ['maxSessionsPerAddress', 0],
  ['eventStoreTimeoutMs', 0],
  ['principal', 'sub'],
  ['maxInFlight', 0],
  ['stallTimeoutMs', 0],
  ['onDisconnect', 'never'],
  ['cancelAfterMs', -1],
  ['maxMessageBytes', 0],
  ['maxMessageBytes', Infinity],
  ['maxQueuedBytes', 0],
  ['bodyTimeoutMs', 0],
  ['eventStore', {}],
  ['maxConnections', 0],
  ['gateTimeoutMs', 0],
  ['gate', () => true],
]
const factories = {
  httpServer: (options: object) => httpServer({ port: 0, ...options }),
  requestHandler: (options: object) => requestHandler(options),
  httpHandler: (options: object) => httpHandler(options),
}

describe.each(Object.entries(factories))('%s', (_, make) => {
  test.each(bad)('refuses %s: %s at once', (option, value) => {
    expect(refusedOption(() => make({ [option]: value }))).toBe(option)
  })

  test.each([
    ['httpSse.path', { path: 'sse', messagesPath: '/messages' }],
    ['httpSse.messagesPath', { path: '/sse', messagesPath: '/messages?x' }],
    ['httpSse.messagesPath', { path: '/sse', messagesPath: '/sse' }],
  ])('refuses %s with a value that cannot work', (option, httpSse) => {
    expect(refusedOption(() => make({ httpSse }))).toBe(option)
  })

  test.each([
    ['httpSse', true],
    ['httpSse', null],
    ['httpSse.messagesPath', { path: '/sse' }],
    ['httpSse.more', { path: '/sse', messagesPath: '/messages', more: 1 }],
  ])('refuses %s of another type', (option, httpSse) => {
    expect(refusedOption(() => make({ httpSse }))).toBe(option)
  })

  test('refuses a route at a path of HTTP+SSE', () => {
    const routes = { '/messages': () => ({ status: 200 }) }
    const httpSse = { path: '/sse', messagesPath: '/messages' }
    expect(refusedOption(() => make({ httpSse, hooks: { routes } }))).toBe('hooks.routes["/messages"]')
  })

  test('refuses an event store whose optional method is no function', () => {
    const store = { storeEvent: async () => '1', replayEventsAfter: async () => 's' }
    expect(refusedOption(() => make({ eventStore: { ...store, getStreamIdForEventId: true } }))).toBe(
      'eventStore',
    )
    expect(refusedOption(() => make({ eventStore: store }))).toBeUndefined()
  })

  test.each([
    ['hooks', true],
    ['hooks.preflight', { preflight: {} }],
    ['hooks.preflight', { preflight: true }],
    ['hooks.preflight', { preflight: null }],
    ['hooks.responseHeaders', { responseHeaders: [] }],
    ['hooks.routes', { routes: () => ({ status: 200 }) }],
    ['hooks.routes["health"]', { routes: { health: () => ({ status: 200 }) } }],
    ['hooks.routes["/a?b"]', { routes: { '/a?b': () => ({ status: 200 }) } }],
    ['hooks.responseHeaders', { responseHeaders: { 'x-a': '1' } }],
    ['hooks.routes', { routes: [] }],
    ['hooks.routes["/health"]', { routes: { '/health': 'ok' } }],
    ['hooks.route', { route: {} }],
  ])('refuses %s of another type', (option, hooks) => {
    expect(refusedOption(() => make({ hooks }))).toBe(option)
  })
})

test.each([
  ['httpSse.path', { httpSse: { path: '/mcp', messagesPath: '/messages' } }],
  ['httpSse.messagesPath', { httpSse: { path: '/sse', messagesPath: '/mcp' } }],
  ['hooks.routes["/mcp"]', { hooks: { routes: { '/mcp': () => ({ status: 200 }) } } }],
  ['hooks.routes["/a"]', { path: '/a', hooks: { routes: { '/a': () => ({ status: 200 }) } } }],
  ['tls', { tls: true }],
  ['tls.clientCertificates', { tls: { cert: 'c', key: 'k', clientCertificates: true } }],
  ['tls.source', { tls: { source: true } }],
])('refuses %s in httpServer', (option, options) => {
  expect(refusedOption(() => httpServer({ port: 0, ...(options as object) }))).toBe(option)
})

test.each(['mcp', 'ftp://host/', '/mcp', 'https:'])('refuses the url %s of a handler', (url) => {
  expect(refusedOption(() => httpHandler({ url }))).toBe('url')
  expect(refusedOption(() => requestHandler({ url }))).toBe('url')
})

test.each([
  ['port', -1],
  ['port', 65_536],
  ['host', ''],
  ['path', 'mcp'],
  ['path', '/mcp?x'],
  ['headersTimeoutMs', 0],
  ['maxSockets', 0],
])('refuses %s: %s at once in httpServer', (option, value) => {
  expect(refusedOption(() => httpServer({ port: 0, [option]: value }))).toBe(option)
})

/** The option that `make` refuses with `INVALID_OPTION`. */
function refusedOption(make: () => unknown): unknown {
  try {
    make()
  } catch (error) {
    if (isTransportError(error, 'INVALID_OPTION')) return error.details.option
  }
  return undefined
}

test('serves at option "path" only', async () => {
  const server = await served({ path: '/tools' })
  expect(new URL(server.address).pathname).toBe('/tools')
  expect((await server.ask({ path: '/tools?x=1', body: initialize() })).status).toBe(200)
  expect((await server.ask({ path: '/mcp', body: initialize() })).status).toBe(404)
})

test('keeps idle connections longer than load balancers do', async () => {
  const server = await served()
  const answer = await server.ask({ path: '/mcp', body: initialize(), headers: { connection: 'keep-alive' } })
  const [, seconds] = /timeout=(\d+)/.exec(String(answer.headers['keep-alive'])) ?? []
  expect(Number(seconds)).toBeGreaterThan(75)
})

test('turns the response into a stream after keepAliveIntervalMs, except with responseFormat json', async () => {
  for (const answers of ['auto', 'json'] as const) {
    const clock = createFakeClock()
    const server = await served(
      { clock, responseFormat: answers, keepAliveIntervalMs: 1_000 },
      () => undefined,
    )
    const headers = await server.session()
    let head: Awaited<ReturnType<typeof server.open>> | undefined
    const asking = server
      .open({ body: { jsonrpc: '2.0', id: 1, method: 'test/slow' }, headers })
      .then((open) => {
        head = open
      })
    await vi.waitFor(() =>
      expect(server.messages.some((message) => isRequest(message) && message.id === 1)).toBe(true),
    )
    await clock.advance(1_100)
    if (answers === 'auto') await vi.waitFor(() => expect(head?.events).toEqual([{ comment: 'keep-alive' }]))
    else expect(head).toBeUndefined()
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 1, result: {} })
    await asking
    await head?.until(() => head?.isOver === true, 'it is answered')
    expect(head?.headers['content-type']).toBe(answers === 'auto' ? 'text/event-stream' : 'application/json')
    expect(head?.messages).toMatchObject([{ id: 1, result: {} }])
  }
})

test('sends one comment per interval on an idle stream, and none on a busy one', async () => {
  const clock = createFakeClock()
  const server = await served({ clock, keepAliveIntervalMs: 1_000 })
  const headers = await server.session()
  const stream = await server.open({ method: 'GET', headers })
  const comments = (): number => stream.events.filter(({ comment }) => comment !== undefined).length
  await clock.advance(5_500)
  await vi.waitFor(() => expect(comments()).toBeGreaterThanOrEqual(4))
  expect(comments()).toBeLessThanOrEqual(5)
  const before = comments()
  for (let n = 0; n < 10; n++) {
    await server.connections[0]?.send({ jsonrpc: '2.0', method: 'notifications/x' })
    await clock.advance(600)
  }
  await vi.waitFor(() => expect(stream.messages).toHaveLength(10))
  expect(comments()).toBe(before)
})

test('disables a limit with Infinity, without a deadline', async () => {
  const clock = createFakeClock()
  const server = await served({
    clock,
    idleTimeoutMs: Infinity,
    keepAliveIntervalMs: Infinity,
    bodyTimeoutMs: Infinity,
  })
  const headers = await server.session()
  await clock.advance(1e9)
  expect((await server.ask({ body: { jsonrpc: '2.0', id: 1, method: 'x' }, headers })).status).toBe(200)
})

test('waits up to startTimeoutMs for the application to connect', async () => {
  const clock = createFakeClock()
  const listener = httpServer({ port: 0, clock, startTimeoutMs: 1_000 })
  listener.onconnection = () => {}
  await listener.start()
  const asking = fetch(listener.url, {
    method: 'POST',
    body: JSON.stringify(initialize()),
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  })
  await vi.waitFor(() => expect(listener.connections.size).toBe(1))
  await clock.advance(1_000)
  expect((await asking).status).toBe(503)
  await listener.close()
})
