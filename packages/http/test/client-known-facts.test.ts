// Errors and hints agree with what is known: about the server so far, and about the delivery.
import { createServer, type Socket } from 'node:net'
import { isRequest, meter, withLayers } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deliveryOf } from '../src/engines/failures.js'
import { createEngine } from '../src/engines/web/engine.js'
import { httpClient } from '../src/index.js'
import { engineSettings, record } from './support/engine-calls.js'
import { engineKinds } from './support/engine-kinds.js'
import { listenCounting } from './support/engine-server.js'
import {
  event,
  initializedClient,
  resultFor,
  type Script,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const info = { name: 'c', version: '1' }
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }

describe('the hint of an error after the server has accepted messages', () => {
  const onCalls =
    (script: (socket: Socket) => void): Script =>
    ({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      script(response.socket as Socket)
      return true
    }
  const ALERT = Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46])

  test.each([
    ['a new connection that closes without a byte', (socket: Socket) => socket.end()],
    ['a reset connection', (socket: Socket) => socket.resetAndDestroy()],
    ['a TLS alert', (socket: Socket) => socket.end(ALERT)],
  ])('does not name the scheme after %s', async (_what, script) => {
    const server = await scriptedServer(onCalls(script))
    const client = await initializedClient(server, { standaloneStream: false })
    // On a new connection.
    for (const socket of server.sockets) socket.destroy()
    const error: Error = await client.transport.send(call).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'SEND_FAILED', details: { delivery: 'unknown' } })
    expect(error.message).not.toMatch(/https?:\/\/ *$|use https?:/)
  })

  test.each([404, 405])('does not name the path after %d', async (status) => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      response.writeHead(status).end()
      return true
    })
    const client = await initializedClient(server, { standaloneStream: false, httpSse: false })
    client.transport.setProtocolVersion?.('2025-11-25')
    await client.transport.send({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })
    const failing =
      status === 404 ? client.transport.send(call).catch((reason) => reason) : client.transport.send(call)
    const error = ((await failing) ?? (await client.responseTo(1))) as {
      message?: string
      error?: { message: string }
    }
    expect(error.message ?? error.error?.message).not.toContain('check the path')
  })

  test('states that the server could be reached before', async () => {
    const server = await listenCounting(
      createServer((socket) =>
        socket.end('HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'),
      ),
    )
    const transport = httpClient({ url: `http://127.0.0.1:${server.port}/mcp` })
    onTestFinished(() => transport.close())
    await transport.start()
    await transport.send({ jsonrpc: '2.0', method: 'notifications/x' })
    await server[Symbol.asyncDispose]()
    const error = await transport.send(call).catch((reason) => reason)
    expect(error).toMatchObject({
      code: 'SEND_FAILED',
      details: { delivery: 'none', hint: expect.stringContaining('still running') },
    })
  })
})

describe('a fallback that succeeds', () => {
  const legacy =
    (status: number, body: string): Script =>
    ({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'server/discover') return false
      response.writeHead(status).end(body)
      return true
    }
  const rpc = (id: unknown) =>
    JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_600, message: 'Missing session' } })

  test.each([
    ['400 and a text', 400, 'Bad Request'],
    ['400 and nothing', 400, ''],
    ['400 and an error of another request', 400, rpc('server-error')],
    ['400 and an error without an id', 400, rpc(null)],
    ['404', 404, ''],
    ['405 and a page', 405, '<html></html>'],
    ['406 and a text', 406, 'Not acceptable'],
    ['422 and JSON', 422, '{"detail":"x"}'],
  ])('to an older era causes no error after %s', async (_what, status, body) => {
    const server = await scriptedServer(legacy(status, body))
    const transport = httpClient({ url: server.url })
    onTestFinished(() => transport.close())
    const errors: Error[] = []
    const client = new Client(info, { versionNegotiation: { mode: 'auto' } })
    client.onerror = (error) => errors.push(error)
    await client.connect(transport)
    expect(errors).toEqual([])
    await transport.close()
    expect(await transport.closed).toBeUndefined()
  })

  test.each([400, 404, 405])('to HTTP+SSE causes no error after %d', async (status) => {
    let events: ReturnType<typeof stream> | undefined
    const result = {
      protocolVersion: '2024-11-05',
      capabilities: {},
      serverInfo: { name: 's', version: '1' },
    }
    const server = await scriptedServer(({ method, url, message, response }) => {
      if (method === 'GET') events = stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (url !== '/messages') response.writeHead(status).end('no')
      else {
        response.writeHead(202).end()
        if (message && isRequest(message)) events?.write(event(resultFor(message.id, result)))
      }
      return true
    })
    const transport = httpClient({ url: server.url })
    onTestFinished(() => transport.close())
    const errors: Error[] = []
    const client = new Client(info, { versionNegotiation: { mode: 'auto' } })
    client.onerror = (error) => errors.push(error)
    await client.connect(transport)
    expect(errors).toEqual([])
  })
})

describe('the delivery of a failed request', () => {
  const coded = (code: string, syscall?: string) => Object.assign(new Error(code), { code, syscall })
  test.each([
    [coded('ECONNREFUSED', 'connect'), 'none'],
    [coded('EHOSTUNREACH', 'connect'), 'none'],
    [coded('ENOTFOUND', 'getaddrinfo'), 'none'],
    [coded('CERT_HAS_EXPIRED'), 'none'],
    [new TypeError('fetch failed', { cause: coded('ECONNREFUSED', 'connect') }), 'none'],
    [coded('EHOSTUNREACH', 'read'), 'unknown'],
    [coded('ENETUNREACH', 'write'), 'unknown'],
    [coded('EHOSTDOWN', 'writev'), 'unknown'],
    [new TypeError('fetch failed', { cause: coded('ENETDOWN', 'read') }), 'unknown'],
    [coded('ECONNRESET', 'read'), 'unknown'],
    [new Error('other'), 'unknown'],
  ] as const)('of %s is %s', (cause, delivery) => {
    expect(deliveryOf(cause)).toBe(delivery)
  })
})

describe.each(engineKinds)('a server that accepts and never responds, over $name', (kind) => {
  test('fails the first request within connectTimeoutMs, with the option', async () => {
    await using server = await listenCounting(createServer((socket) => socket.resume()))
    const options = { ...kind.chosenBy, ...kind.plain(), connectTimeoutMs: 300 }
    const transport = httpClient({ url: `http://127.0.0.1:${server.port}/mcp`, ...options })
    onTestFinished(() => transport.close())
    const error = await new Client(info).connect(transport).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'CONNECT_TIMEOUT', details: { option: 'connectTimeoutMs' } })
  })
})

test('a browser is described as one that gives no reason, with the origin of its page', async () => {
  const page = globalThis as { location?: { origin: string } }
  page.location = { origin: 'https://page.example' }
  onTestFinished(() => void delete page.location)
  const url = new URL('http://127.0.0.1/mcp')
  const engine = createEngine(
    engineSettings({ url, fetch: () => Promise.reject(new TypeError('Failed to fetch')) }),
  )
  const blocked = record(engine, { url, body: '{}' })
  await blocked.over()
  expect(blocked.delivery).toBe('unknown')
  expect(blocked.failure).toMatchObject({ hint: expect.stringMatching(/CORS.*https:\/\/page\.example/) })
})

test('a meter counts the bytes of bodies', async () => {
  const counts = meter()
  const server = await scriptedServer()
  const transport = withLayers(httpClient({ url: server.url, standaloneStream: false }), counts.layer)
  onTestFinished(() => transport.close())
  await new Client(info).connect(transport)
  const { sent, received } = counts.snapshot()
  const bytes = server.of('POST').reduce((sum, { body }) => sum + Buffer.byteLength(body), 0)
  expect(sent.bytes).toBe(bytes)
  expect(received.bytes).toBeGreaterThan(100)
})
