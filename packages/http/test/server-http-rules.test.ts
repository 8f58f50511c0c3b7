import type { JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test, vi } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import { envelope, modern, postOf } from './support/modern.js'
import { socketTo, wireRequest } from './support/raw-socket.js'
import { initialize, served } from './support/served.js'

const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })

/** Sends a text, and returns the status of the response and whether the connection closed after it. */
async function exchanged(port: number, text: string): Promise<{ status: number; isClosed: boolean }> {
  const socket = socketTo(port)
  socket.write(text)
  await vi.waitFor(() => expect(socket.text).toMatch(/^HTTP\/1\.1 \d+/))
  const status = Number(socket.text.slice(9, 12))
  const isClosed = /\r\nconnection: close\r\n/i.test(socket.text)
  if (isClosed) await vi.waitFor(() => expect(socket.closed || socket.readableEnded).toBe(true))
  return { status, isClosed }
}

const chunks = `${ping.length.toString(16)}\r\n${ping}\r\n0\r\n\r\n`
const withCoding = (...codings: string[]): string =>
  wireRequest('POST', {})
    .replace('content-length: 0\r\n', codings.map((coding) => `Transfer-Encoding: ${coding}\r\n`).join(''))
    .concat(chunks)
const withHosts = (...hosts: string[]): string =>
  wireRequest('POST', {}, ping).replace('host: 127.0.0.1\r\n', hosts.map((line) => `${line}\r\n`).join(''))

describe('a request that breaks a rule of HTTP', () => {
  test.each<[number, string, string]>([
    [400, 'two Host headers', withHosts('Host: 127.0.0.1', 'Host: evil.example')],
    [400, 'two equal Host headers', withHosts('Host: 127.0.0.1', 'host: 127.0.0.1')],
    [400, 'two Host headers, the foreign one first', withHosts('HOST: evil.example', 'Host: 127.0.0.1')],
    [
      400,
      'two Host headers and an absolute target',
      withHosts('Host: 127.0.0.1', 'Host: a').replace('/mcp', 'http://127.0.0.1/mcp'),
    ],
    [400, 'two Host headers in a GET', wireRequest('GET', {}).replace('host:', 'Host: a\r\nhost:')],
    [501, 'the coding gzip, chunked', withCoding('gzip, chunked')],
    [501, 'the codings gzip and chunked in two lines', withCoding('gzip', 'chunked')],
    [501, 'the coding deflate, chunked', withCoding('deflate, chunked')],
    [501, 'the coding identity, chunked', withCoding('identity, chunked')],
    [501, 'an unknown coding', withCoding('x, chunked')],
    [400, 'the coding chunked twice', withCoding('chunked, chunked')],
  ])('gets status %i for %s, and its connection closes', async (status, _what, text) => {
    const server = await served()
    await server.session()
    const before = server.messages.length
    expect(await exchanged(server.port, text)).toEqual({ status, isClosed: true })
    expect(server.messages).toHaveLength(before)
  })

  test('is served with the coding chunked in any case', async () => {
    const server = await served()
    for (const coding of ['chunked', 'Chunked', 'CHUNKED'])
      expect((await exchanged(server.port, withCoding(coding))).status).toBe(400)
  })
})

describe('initialize with the metadata of 2026-07-28', () => {
  test.each([
    ['multiplexed', {}],
    ['per-request', {}],
    ['multiplexed', { legacy: false }],
  ] as const)('gets 404 and never reaches the application, with %s and %o', async (kind, more) => {
    const server = await served({ modern: kind, ...more })
    const { status, messages } = await server.ask(
      postOf(modern('initialize', { protocolVersion: '2026-07-28' })),
    )
    expect(status).toBe(404)
    expect(messages).toMatchObject([{ id: 1, error: { code: -32_601 } }])
    expect(server.messages).toEqual([])
    expect(server.connections).toEqual([])
  })

  test('gets an error too without its headers', async () => {
    const server = await served()
    const body = initialize()
    const { status } = await server.ask({ body: { ...body, params: { ...body.params, _meta: envelope } } })
    expect(status).toBe(404)
    expect(server.messages).toEqual([])
  })
})

describe('JSON nested deeply', () => {
  test.each([
    [5_000, '['],
    [5_000, '{"a":'],
    [100_000, '['],
    [1_000_000, '['],
  ])('%j times with %j is answered, and the session goes on', async (depth, open) => {
    const server = await served({}, ({ id, params }) => ({ jsonrpc: '2.0', id, result: { echoed: params } }))
    const headers = await server.session()
    const close = open === '[' ? ']' : '}'
    const nested = `${open.repeat(depth)}1${close.repeat(depth)}`
    const body = `{"jsonrpc":"2.0","id":7,"method":"test/ask","params":{"nested":${nested}}}`
    const { status, text } = await server.ask({ body, headers })
    expect([200, 400]).toContain(status)
    expect(text).toContain('"id":7')
    const after = await server.ask({ body: { jsonrpc: '2.0', id: 8, method: 'test/ask' }, headers })
    expect(after.status).toBe(200)
  })
})

test('event ids do not show how many events and streams others have', async () => {
  const note: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/x' }
  const idsBeside = async (others: number): Promise<string[]> => {
    const store = memoryEventStore()
    for (let n = 0; n < others; n++) await store.storeEvent(`other-${n}`, note)
    return [await store.storeEvent('a', note), await store.storeEvent('a', note)]
  }
  const ids = [...(await idsBeside(0)), ...(await idsBeside(500))]
  expect(ids.map((id) => id.slice(18))).toEqual(['_0', '_1', '_0', '_1'])
  expect(new Set(ids.map((id) => id.slice(0, 18))).size).toBe(2)
})
