import type { Socket } from 'node:net'
import { createFakeClock, until } from '@mcpwire/compliance'
import { allowAll, type Clock, type JsonRpcMessage, type JsonRpcRequest } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpHandler } from '../src/index.js'
import { modern, postOf } from './support/modern.js'
import { silentTo, usualHeaders, wireRequest } from './support/raw-socket.js'
import { type Served, served } from './support/served.js'

const TIMEOUT_MS = 30_000
const MIB = 1_048_576
const ask = { jsonrpc: '2.0' as const, id: 7, method: 'test/ask' }

/** A client that reads nothing until `resume` is called. */
function silent(port: number, words: string): Socket & { bytes: number } {
  const socket = Object.assign(silentTo(port), { bytes: 0 })
  socket.pause()
  socket.write(words)
  return socket
}

/** Reads a little at a time. */
async function sip(socket: Socket & { bytes: number }): Promise<void> {
  const chunk = (socket.read(65_536) ?? socket.read()) as Buffer | null
  socket.bytes += chunk?.length ?? 0
  await new Promise((resolve) => setImmediate(resolve))
}

const isAsked = (messages: readonly JsonRpcMessage[]): boolean =>
  messages.some((message) => 'method' in message && message.method === ask.method)

const text = 'x'.repeat(9 * MIB)
const large = ({ id }: JsonRpcRequest): JsonRpcMessage => ({ jsonrpc: '2.0', id, result: { text } })

/** A server of large responses. With `hasBegun`, their streams are open before. */
function answering(clock: Clock, answers: 'json' | 'sse', hasBegun: boolean): Promise<Served> {
  return served({ clock, responseFormat: answers, stallTimeoutMs: 60_000 }, (request, connection) => {
    const note: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/x' }
    if (hasBegun) void connection.send(note, { relatedRequestId: ask.id })
    return large(request)
  })
}

describe('a response that the client does not read for stallTimeoutMs', () => {
  test.each([
    ['JSON', 'json', false],
    ['a stream', 'sse', false],
    ['a stream that has begun', 'sse', true],
  ] as const)('is destroyed: %s', async (_what, answers, hasBegun) => {
    const clock = createFakeClock()
    const server = await answering(clock, answers, hasBegun)
    const headers = await server.session()
    const socket = silent(server.port, wireRequest('POST', headers, JSON.stringify(ask)))
    await until(() => isAsked(server.messages), 'it is asked', TIMEOUT_MS)
    await server.ask({ method: 'GET', path: '/elsewhere' })
    await clock.advance(30_000)
    expect(socket.closed).toBe(false)
    await clock.advance(60_000)
    socket.on('data', (chunk: Buffer) => {
      socket.bytes += chunk.length
    })
    socket.resume()
    await until(() => socket.closed, 'the connection is cut', TIMEOUT_MS)
    expect(socket.bytes).toBeLessThan(9 * MIB)
    expect(server.connections[0]?.state).toBe('open')
  })

  test('is destroyed if it waited for another on its connection', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, responseFormat: 'json', stallTimeoutMs: 60_000 }, (request) =>
      request.id === 8 ? large(request) : undefined,
    )
    const headers = await server.session()
    const both = [ask, { ...ask, id: 8 }].map((each) => wireRequest('POST', headers, JSON.stringify(each)))
    const socket = silent(server.port, both.join(''))
    const isBehind = (): boolean => server.messages.some((message) => 'id' in message && message.id === 8)
    await until(isBehind, 'both are asked', TIMEOUT_MS)
    await clock.advance(30_000)
    await server.connections[0]?.send({ jsonrpc: '2.0', id: ask.id, result: {} })
    await server.ask({ method: 'GET', path: '/elsewhere' })
    for (let n = 0; n < 4; n++) await clock.advance(30_000)
    socket.on('data', () => {})
    socket.resume()
    await until(() => socket.closed, 'the connection is cut', TIMEOUT_MS)
  })

  test('is destroyed in 2026-07-28', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, stallTimeoutMs: 60_000 }, large)
    const { headers = {} } = postOf(modern('test/ask', {}, 7))
    const socket = silent(
      server.port,
      wireRequest('POST', headers, JSON.stringify(modern('test/ask', {}, 7))),
    )
    await until(() => server.messages.length === 1, 'it is asked', TIMEOUT_MS)
    await server.ask({ method: 'GET', path: '/elsewhere' })
    await clock.advance(90_000)
    socket.resume()
    await until(() => socket.closed, 'the connection is cut', TIMEOUT_MS)
  })
})

describe('a response that the client reads slowly', () => {
  test.each([
    ['JSON', 'json', false],
    ['a stream that has begun', 'sse', true],
  ] as const)('arrives whole: %s', async (_what, answers, hasBegun) => {
    const clock = createFakeClock()
    const server = await answering(clock, answers, hasBegun)
    const headers = await server.session()
    const socket = silent(
      server.port,
      wireRequest('POST', { ...headers, connection: 'close' }, JSON.stringify(ask)),
    )
    await until(() => isAsked(server.messages), 'it is asked', TIMEOUT_MS)
    while (!socket.closed && !socket.readableEnded && socket.bytes < 9 * MIB) {
      for (let sips = 0; sips < 8; sips++) await sip(socket)
      await clock.advance(1_000)
    }
    expect(socket.bytes).toBeGreaterThan(9 * MIB)
  })
})

test('destroys a web-standard stream that the client does not read for stallTimeoutMs', async () => {
  const clock = createFakeClock()
  const listener = httpHandler({ clock, gate: allowAll(), stallTimeoutMs: 60_000 })
  let cancelled = 0
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => {
      if (!('id' in message)) cancelled++
      else if ('method' in message) {
        const note: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/x', params: { text } }
        connection.send(note, { relatedRequestId: message.id ?? 0 }).catch(() => {})
      }
    }
    void connection.start()
  }
  await listener.start()
  onTestFinished(() => listener.close())
  const { body, headers } = postOf(modern('test/ask', {}, 7))
  const given = { ...usualHeaders, ...(headers as Record<string, string>) }
  const init = { method: 'POST', headers: given, body: JSON.stringify(body) }
  const answer = await listener.fetch(new Request('http://localhost/mcp', init))
  const reader = answer.body?.getReader()
  await reader?.read()
  await clock.advance(45_000)
  await reader?.read()
  await clock.advance(45_000)
  expect(cancelled).toBe(0)
  await clock.advance(60_000)
  expect(cancelled).toBe(1)
  await expect(async () => {
    while (!(await reader?.read())?.done);
  }).rejects.toThrow('cut off')
})
