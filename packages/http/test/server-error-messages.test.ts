// The texts of errors of the server, in one place. Other tests assert codes, options and hints.
import { createFakeClock } from '@mcpwire/compliance'
import { expect, test, vi } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import { httpServer } from '../src/node/index.js'
import { modern, postOf } from './support/modern.js'
import { initialize as initializing, served } from './support/served.js'

const ask = (id: number, method = 'test/ask') => ({ jsonrpc: '2.0', id, method })

test('describes server options that cannot work', () => {
  const messageOf = (options: object): string => {
    try {
      httpServer({ port: 0, ...options })
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }
  expect(
    [
      { port: -1 },
      { path: 'mcp' },
      { responseFormat: 'xml' },
      { eventStore: {} },
      { hooks: { preflight: 1 } },
      { hooks: { routes: { '/health': 'ok' } } },
      { httpSse: { path: '/sse', messagesPath: '/sse' } },
      { legacy: false, modern: 'off' },
      { eventstore: memoryEventStore() },
    ].map(messageOf),
  ).toMatchInlineSnapshot(`
    [
      "option "port" must be a number from 0 to 65535; received -1",
      "option "path" must be a path that starts with "/", without query; received "mcp"",
      "option "responseFormat" must be one of "auto", "json", "sse"; received "xml"",
      "option "eventStore" must be an EventStore; received an object",
      "option "hooks.preflight" must be a function",
      "option "hooks.routes["/health"]" must be a function",
      "option "httpSse.messagesPath" must be another path than option "httpSse.path"; received "/sse"",
      "option "legacy" must be true if option "modern" is "off": no client would be served; received false",
      "option "eventstore" is not known; did you mean "eventStore"?",
    ]
  `)
})

test('describes refused requests as JSON-RPC errors', async () => {
  const server = await served({ maxMessageBytes: 1_024, maxInFlight: 1 }, () => undefined)
  const headers = await server.session()
  const requests = [
    { path: '/other', body: ask(1) },
    { method: 'PUT' },
    { body: ask(1), headers: { ...headers, accept: 'text/html' } },
    { body: ask(1), headers: { ...headers, 'content-type': 'text/plain' } },
    { body: '{', headers },
    { body: { jsonrpc: '1.0', id: 1, method: 'x' }, headers },
    { body: `"${'x'.repeat(2_000)}"`, headers },
    { body: [], headers },
    { body: [ask(1)], headers },
    { body: ask(1) },
    { body: ask(1), headers: { 'mcp-session-id': 'unknown' } },
    { body: ask(1), headers: { ...headers, 'mcp-protocol-version': '2000-01-01' } },
    { body: initializing(), headers },
    { body: initializing(), headers: { 'mcp-protocol-version': '2026-07-28' } },
    { method: 'GET', headers: { ...headers, accept: 'application/json' } },
    { method: 'GET', headers: { 'mcp-protocol-version': '2026-07-28' } },
    { body: [ask(1, 'initialize')], headers },
    { body: { jsonrpc: '2.0', id: 1, result: {} }, headers: { 'mcp-protocol-version': '2026-07-28' } },
    { ...postOf(modern('test/ask')), headers: {} },
    postOf(modern('test/ask'), { 'mcp-method': 'test/other' }),
    { headers: { ...headers, origin: 'https://evil.example' }, body: ask(1) },
  ]
  const messages: string[] = []
  for (const request of requests) {
    const { status, text } = await server.ask(request)
    messages.push(`${status} ${JSON.parse(text).error.message}`)
  }
  expect(messages).toMatchInlineSnapshot(`
    [
      "404 Invalid request: no endpoint has this path",
      "405 Invalid request: PUT is not supported",
      "406 Invalid request: accept application/json and text/event-stream",
      "415 Invalid request: the Content-Type must be application/json, in UTF-8",
      "400 Parse error: the body is not JSON",
      "400 Invalid request: no "jsonrpc": "2.0"",
      "413 Invalid request: the body is longer than maxMessageBytes (1024)",
      "400 Invalid request: an empty batch",
      "400 Invalid request: a batch, and the revision of the session has none",
      "400 Invalid request: the header Mcp-Session-Id is missing",
      "404 Session not found",
      "400 Unsupported protocol version",
      "400 Invalid request: this session is initialized already",
      "400 Invalid request: revision 2026-07-28 has no "initialize"",
      "406 Invalid request: accept text/event-stream",
      "405 Invalid request: GET is not supported by this revision",
      "400 Invalid request: "initialize" in a batch",
      "400 Invalid request: a response, and this revision has none from clients",
      "400 Header mismatch: the header mcp-protocol-version is missing",
      "400 Header mismatch: the header mcp-method differs from the body",
      "403 the Origin header has no local name: localOnly(), the default gate, admits this host only; set option "gate" of the server",
    ]
  `)
})

test('describes the limits of a listener', async () => {
  const clock = createFakeClock()
  const server = await served({ maxConnections: 1, idleTimeoutMs: 1_000, clock })
  const stream = await server.open({ method: 'GET', headers: await server.session() })
  expect((await server.ask({ body: initializing() })).status).toBe(503)
  stream.leave()
  await vi.waitFor(async () => {
    await clock.advance(1_000)
    expect(server.connections[0]?.state).toBe('closed')
  })
  const reason = await server.connections[0]?.closed

  const reasons = server.refused.map((caller) => caller.reason)
  expect([...reasons, ...[...server.errors, reason].map((error) => error?.message)]).toMatchInlineSnapshot(`
    [
      "maxConnections (1) sessions are open or wait for the gate",
      "the session was idle for idleTimeoutMs (1000)",
      "the session was idle for idleTimeoutMs (1000)",
    ]
  `)
})
