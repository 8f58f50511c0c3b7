import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { isRequest } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type HttpClientOptions, httpClient } from '../src/index.js'
import { credentials } from './support/engine-kinds.js'
import { listenCounting } from './support/engine-server.js'
import { introducedClient, type Script, scriptedServer } from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }

/** What the first POST to that URL rejects with. */
async function refusalOf(url: string, options: Partial<HttpClientOptions> = {}): Promise<Error> {
  const transport = httpClient({ url, httpSse: false, ...options })
  onTestFinished(() => transport.close())
  await transport.start()
  return transport.send(note).then(
    () => new Error('it was sent'),
    (error: Error) => error,
  )
}

const answering =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = ''): Script =>
  ({ response }) => {
    response.writeHead(status, headers).end(body)
    return true
  }

interface Row {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly path?: string
  readonly options?: Partial<HttpClientOptions>
  readonly says: string
}

const auth = { token: () => 't0ken-s3cret' }
const refusal = (message: string): string =>
  JSON.stringify({ jsonrpc: '2.0', error: { code: -31_007, message } })
const page = '<!doctype html><html><head><title> Bad\n gateway </title></head><body>s3cret</body></html>'

describe('the error for a refusal says what it means', () => {
  const rows: Row[] = [
    { status: 401, says: 'it wants a credential (option auth, or headers)' },
    {
      status: 401,
      options: { auth },
      says: 'it does not take the credential (option auth)',
    },
    {
      status: 401,
      options: { auth: { token: () => undefined } },
      says: 'it wants a credential, and auth.token() yielded none',
    },
    {
      status: 401,
      options: { headers: { authorization: 'Bearer t0ken-s3cret' } },
      says: 'it does not take the credential (option headers)',
    },
    { status: 403, says: 'does not know this Host or Origin' },
    {
      status: 403,
      headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
      says: 'the token grants too little (insufficient_scope)',
    },
    { status: 404, path: '/api', says: 'is the path right (option url)? MCP servers mostly answer at /mcp' },
    { status: 404, path: '/', says: 'is the path right (option url)? MCP servers mostly answer at /mcp' },
    { status: 404, says: 'is the path right (option url)?' },
    { status: 405, says: 'is the path right (option url)?' },
    { status: 429, headers: { 'retry-after': '7' }, says: 'ask again in 7 s (Retry-After)' },
    { status: 503, headers: { 'retry-after': '2' }, says: 'ask again in 2 s (Retry-After)' },
    {
      status: 401,
      body: refusal('a token is required.'),
      says: 'status 401: a token is required; it wants a credential (option auth, or headers)',
    },
    {
      status: 401,
      body: 'no such token:\n t0ken-s3cret',
      options: { auth },
      says: 'status 401: no such token: …; it does not take the credential (option auth)',
    },
    {
      status: 401,
      body: refusal('a token is required'),
      options: { headers: { authorization: 'Bearer e' } },
      says: 'status 401: a token is required; it does not take the credential (option headers)',
    },
    {
      status: 401,
      body: refusal('Invalid API key provided: sk-s3cret-0123'),
      options: { headers: { 'X-API-Key': 'sk-s3cret-0123' } },
      says: 'status 401: Invalid API key provided: …; it wants a credential',
    },
    {
      status: 401,
      body: refusal('neither sk-s3cret-0123 nor sk-s3cret-01234'),
      options: { headers: () => ({ cookie: 'a=sk-s3cret-0123; b=sk-s3cret-01234' }) },
      says: 'status 401: neither … nor …; it wants a credential',
    },
    {
      status: 400,
      body: refusal('application/json is not what this wants'),
      says: 'status 400: application/json is not what this wants',
    },
    {
      status: 401,
      path: '/mcp?key=s3cret%2B0123',
      body: refusal('neither the key s3cret+0123 nor s3cret%2B0123'),
      says: 'status 401: neither the key … nor …; it wants a credential',
    },
    { status: 403, body: refusal('not \u001b[31myou'), says: 'status 403: not [31myou; it does not admit' },
    { status: 404, body: 'no POST /mcp?key=s3cret', says: 'status 404: no POST /mcp?…; is the path right' },
    {
      status: 503,
      headers: { 'retry-after': '5' },
      body: refusal('the server does not serve yet'),
      says: 'status 503: the server does not serve yet; ask again in 5 s (Retry-After)',
    },
    {
      status: 429,
      headers: { 'retry-after': '5' },
      body: refusal('x'.repeat(5_000)),
      says: `status 429: ${'x'.repeat(120)}…; ask again in 5 s (Retry-After)`,
    },
    {
      status: 422,
      body: JSON.stringify({ error: { message: 7 } }),
      says: 'status 422: {"error":{"message":7}}',
    },
    { status: 400, body: 'null', says: 'status 400: null' },
    {
      status: 302,
      headers: { location: '/new' },
      body: 'to /new?s3cret',
      says: 'status 302: it redirects to',
    },
    {
      status: 426,
      headers: { upgrade: 'websocket' },
      body: 'this is a WebSocket\n',
      says: 'status 426: this is a WebSocket; is wsClient meant, and ws:// in the option url?',
    },
    { status: 500, body: 'the database is\u0000 away', says: 'status 500: the database is away' },
    { status: 500, body: 'no: Bearer t0ken-s3cret ', says: 'status 500: no: Bearer …' },
    { status: 500, body: 'x'.repeat(5_000), says: `status 500: ${'x'.repeat(120)}…` },
    { status: 502, headers: { 'content-type': 'text/html' }, body: page, says: 'answered with status 502' },
    { status: 500, body: '<html>s3cret</html>', says: 'answered with status 500' },
    {
      status: 302,
      headers: { location: '/new?key=s3cret' },
      says: '/new; if that is right, make it the option url',
    },
    {
      status: 307,
      headers: { location: 'https://user:s3cret@elsewhere.test/mcp?key=s3cret#s3cret' },
      says: 'it redirects to https://elsewhere.test/mcp; if that is right, make it the option url',
    },
    {
      status: 307,
      headers: { location: 'data:text/plain,s3cret' },
      says: 'it redirects to data:; if that is right',
    },
    {
      status: 308,
      headers: { location: '/mcp' },
      says: 'it redirects to http://127.0.0.1',
    },
    { status: 307, says: 'it redirects without saying where' },
    { status: 307, headers: { location: 'http://' }, says: 'it redirects without saying where' },
  ]

  test.each(rows)('$status $path $headers $says', async ({ status, headers, body, path, options, says }) => {
    const server = await scriptedServer(answering(status, headers, body))
    const to = new URL(path ?? '/mcp', server.url)
    const url = to.search === '' ? `${to.href}?key=s3cret` : to.href
    const error = await refusalOf(url, options)
    expect(error.message).toContain(says)
    expect(error.message).toContain(
      `${new URL(url).origin}${new URL(url).pathname} answered with status ${status}`,
    )
    expect(JSON.stringify([error.message, error])).not.toContain('s3cret')
    expect(error.message.length).toBeLessThan(300)
  })

  test('also where HTTP+SSE was tried in vain', async () => {
    const server = await scriptedServer(answering(404))
    const transport = httpClient({ url: new URL('/api', server.url) })
    onTestFinished(() => transport.close())
    await transport.start()
    const error: Error = await transport
      .send({ jsonrpc: '2.0', id: 0, method: 'initialize' })
      .catch((reason) => reason)
    expect(error).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(error.message).toContain('status 404: is the path right (option url)?')
  })
})

describe('the error for what never arrived says what to look at', () => {
  test('where nothing listens', async () => {
    const error = await refusalOf('http://127.0.0.1:1/mcp?key=s3cret')
    expect(error.message).toMatch(
      /^cannot send to http:\/\/127\.0\.0\.1:1\/mcp: .*ECONNREFUSED.*; is it running, and the port right/,
    )
    expect(error).toMatchObject({ details: { delivery: 'none' }, cause: { code: 'ECONNREFUSED' } })
  })

  test.each(['initialize', 'server/discover'])('where nothing listens for the first %s', async (method) => {
    const transport = httpClient({ url: 'http://127.0.0.1:1/mcp' })
    onTestFinished(() => transport.close())
    await transport.start()
    const error: Error = await transport.send({ jsonrpc: '2.0', id: 0, method }).catch((reason) => reason)
    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      details: { address: 'http://127.0.0.1:1/mcp' },
      cause: { code: 'ECONNREFUSED' },
    })
    expect(error.message).toMatch(
      /^cannot connect to http:\/\/127\.0\.0\.1:1\/mcp: .*ECONNREFUSED.*; is it running, and the port right/,
    )
  })

  test('where no host has that name', async () => {
    const error = await refusalOf('http://nowhere.invalid/mcp')
    expect(error.message).toMatch(/nowhere\.invalid.*is that host right, or behind a proxy/)
    expect(error).toMatchObject({ details: { delivery: 'none' } })
  })

  test('where the certificate is nobody’s we know', async () => {
    const { cert, key } = credentials.server
    await using server = await listenCounting(createTlsServer({ cert, key }))
    const error = await refusalOf(`https://127.0.0.1:${server.port}/mcp`)
    expect(error.message).toMatch(/not in option "tls\.ca"/)
    expect(error).toMatchObject({ details: { delivery: 'none' } })
  })

  test('where TLS is spoken to a server without it', async () => {
    await using server = await listenCounting(createServer())
    const error = await refusalOf(`https://127.0.0.1:${server.port}/mcp`)
    expect(error.message).toContain('it does not speak TLS; is the option url to start with http://?')
  })

  const ALERT = Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46])

  test.each([
    ['hangs up', {}, (socket: Socket) => socket.end()],
    ['hangs up', { fetch: globalThis.fetch }, (socket: Socket) => socket.end()],
    ['says so', {}, (socket: Socket) => socket.end(ALERT)],
    ['says so', { fetch: globalThis.fetch }, (socket: Socket) => socket.end(ALERT)],
  ])('where TLS is not spoken to a server that then %s: %o', async (_, options, conduct) => {
    await using server = await listenCounting(
      createTcpServer((socket) => socket.once('data', () => conduct(socket))),
    )
    const error = await refusalOf(`http://127.0.0.1:${server.port}/mcp`, options)
    expect(error.message).toMatch(/; is the option url to start with https:\/\/\?$/)
    expect(error).toMatchObject({ code: 'SEND_FAILED', details: { delivery: 'unknown' } })
  })

  test('where TLS is not spoken to a server of Node with it', async () => {
    const { cert, key } = credentials.server
    await using server = await listenCounting(createTlsServer({ cert, key }))
    const error = await refusalOf(`http://127.0.0.1:${server.port}/mcp`)
    expect(error.message).toContain('; is the option url to start with https://?')
  })

  test('where a server hangs up that has answered before, or speaks TLS', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      response.destroy()
      return true
    })
    const client = await introducedClient(server, { standaloneStream: false })
    const error: Error = await client.transport.send(call).catch((reason) => reason)
    expect(error.message).toMatch(/before the answer was complete$/)
    const { cert, key } = credentials.server
    await using secure = await listenCounting(
      createTlsServer({ cert, key }, ({ socket }) => socket.destroy()),
    )
    const tls = { ca: credentials.ca }
    expect((await refusalOf(`https://127.0.0.1:${secure.port}/mcp`, { tls })).message).toMatch(
      /before the answer was complete$/,
    )
  })

  test('where what answers is something else', async () => {
    await using server = await listenCounting(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')))
    const error = await refusalOf(`http://127.0.0.1:${server.port}/mcp`)
    expect(error.message).toContain('does not match the HTTP/1.1 protocol')
  })
})

describe('headers that cannot be sent are named', () => {
  test.each([
    [{ 'x-a b': 's3cret' }, '"x-a b" is no name'],
    [{ fine: 'yes', 'x-key': 's3cret\r\n' }, 'the value of "x-key" has characters that cannot be sent'],
    [{ 'x-key': 7 }, 'the value of "x-key" is no text'],
  ])('%o', async (headers, says) => {
    const given = headers as unknown as Record<string, string>
    expect(() => httpClient({ url: 'http://127.0.0.1:1/mcp', headers: given })).toThrow(says)
    const error = await refusalOf('http://127.0.0.1:1/mcp', { headers: () => given })
    expect(error).toMatchObject({ code: 'CALLBACK_FAILED', message: expect.stringContaining(says) })
    expect(error.message).not.toContain('s3cret')
  })
})

describe('the stream for messages that belong to no request, once it is given up', () => {
  const what = 'the stream for messages that belong to no request, which do not arrive without it'

  async function lostBy(get: Script): Promise<readonly Error[]> {
    const server = await scriptedServer((asked, of) => asked.method === 'GET' && get(asked, of))
    const client = await introducedClient(server, {
      reconnect: { maxAttempts: 2, firstDelayMs: 1 },
      minRetryMs: 0,
    })
    await expect.poll(() => client.errors.length).toBe(1)
    await client.transport.send(call)
    await client.answerTo(1)
    expect(client.transport.state).toBe('open')
    return client.errors
  }

  test('is told of once, with the option and what it means', async () => {
    const errors = await lostBy(answering(502))
    expect(errors).toMatchObject([{ code: 'RECONNECT_EXHAUSTED', details: { attempts: 2 } }])
    expect(errors[0]?.message).toContain(`did not give back ${what}`)
    expect(errors[0]?.message).toContain('2 attempts in a row were of no use (reconnect.maxAttempts)')
  })

  test('is told of where the server refuses it', async () => {
    const errors = await lostBy(answering(403))
    expect(errors).toMatchObject([{ code: 'REFUSED', details: { status: 403 } }])
    expect(errors[0]?.message).toContain(`answered with status 403 when asked for ${what}: `)
  })
})

test('a request that is refused by its server’s own words shows those to its caller', async () => {
  const error = { code: -32_000, message: 'why' }
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(400).end(JSON.stringify({ jsonrpc: '2.0', id: 1, error }))
    return true
  })
  const client = await introducedClient(server)
  await client.transport.send(call)
  expect(await client.answerTo(1)).toMatchObject({ error })
})
