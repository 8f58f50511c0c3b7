import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { isRequest } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type HttpClientOptions, httpClient } from '../src/index.js'
import { credentials } from './support/engine-kinds.js'
import { listenCounting } from './support/engine-server.js'
import { initializedClient, type Script, scriptedServer } from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }

/** The rejection of the first POST to that URL. */
async function rejectionOf(url: string, options: Partial<HttpClientOptions> = {}): Promise<Error> {
  const transport = httpClient({ url, httpSse: false, ...options })
  onTestFinished(() => transport.close())
  await transport.start()
  return transport.send(note).then(
    () => new Error('it was sent'),
    (error: Error) => error,
  )
}

const refusing =
  (status: number, headers: Readonly<Record<string, string>> = {}): Script =>
  ({ response }) => {
    response.writeHead(status, headers).end()
    return true
  }

const hinting = (hint: string, option?: string) => ({
  details: { hint: expect.stringContaining(hint), ...(option !== undefined && { option }) },
})

describe('the error for a refusal', () => {
  test.each([
    [401, {}, {}, 'authentication required', 'auth'],
    [401, {}, { auth: { token: (): string => 't' } }, 'was rejected', 'auth'],
    [401, {}, { auth: { token: (): undefined => undefined } }, 'auth.token()', 'auth'],
    [401, {}, { headers: { authorization: 'Bearer t' } }, 'was rejected', 'headers'],
    [403, {}, {}, 'Origin', undefined],
    [403, { 'www-authenticate': 'Bearer error="insufficient_scope"' }, {}, 'scope', 'auth'],
    [404, {}, {}, 'path', 'url'],
    [405, {}, {}, 'path', 'url'],
    [426, { upgrade: 'websocket' }, {}, 'wsClient', 'url'],
    [307, { location: 'https://elsewhere.test/mcp' }, {}, 'https://elsewhere.test/mcp', 'url'],
    [429, { 'retry-after': '7' }, {}, '7 s', undefined],
    [503, { 'retry-after': '2' }, {}, '2 s', undefined],
    [502, {}, {}, 'gateway', undefined],
    [503, {}, {}, 'retry later', undefined],
    [504, {}, {}, 'gateway', undefined],
  ] as const)('has a hint for %d with %o and %o', async (status, headers, options, hint, option) => {
    const server = await scriptedServer(refusing(status, headers))
    const error = await rejectionOf(server.url, options as Partial<HttpClientOptions>)
    expect(error).toMatchObject(hinting(hint, option))
    expect(error.message).toContain((error as unknown as { details: { hint: string } }).details.hint)
  })

  test.each([400, 422, 500])('has no hint for %d', async (status) => {
    const server = await scriptedServer(refusing(status))
    expect(await rejectionOf(server.url)).not.toHaveProperty('details.hint')
  })

  test('has a hint where HTTP+SSE is refused as well', async () => {
    const server = await scriptedServer(refusing(404))
    const transport = httpClient({ url: new URL('/api', server.url) })
    onTestFinished(() => transport.close())
    await transport.start()
    const sending = transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize' })
    await expect(sending).rejects.toMatchObject({ code: 'CONNECT_FAILED', ...hinting('path', 'url') })
  })
})

describe('the error for a request that reached no server', () => {
  test('has a hint where nothing listens', async () => {
    const error = await rejectionOf('http://127.0.0.1:1/mcp?key=s3cret')
    expect(error).toMatchObject({ code: 'SEND_FAILED', ...hinting('port') })
    expect(error).toMatchObject({ details: { delivery: 'none' }, cause: { code: 'ECONNREFUSED' } })
    expect(error.message).not.toContain('s3cret')
  })

  test.each(['initialize', 'server/discover'])('is CONNECT_FAILED for the first %s', async (method) => {
    const transport = httpClient({ url: 'http://127.0.0.1:1/mcp' })
    onTestFinished(() => transport.close())
    await transport.start()
    const error: Error = await transport.send({ jsonrpc: '2.0', id: 0, method }).catch((reason) => reason)
    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      details: { address: 'http://127.0.0.1:1/mcp' },
      cause: { code: 'ECONNREFUSED' },
    })
    expect(error).toMatchObject(hinting('port'))
  })

  test('has a hint where the host has no address', async () => {
    const error = await rejectionOf('http://nowhere.invalid/mcp')
    expect(error).toMatchObject(hinting('proxy', 'url'))
    expect(error).toMatchObject({ details: { delivery: 'none' } })
  })

  test('names option tls.ca where the authority is unknown', async () => {
    const { cert, key } = credentials.server
    await using server = await listenCounting(createTlsServer({ cert, key }))
    const error = await rejectionOf(`https://127.0.0.1:${server.port}/mcp`)
    expect(error.message).toContain('tls.ca')
    expect(error).toMatchObject({ details: { delivery: 'none' } })
  })

  test('has a hint where the server does not speak TLS', async () => {
    await using server = await listenCounting(createServer())
    const error = await rejectionOf(`https://127.0.0.1:${server.port}/mcp`)
    expect(error).toMatchObject(hinting('http://', 'url'))
  })

  const ALERT = Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46])

  test.each([
    ['closes the connection', {}, (socket: Socket) => socket.end()],
    ['closes the connection', { fetch: globalThis.fetch }, (socket: Socket) => socket.end()],
    ['sends an alert', {}, (socket: Socket) => socket.end(ALERT)],
    ['sends an alert', { fetch: globalThis.fetch }, (socket: Socket) => socket.end(ALERT)],
  ])('has a hint where a TLS server %s with %o', async (_, options, behaviour) => {
    await using server = await listenCounting(
      createTcpServer((socket) => socket.once('data', () => behaviour(socket))),
    )
    const error = await rejectionOf(`http://127.0.0.1:${server.port}/mcp`, options)
    expect(error).toMatchObject(hinting('https://', 'url'))
    expect(error).toMatchObject({ code: 'SEND_FAILED', details: { delivery: 'unknown' } })
  })

  test('has a hint where a TLS server of Node closes the connection', async () => {
    const { cert, key } = credentials.server
    await using server = await listenCounting(createTlsServer({ cert, key }))
    const error = await rejectionOf(`http://127.0.0.1:${server.port}/mcp`)
    expect(error).toMatchObject(hinting('https://', 'url'))
  })

  test('has no hint where a server closes the connection after a response, or after a TLS handshake', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      response.destroy()
      return true
    })
    const client = await initializedClient(server, { standaloneStream: false })
    const error: Error = await client.transport.send(call).catch((reason) => reason)
    expect(error).not.toHaveProperty('details.hint')
    const { cert, key } = credentials.server
    await using secure = await listenCounting(
      createTlsServer({ cert, key }, ({ socket }) => socket.destroy()),
    )
    const tls = { ca: credentials.ca }
    const closed = await rejectionOf(`https://127.0.0.1:${secure.port}/mcp`, { tls })
    expect(closed).not.toHaveProperty('details.hint')
  })

  test('reports that the response is no HTTP', async () => {
    await using server = await listenCounting(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')))
    const error = await rejectionOf(`http://127.0.0.1:${server.port}/mcp`)
    expect(error.message).toContain('does not match the HTTP/1.1 protocol')
  })
})

describe('the loss of the stream for messages that belong to no request', () => {
  async function errorsAfter(get: Script): Promise<readonly Error[]> {
    const server = await scriptedServer((request, of) => request.method === 'GET' && get(request, of))
    const client = await initializedClient(server, {
      reconnect: { maxAttempts: 2, firstDelayMs: 1 },
      minRetryMs: 0,
    })
    await expect.poll(() => client.errors.length).toBe(1)
    await client.transport.send(call)
    await client.responseTo(1)
    expect(client.transport.state).toBe('open')
    return client.errors
  }

  test('is reported once, with the option', async () => {
    const errors = await errorsAfter(refusing(502))
    const details = { attempts: 2, option: 'reconnect.maxAttempts' }
    expect(errors).toMatchObject([{ code: 'RECONNECT_EXHAUSTED', details }])
  })

  test('is reported where the server refuses it', async () => {
    const errors = await errorsAfter(refusing(403))
    expect(errors).toMatchObject([{ code: 'REFUSED', details: { status: 403 } }])
  })
})

test('a request refused with a JSON-RPC error gets that error', async () => {
  const error = { code: -32_000, message: 'why' }
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(400).end(JSON.stringify({ jsonrpc: '2.0', id: 1, error }))
    return true
  })
  const client = await initializedClient(server)
  await client.transport.send(call)
  expect(await client.responseTo(1)).toMatchObject({ error })
})
