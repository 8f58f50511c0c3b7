import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { until } from '@mcpwire/compliance'
import { allowAll, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpHandler, memoryEventStore } from '../src/index.js'
import { envelope, modern, postOf } from './support/modern.js'
import { socketTo } from './support/raw-socket.js'
import { initialize, type Served, served } from './support/served.js'

const TIMEOUT_MS = 30_000
const usual = {
  host: 'localhost',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
}
const opening = JSON.stringify(initialize())
const ask = (id: unknown = 7): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'test/ask' })
const note = (method: string, params: object): string => JSON.stringify({ jsonrpc: '2.0', method, params })

/** A request as it stands on the wire. */
function wire(first: string, headers: Readonly<Record<string, string>>, body: string | Buffer = ''): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`${first}\r\n${lines.join('')}\r\n`), Buffer.from(body)])
}

function post(body: string | Buffer, more: Readonly<Record<string, string>> = {}): Buffer {
  const length = String(Buffer.byteLength(body))
  return wire('POST /mcp HTTP/1.1', { ...usual, 'content-length': length, ...more }, body)
}

/** Sends raw text on a new connection. Returns the status and the text of the one response. */
async function answerTo(server: Served, words: Buffer): Promise<{ status: number; text: string }> {
  const socket = socketTo(server.port)
  socket.write(words)
  await until(() => /\r\n\r\n/.test(socket.text) || socket.closed, 'there is an answer', TIMEOUT_MS)
  await until(() => isWhole(socket), 'the answer is whole', TIMEOUT_MS)
  return { status: Number(/^HTTP\/1.1 (\d+)/.exec(socket.text)?.[1]), text: socket.text }
}

function isWhole({ text, closed }: Socket & { text: string }): boolean {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [, length] = /content-length: (\d+)/i.exec(head) ?? []
  return closed || body.length >= Number(length ?? 0)
}

const shapes: readonly (readonly [string, number, Buffer])[] = [
  [
    'a length and chunks',
    400,
    post('0\r\n\r\nGET /mcp HTTP/1.1\r\nhost: localhost\r\n\r\n', { 'transfer-encoding': 'chunked' }),
  ],
  [
    'two lengths',
    400,
    wire('POST /mcp HTTP/1.1\r\ncontent-length: 6', { ...usual, 'content-length': '5' }, 'abcdef'),
  ],
  [
    'chunks that are none',
    400,
    wire('POST /mcp HTTP/1.1', { ...usual, 'transfer-encoding': 'chunked' }, 'z\r\n'),
  ],
  [
    'another transfer coding',
    400,
    wire('POST /mcp HTTP/1.1', { ...usual, 'transfer-encoding': 'gzip' }, 'abc'),
  ],
  ['no Host', 400, wire('POST /mcp HTTP/1.1', { 'content-length': '0' })],
  ['a blank before a colon', 400, wire('POST /mcp HTTP/1.1', { 'host ': 'localhost' })],
  ['a folded header', 400, wire('POST /mcp HTTP/1.1', { ...usual, x: 'a\r\n b' })],
  ['headers without end', 431, wire('POST /mcp HTTP/1.1', { ...usual, x: 'a'.repeat(40_000) })],
  [
    'a chunk with extensions without end',
    413,
    wire('POST /mcp HTTP/1.1', { ...usual, 'transfer-encoding': 'chunked' }, `5;${'a'.repeat(20_000)}\r\n`),
  ],
  ['HTTP/2 without asking', 400, Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['a method that is none', 400, wire('FOO /mcp HTTP/1.1', usual)],
  ['a method of others', 405, wire('PROPFIND /mcp HTTP/1.1', usual)],
  ['TRACE', 405, wire('TRACE /mcp HTTP/1.1', usual)],
  ['an upgrade', 400, wire('GET /mcp HTTP/1.1', { ...usual, connection: 'upgrade', upgrade: 'websocket' })],
  ['an expectation nobody knows', 417, post(opening, { expect: 'the-unexpected' })],
  ['dots in the path', 404, wire('POST /x/../mcp HTTP/1.1', usual)],
  ['encoded dots in the path', 404, wire('POST /x/%2e%2e/mcp HTTP/1.1', usual)],
  ['two slashes', 404, wire('POST //mcp HTTP/1.1', usual)],
  ['another host in the target', 403, wire('POST http://evil.example/mcp HTTP/1.1', usual)],
  ['a Host that ends with a dot', 403, post(opening, { host: 'localhost.' })],
  ['an Origin that is nobody', 403, post(opening, { origin: 'null' })],
  ['another charset', 415, post(opening, { 'content-type': 'application/json; charset=utf-16' })],
  ['a compressed body', 415, post(gzipSync(opening), { 'content-encoding': 'gzip' })],
  ['a body that calls itself compressed', 415, post(opening, { 'content-encoding': 'br' })],
  ['no text', 400, post(Buffer.from([0xff, 0xfe, 0x41]))],
  ['arrays in arrays', 400, post('['.repeat(100_000) + ']'.repeat(100_000))],
  ['an id that is no integer', 400, post(ask(1.5))],
  ['an id that is null', 400, post(ask(null))],
  ['an id beyond all numbers', 400, post('{"jsonrpc":"2.0","id":1e400,"method":"test/ask"}')],
  [
    'a batch of 2026-07-28',
    400,
    post(JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'a', params: { _meta: envelope } }])),
  ],
  ['an empty batch', 400, post('[]')],
  ['a session id of absurd length', 404, post(ask(), { 'mcp-session-id': 'a'.repeat(10_000) })],
  ['a session id of a prototype', 404, post(ask(), { 'mcp-session-id': '__proto__' })],
  ['an empty session id', 404, post(ask(), { 'mcp-session-id': '' })],
]

describe('requests that are not served', () => {
  test.each(shapes)(
    'responds with one error and affects no other request: %s',
    async (_what, status, words) => {
      const server = await served({ eventStore: memoryEventStore() })
      const headers = await server.session()
      const stream = await server.open({ method: 'GET', headers })
      const answer = await answerTo(server, words)
      expect(answer.status).toBe(status)
      expect(answer.text.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
      expect((await server.ask({ body: JSON.parse(ask()), headers })).status).toBe(200)
      expect(stream.isOver).toBe(false)
      expect(server.connections).toHaveLength(1)
    },
  )
})

const taken: readonly (readonly [string, Buffer])[] = [
  ['a name of this host with port', post(opening, { host: '[::1]:8080' })],
  ['a byte order mark', post(`\ufeff${opening}`)],
  ['a charset in quotes', post(opening, { 'content-type': 'application/json; charset="UTF-8"' })],
  ['no content coding by name', post(opening, { 'content-encoding': 'identity' })],
  [
    'an Accept of great length',
    post(opening, { accept: `${'application/json;q=0.1,'.repeat(600)}text/event-stream` }),
  ],
  ['a wish to hear of HTTP/2', post(opening, { connection: 'upgrade, http2-settings', upgrade: 'h2c' })],
]

test.each(taken)('serves a request regardless of %s', async (_what, words) => {
  const server = await served()
  expect((await answerTo(server, words)).status).toBe(200)
})

test('refuses a web-standard request with a content coding', async () => {
  const listener = httpHandler({ gate: allowAll() })
  listener.onconnection = () => expect.unreachable('no session is served')
  await listener.start()
  onTestFinished(() => listener.close())
  const headers = { ...usual, 'content-encoding': 'gzip' }
  const request = new Request('http://localhost/mcp', { method: 'POST', headers, body: gzipSync(opening) })
  expect((await listener.fetch(request)).status).toBe(415)
})

test('parses a header of blanks as fast as any other of its length', async () => {
  const listener = httpHandler({ gate: allowAll() })
  await listener.start()
  onTestFinished(() => listener.close())
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'a', _meta: envelope },
  })
  const headers = {
    ...usual,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': `a${' '.repeat(500_000)}b`,
  }
  // Minutes, where the time grows with the square of the length.
  const answer = await listener.fetch(new Request('http://localhost/mcp', { method: 'POST', headers, body }))
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ error: { code: -32_020 } })
})

test('refuses a subscription to too many resources', async () => {
  const server = await served({ modern: 'per-request' })
  const listen = (count: number) => {
    const resourceSubscriptions = Array.from({ length: count }, (_, n) => `file:///${n}`)
    return postOf(modern('subscriptions/listen', { notifications: { resourceSubscriptions } }))
  }
  const refused = await server.ask(listen(1_001))
  expect(refused.messages).toMatchObject([{ error: { code: -32_602 } }])
  const stream = await server.open(listen(1_000))
  await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
})

describe('a session', () => {
  const strays: readonly (readonly [string, string])[] = [
    ['a cancellation of nothing', note('notifications/cancelled', { requestId: 'none' })],
    ['a cancellation of no id', note('notifications/cancelled', { requestId: { a: 1 } })],
    ['progress of nothing', note('notifications/progress', { progressToken: 'none', progress: 1 })],
    ['an answer to nothing', JSON.stringify({ jsonrpc: '2.0', id: 'none', result: {} })],
    [
      'keys of prototypes',
      note(
        'test/note',
        JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
      ),
    ],
  ]

  test.each(strays)('accepts and delivers a message that belongs to no request: %s', async (_what, body) => {
    const server = await served()
    const headers = await server.session()
    expect((await answerTo(server, post(body, headers))).status).toBe(202)
    expect((await server.ask({ body: JSON.parse(ask()), headers })).status).toBe(200)
    expect({}).not.toHaveProperty('polluted')
    expect(server.errors).toEqual([])
  })

  test('refuses a request whose id is in flight, and answers the first one', async () => {
    const server = await served({}, () => undefined)
    const headers = await server.session()
    const first = server.ask({ body: JSON.parse(ask()), headers })
    await until(() => server.messages.length === 3, 'it is asked', TIMEOUT_MS)
    expect((await server.ask({ body: JSON.parse(ask()), headers })).status).toBe(400)
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 7, result: {} })
    expect((await first).messages).toEqual([{ jsonrpc: '2.0', id: 7, result: {} }])
  })

  test('responds to pipelined requests in their order', async () => {
    const server = await served()
    const headers = await server.session()
    const socket = socketTo(server.port)
    socket.write(Buffer.concat([1, 2, 3, 4, 5].map((id) => post(ask(id), headers))))
    await until(() => (socket.text.match(/"id":\d/g) ?? []).length === 5, 'all are answered', TIMEOUT_MS)
    expect(socket.text.match(/"id":\d/g)).toEqual([1, 2, 3, 4, 5].map((id) => `"id":${id}`))
  })

  test('responds to a client that has ended its side of the connection', async () => {
    const server = await served({}, () => undefined)
    const headers = await server.session()
    const socket = socketTo(server.port)
    socket.end(post(ask(), headers))
    await until(() => server.messages.length === 3, 'it is asked', TIMEOUT_MS)
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 7, result: {} })
    await until(() => socket.text.includes('"result"'), 'the answer', TIMEOUT_MS)
  })

  test('ends streams and requests in order after DELETE', async () => {
    const server = await served({}, () => undefined)
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    const asked = server.ask({ body: JSON.parse(ask()), headers })
    await until(() => server.messages.length === 3, 'it is asked', TIMEOUT_MS)
    expect((await server.ask({ method: 'DELETE', headers })).status).toBe(204)
    expect((await asked).messages).toMatchObject([{ id: 7, error: { code: -31_006 } }])
    await stream.until(() => stream.isOver, 'the stream ends')
    expect((await server.ask({ method: 'DELETE', headers })).status).toBe(404)
  })

  test.each(['1-0', '999999999-0', 'x', '', `${'9'.repeat(5_000)}-1`, '-1', '1-0 '])(
    'does not resume from an event id of no stream of the session: %j',
    async (lastEventId) => {
      const server = await served({ eventStore: memoryEventStore(), responseFormat: 'sse' })
      const others = await server.session()
      await server.ask({ body: JSON.parse(ask()), headers: others })
      const headers = { ...(await server.session()), 'last-event-id': lastEventId }
      expect((await server.ask({ method: 'GET', headers })).status).toBe(400)
      expect(server.errors).toEqual([])
    },
  )

  test('responds with an error in place of a response that cannot be sent', async () => {
    const server = await served({ maxMessageBytes: 4_096 }, ({ id }) => {
      return { jsonrpc: '2.0', id, result: { text: 'x'.repeat(5_000) } } as JsonRpcMessage
    })
    const headers = await server.session()
    const { status, messages } = await server.ask({ body: JSON.parse(ask()), headers })
    expect({ status, messages }).toEqual({
      status: 200,
      messages: [
        { jsonrpc: '2.0', id: 7, error: { code: -32_603, message: 'the response could not be sent' } },
      ],
    })
    expect(server.errors).toEqual([expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' })])
  })
})
