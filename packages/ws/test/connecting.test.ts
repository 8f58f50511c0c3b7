import type { Socket } from 'node:net'
import { refusedPort } from '@mcpwire/test-support/ports'
import { describe, expect, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { wsServer } from '../src/node/index.js'
import { plainServer, portOf } from './support/ports.js'
import { eventually, serving } from './support/serving.js'
import { hostCertificate } from './support/tls-tunnel.js'

function refusal(message: string): string {
  const body = JSON.stringify({ error: { message } })
  return `HTTP/1.1 403 x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

describe('start()', () => {
  test.each([
    ['does not speak HTTP', 'SSH-2.0-x\r\n', 'CONNECT_FAILED'],
    [
      'redirects',
      'HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n',
      'CONNECT_FAILED',
    ],
    ['does not switch protocols', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi', 'CONNECT_FAILED'],
    [
      'responds with the wrong key',
      'HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: AA==\r\n\r\n',
      'CONNECT_FAILED',
    ],
    ['refuses without a reason', 'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n', 'REFUSED'],
    [
      'requires another credential',
      'HTTP/1.1 401 x\r\nwww-authenticate: Bearer realm="a"\r\ncontent-length: 0\r\n\r\n',
      'AUTH_REQUIRED',
    ],
    ['refuses with an endless body', `HTTP/1.1 503 x\r\n\r\n${'x'.repeat(100_000)}`, 'REFUSED'],
    [
      'refuses with control characters',
      refusal(`\u001b[2J\u001b]0;x\u0007 a\nb ${'x'.repeat(3_000)}`),
      'REFUSED',
    ],
  ])('rejects and leaves no socket when the server %s', async (_, response, code) => {
    const sockets = new Set<Socket>()
    const server = await plainServer((socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      socket.once('data', () => socket.write(response))
    })
    const client = wsClient({ url: `ws://127.0.0.1:${server.port}/secret?token=hunter2` })
    const failure = await client.start().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code })
    expect(String(failure)).not.toContain('hunter2')
    expect(String(failure)).not.toMatch(/\p{Cc}/u)
    expect(String(failure).length).toBeLessThan(400)
    await eventually(() => sockets.size === 0, 'the end of the socket')
    await server.close()
  })

  test('rejects after connectTimeoutMs, and when the headers callback fails', async () => {
    const server = await plainServer((socket) => void socket.resume())
    const url = `ws://127.0.0.1:${server.port}/`
    await expect(wsClient({ url, connectTimeoutMs: 50 }).start()).rejects.toMatchObject({
      code: 'CONNECT_TIMEOUT',
    })
    const hangs = wsClient({ url, connectTimeoutMs: 50, headers: () => new Promise(() => {}) })
    await expect(hangs.start()).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' })
    const fails = wsClient({ url, headers: () => Promise.reject(new Error('no token')) })
    await expect(fails.start()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      details: { slot: 'headers' },
    })
    let failure: unknown
    try {
      wsClient({ url, headers: { 'x-token': 'hunter2\n' } })
    } catch (error) {
      failure = error
    }
    expect(failure).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'headers' } })
    expect(String(failure)).toMatch(/"x-token"/)
    expect(String(failure)).not.toContain('hunter2')
    await server.close()
  })
})

async function failureAt(url: string): Promise<unknown> {
  return await wsClient({ url })
    .start()
    .catch((error: unknown) => error)
}

describe('the error of start()', () => {
  test('has a hint when nothing listens', async () => {
    const failure = await failureAt(`ws://127.0.0.1:${await refusedPort()}/mcp`)
    const details = { option: 'url', hint: expect.stringContaining('the server is running') }
    expect(failure).toMatchObject({ code: 'CONNECT_FAILED', details })
  })

  test('has a hint when the host name is unknown', async () => {
    const failure = await failureAt('ws://nowhere.invalid:7000/mcp')
    const details = { option: 'url', hint: expect.stringContaining('check its spelling') }
    expect(failure).toMatchObject({ code: 'CONNECT_FAILED', details })
  })

  test('suggests ws:// for a server without TLS', async () => {
    await using server = await serving()
    const failure = await failureAt(`wss://127.0.0.1:${server.port}/mcp`)
    const details = { option: 'url', hint: expect.stringContaining('ws://') }
    expect(failure).toMatchObject({ code: 'CONNECT_FAILED', details })
  })

  test('suggests wss:// for a server that disconnects', async () => {
    await using server = await serving({ tls: hostCertificate })
    const failure = await failureAt(`ws://127.0.0.1:${server.port}/mcp`)
    const details = { option: 'url', hint: expect.stringContaining('wss://') }
    expect(failure).toMatchObject({ code: 'CONNECT_FAILED', details })
  })

  test('has no such hint for a wss: URL', async () => {
    const server = await plainServer((socket) => socket.once('data', () => socket.destroy()))
    const failure = await failureAt(`wss://127.0.0.1:${server.port}/mcp`)
    expect(failure).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(failure).not.toHaveProperty('details.hint')
    await server.close()
  })

  test('names the option of a port in use', async () => {
    await using server = await serving()
    const failure = await wsServer({ port: portOf(server.listener.address) })
      .start()
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'LISTEN_FAILED', details: { option: 'port' } })
  })
})
