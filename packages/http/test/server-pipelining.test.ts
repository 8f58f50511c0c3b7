import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { until } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { requestHandler } from '../src/node/index.js'
import { MODERN, modern } from './support/modern.js'
import { socketTo, wireRequest } from './support/raw-socket.js'
import { type Application, echo, type Served, served } from './support/served.js'
import { steady } from './support/steady.js'

const TIMEOUT_MS = 30_000
const MEGABYTE = 1_000_000

const post = (body: object, headers: Readonly<Record<string, string>>): string =>
  wireRequest('POST', headers, JSON.stringify(body))
const ask = (id: number, method: string): object => ({ jsonrpc: '2.0', id, method })
const modernPost = (id: number): string =>
  post(modern('test/never', {}, id), { 'mcp-protocol-version': MODERN, 'mcp-method': 'test/never' })

/** Answers `test/now`, and leaves other requests open. */
const application: Application = (request) => (request.method === 'test/now' ? echo(request) : undefined)

const received = (server: Served, method: string): number =>
  server.messages.filter((message) => 'method' in message && message.method === method).length

const count = (text: string, part: string): number => text.split(part).length - 1

describe('pipelined requests', () => {
  test('are cancelled when their client disconnects', async () => {
    const server = await served({ onDisconnect: 'cancel' }, application)
    const headers = await server.session()
    const socket = socketTo(server.port)
    for (let id = 0; id < 5; id++) socket.write(post(ask(id, 'test/never'), headers))
    await vi.waitFor(() => expect(received(server, 'test/never')).toBe(5))
    socket.destroy()
    await vi.waitFor(() => expect(received(server, 'notifications/cancelled')).toBe(5))
  })

  test('are not counted in 2026-07-28 after their client disconnected', async () => {
    const server = await served({ maxInFlight: 5 }, application)
    for (let round = 1; round <= 2; round++) {
      const socket = socketTo(server.port)
      for (let id = 0; id < 5; id++) socket.write(modernPost(id))
      await vi.waitFor(() => expect(received(server, 'test/never')).toBe(5 * round))
      socket.destroy()
      await vi.waitFor(() => expect(received(server, 'notifications/cancelled')).toBe(5 * round))
    }
  })

  test('open no session of HTTP+SSE after their client disconnected', async () => {
    const server = await served({ httpSse: { path: '/sse', messagesPath: '/messages' } }, application)
    const socket = socketTo(server.port)
    socket.write('GET /sse HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(10))
    await vi.waitFor(() => expect(server.listener.connections.size).toBe(10))
    socket.destroy()
    await vi.waitFor(() => expect(server.listener.connections.size).toBe(0))
  })

  test('are cancelled also in a server of the application', async () => {
    const mcp = requestHandler({ onDisconnect: 'cancel' })
    let cancelled = 0
    let asked = 0
    mcp.onconnection = (connection) => {
      connection.onmessage = (message) => {
        if (isRequest(message)) asked++
        else cancelled++
      }
      void connection.start()
    }
    await mcp.start()
    const http = createServer(mcp.handle)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      await mcp.close()
      http.closeAllConnections()
    })
    const socket = socketTo((http.address() as AddressInfo).port)
    for (let id = 0; id < 3; id++) socket.write(modernPost(id))
    await vi.waitFor(() => expect(asked).toBe(3))
    socket.destroy()
    await vi.waitFor(() => expect(cancelled).toBe(3))
  })
})

describe('connections with pipelined requests', () => {
  test('get all responses in order', async () => {
    const server = await served({}, application)
    const headers = await server.session()
    const socket = socketTo(server.port)
    const ids = Array.from({ length: 500 }, (_, id) => id)
    socket.write(ids.map((id) => post(ask(id, 'test/now'), headers)).join(''))
    await until(() => count(socket.text, 'HTTP/1.1 200 ') === ids.length, 'all are answered', TIMEOUT_MS)
    expect([...socket.text.matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id))).toEqual(ids)
  })

  test('deliver the response of the client that the application awaits', async () => {
    const server = await served({}, (request, connection) => {
      const asking = { jsonrpc: '2.0' as const, id: 'asked', method: 'ping' }
      void connection.send(asking, { relatedRequestId: request.id })
      return undefined
    })
    const headers = await server.session()
    const socket = socketTo(server.port)
    socket.write(post(ask(1, 'test/asks'), headers))
    await until(() => socket.text.includes('"id":"asked"'), 'it is asked', TIMEOUT_MS)
    socket.write(post({ jsonrpc: '2.0', id: 'asked', result: {} }, headers))
    await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject({ id: 'asked', result: {} }))
  })

  test('have a limited number of requests served at once', async () => {
    const server = await served({}, application)
    const headers = await server.session()
    const socket = socketTo(server.port)
    for (let id = 0; id < 100; id++) socket.write(post(ask(id, 'test/never'), headers))
    await vi.waitFor(() => expect(received(server, 'test/never')).toBeGreaterThan(10))
    expect(await steady(() => received(server, 'test/never'))).toBeLessThan(30)
    for (let id = 0; id < 100; id++) {
      await vi.waitFor(() => expect(server.messages).toContainEqual(expect.objectContaining({ id })))
      await server.connections[0]?.send({ jsonrpc: '2.0', id, result: {} })
    }
    await until(() => count(socket.text, 'HTTP/1.1 200 ') === 100, 'all are answered', TIMEOUT_MS)
  })

  test('are destroyed over the limit of queued requests', async () => {
    const server = await served({ onDisconnect: 'cancel' }, application)
    const headers = await server.session()
    const socket = socketTo(server.port)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    for (let id = 0; id < 5_000; id++) socket.write(post(ask(id, 'test/never'), headers))
    await closed
    await vi.waitFor(() => {
      expect(received(server, 'notifications/cancelled')).toBe(received(server, 'test/never'))
    })
  })

  test.each(['json', 'sse'] as const)(
    'queue at most maxQueuedBytes after an open stream, as %s',
    async (answers) => {
      const server = await served({ responseFormat: answers, maxQueuedBytes: 4 * MEGABYTE }, (request) => ({
        jsonrpc: '2.0',
        id: request.id,
        result: { text: 'x'.repeat(MEGABYTE) },
      }))
      const behindStream = async (ids: readonly number[]): Promise<Socket> => {
        const headers = await server.session()
        const socket = socketTo(server.port)
        socket.write(wireRequest('GET', headers))
        await until(() => socket.text.includes('HTTP/1.1 200 '), 'the stream is open', TIMEOUT_MS)
        // In one piece: between two Node sees that enough waits, and reads no more.
        socket.write(ids.map((id) => post(ask(id, 'test/big'), headers)).join(''))
        return socket
      }
      const modest = await behindStream([1, 2, 3])
      await vi.waitFor(() => expect(received(server, 'test/big')).toBe(3))
      const greedy = await behindStream([1, 2, 3, 4, 5, 6])
      await new Promise((resolve) => greedy.once('close', resolve))
      expect(modest.destroyed).toBe(false)
      expect(server.connections[0]?.state).toBe('open')
    },
  )
})
