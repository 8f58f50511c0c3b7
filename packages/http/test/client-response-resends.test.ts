// Responses to requests of the server are sent again after failures that may pass.

import { createServer, type Server } from 'node:net'
import { createFakeClock, turns } from '@mcpwire/compliance'
import type { JsonRpcMessage } from '@mcpwire/core'
import { freePort } from '@mcpwire/test-support/ports'
import { describe, expect, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import { engineKinds } from './support/engine-kinds.js'
import {
  initializedClient,
  type Script,
  type ScriptedRequest,
  type ScriptedServer,
  scriptedServer,
  startedClient,
} from './support/scripted-server.js'

const answer: JsonRpcMessage = { jsonrpc: '2.0', id: 's1', result: { action: 'accept' } }
const isAnswer = ({ message }: ScriptedRequest): boolean =>
  message !== undefined && !('method' in message) && 'id' in message && message.id === 's1'
const answers = (server: ScriptedServer): ScriptedRequest[] => server.requests.filter(isAnswer)

/** How the server fails a response. */
const failures: Readonly<Record<string, (request: ScriptedRequest) => void>> = {
  'resets the connection': ({ response }) => response.socket?.resetAndDestroy(),
  'closes the connection': ({ response }) => response.socket?.destroy(),
  'closes the connection within the head': ({ response }) => response.socket?.end('HTTP/1.1 20'),
  'responds with 500': ({ response }) => response.writeHead(500).end(),
  'responds with 502': ({ response }) => response.writeHead(502).end(),
  'responds with 503': ({ response }) => response.writeHead(503).end(),
  'responds with 504': ({ response }) => response.writeHead(504).end('no upstream'),
  'responds with 408': ({ response }) => response.writeHead(408).end(),
  'responds with 425': ({ response }) => response.writeHead(425).end(),
  'responds with 429': ({ response }) => response.writeHead(429).end(),
}

/** Fails the first responses, and accepts the others. */
function failing(fail: (request: ScriptedRequest) => void, times: number): Script {
  let count = 0
  return (request) => {
    if (!isAnswer(request) || count++ >= times) return false
    fail(request)
    return true
  }
}

const options = { standaloneStream: false, reconnect: { firstDelayMs: 1, maxDelayMs: 1 } }

describe.each(Object.entries(failures))('a response where the server %s', (_what, fail) => {
  test('is sent again until the server accepts it', async () => {
    const server = await scriptedServer(failing(fail, 3))
    const client = await initializedClient(server, options)
    await client.transport.send(answer)
    expect(answers(server).map(({ body }) => body)).toEqual(Array(4).fill(JSON.stringify(answer)))
    expect(client.errors).toEqual([])
  })

  test.each([
    ['a notification', { jsonrpc: '2.0', method: 'notifications/x' }],
    ['a request', { jsonrpc: '2.0', id: 1, method: 'tools/call' }],
  ] as [string, JsonRpcMessage][])('is no reason to send %s again', async (_kind, message) => {
    let count = 0
    const server = await scriptedServer((request) => {
      if (request.body !== JSON.stringify(message)) return false
      count++
      fail(request)
      return true
    })
    const client = await initializedClient(server, options)
    // A request gets the refusal as its response.
    await client.transport.send(message).catch(() => {})
    await turns(50)
    expect(count).toBe(1)
  })
})

describe.each(engineKinds)('over $name', (engine) => {
  const ofEngine = () => ({ ...engine.chosenBy, ...engine.plain() }) as Partial<HttpClientOptions>

  test('a response is sent again after a reset and after 503', async () => {
    let count = 0
    const server = await scriptedServer((request) => {
      if (!isAnswer(request) || count++ > 1) return false
      if (count === 1) request.response.socket?.resetAndDestroy()
      else request.response.writeHead(503).end()
      return true
    })
    const client = await initializedClient(server, { ...options, ...ofEngine() })
    await client.transport.send(answer)
    expect(answers(server)).toHaveLength(3)
  })

  test('a response is sent over another connection after half of acceptTimeoutMs in silence', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(failing(() => {}, 1))
    const client = await initializedClient(server, {
      ...options,
      ...ofEngine(),
      clock,
      acceptTimeoutMs: 8_000,
    })
    const sending = client.transport.send(answer)
    await server.until(() => answers(server).length === 1, 'it arrived')
    const [first] = answers(server)
    await clock.advance(3_999)
    expect(answers(server)).toHaveLength(1)
    await clock.advance(1)
    await sending
    expect(answers(server)).toHaveLength(2)
    await server.until(() => first?.response.destroyed === true, 'the first connection is closed')
    expect(clock.pending).toBe(0)
  })

  test('a response is sent again once the server listens again', async () => {
    const port = await freePort()
    const bodies: string[] = []
    let server: Server | undefined
    const listen = () =>
      new Promise<void>((resolve) => {
        server = createServer((socket) => {
          socket.on('error', () => {})
          socket.on('data', (chunk) => {
            bodies.push(chunk.toString())
            socket.end('HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
          })
        }).listen(port, '127.0.0.1', resolve)
      })
    const clock = createFakeClock()
    const url = `http://127.0.0.1:${port}/mcp`
    const first = await scriptedServer()
    const client = await startedClient(
      { url, until: first.until },
      { ...ofEngine(), clock, acceptTimeoutMs: 10_000, random: () => 1 },
    )
    const sending = client.transport.send(answer)
    await first.until(() => clock.pending === 2, 'it is to be sent again')
    await listen()
    await clock.advance(1_000)
    await sending
    expect(bodies.join('')).toContain('accept')
    await new Promise((resolve) => server?.close(resolve))
  })
})

describe('sending a response again', () => {
  test('waits for the time in Retry-After', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      failing(({ response }) => response.writeHead(503, { 'retry-after': '3' }).end(), 1),
    )
    const client = await initializedClient(server, { ...options, clock, acceptTimeoutMs: 10_000 })
    const sending = client.transport.send(answer)
    await server.until(() => clock.pending === 2, 'it is to be sent again')
    await clock.advance(2_999)
    await turns(20)
    expect(answers(server)).toHaveLength(1)
    await clock.advance(1)
    await sending
    expect(answers(server)).toHaveLength(2)
  })

  test('does not wait for a Retry-After beyond acceptTimeoutMs', async () => {
    const server = await scriptedServer(
      failing(({ response }) => response.writeHead(503, { 'retry-after': '60' }).end(), 9),
    )
    const client = await initializedClient(server, options)
    await expect(client.transport.send(answer)).rejects.toMatchObject({
      code: 'REFUSED',
      details: { status: 503, retryAfterMs: 60_000 },
    })
    expect(answers(server)).toHaveLength(1)
  })

  test('ends after reconnect.maxAttempts, with the last failure', async () => {
    const server = await scriptedServer(failing(({ response }) => response.writeHead(503).end(), 99))
    const reconnect = { ...options.reconnect, maxAttempts: 4 }
    const client = await initializedClient(server, { ...options, reconnect })
    await expect(client.transport.send(answer)).rejects.toMatchObject({ code: 'REFUSED' })
    expect(answers(server)).toHaveLength(5)
  })

  test('ends after acceptTimeoutMs, with the number of attempts', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((request) => {
      if (!isAnswer(request)) return false
      if (answers(server).length === 1) request.response.writeHead(502).end()
      return true
    })
    const client = await initializedClient(server, { ...options, clock, acceptTimeoutMs: 10_000 })
    const outcome = client.transport.send(answer).catch((error) => error)
    await server.until(() => clock.pending === 2, 'it is to be sent again')
    await clock.advance(1)
    await server.until(() => answers(server).length === 2, 'it was sent again')
    await turns(20)
    await clock.advance(4_999)
    await server.until(() => answers(server).length === 3, 'it was sent again')
    await turns(20)
    await clock.advance(5_000)
    expect(await outcome).toMatchObject({
      code: 'SEND_FAILED',
      message: expect.stringMatching(/sent 3 times.*acceptTimeoutMs.*502/s),
      details: { delivery: 'unknown', option: 'acceptTimeoutMs' },
    })
    expect(clock.pending).toBe(0)
  })

  test('never reports that nothing was sent after an attempt that may have arrived', async () => {
    let isDown = false
    const server = await scriptedServer((request) => {
      if (!isAnswer(request)) return false
      isDown = true
      request.response.socket?.resetAndDestroy()
      return true
    })
    const fetch: typeof globalThis.fetch = (url, init) => {
      if (!isDown || init?.method !== 'POST') return globalThis.fetch(url, init)
      const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      return Promise.reject(new TypeError('fetch failed', { cause }))
    }
    const client = await initializedClient(server, { ...options, fetch })
    await expect(client.transport.send(answer)).rejects.toMatchObject({
      code: 'SEND_FAILED',
      details: { delivery: 'unknown' },
    })
  })

  test.each([
    ['400', 400],
    ['401', 401],
    ['403', 403],
    ['413', 413],
  ])('does not follow a refusal with %s', async (_status, status) => {
    const server = await scriptedServer(failing(({ response }) => response.writeHead(status).end(), 9))
    const client = await initializedClient(server, options)
    await expect(client.transport.send(answer)).rejects.toThrow(String(status))
    expect(answers(server)).toHaveLength(1)
  })

  test('ends with close()', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(failing(({ response }) => response.writeHead(503).end(), 9))
    const client = await initializedClient(server, { ...options, clock, acceptTimeoutMs: 10_000 })
    const outcome = client.transport.send(answer).catch((error) => error)
    await server.until(() => clock.pending === 2, 'it is to be sent again')
    await client.transport.close()
    expect(await outcome).toMatchObject({ code: 'CLOSED' })
    expect(clock.pending).toBe(0)
    expect(answers(server)).toHaveLength(1)
  })
})
