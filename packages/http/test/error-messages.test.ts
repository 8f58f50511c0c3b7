// The texts of errors of the client, in one place. Other tests assert codes, options and hints.
import { expect, onTestFinished, test } from 'vitest'
import { type HttpClientOptions, httpClient } from '../src/index.js'
import { initializedClient, type Script, scriptedServer } from './support/scripted-server.js'

const URL_OF_NOTHING = 'http://127.0.0.1:1/mcp'
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }
const initialize = { jsonrpc: '2.0' as const, id: 0, method: 'initialize' }
const auth = { token: () => 't0ken-s3cret' }
interface Refusal {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly path?: string
  readonly options?: Partial<HttpClientOptions>
}

function refusing({ status, headers = {}, body = '' }: Refusal): Script {
  return ({ response }) => {
    response.writeHead(status, headers).end(body)
    return true
  }
}

const errorOf = (message: string) => ({ jsonrpc: '2.0', error: { code: -31_007, message } })
const jsonRpcError = (message: string): string => JSON.stringify(errorOf(message))

/** The text without the port, which differs from run to run. */
function textOf({ message }: Error): string {
  return message.replaceAll(/127\.0\.0\.1:\d{2,5}/g, 'HOST')
}

async function rejectionOf(
  url: string,
  options: Partial<HttpClientOptions> = {},
  message: Parameters<ReturnType<typeof httpClient>['send']>[0] = note,
): Promise<Error> {
  const transport = httpClient({ url, httpSse: false, ...options })
  onTestFinished(() => transport.close())
  await transport.start()
  return transport.send(message).then(
    () => new Error('it was sent'),
    (error: Error) => error,
  )
}

async function textsOf(refusals: Readonly<Record<string, Refusal>>): Promise<Record<string, string>> {
  const texts: Record<string, string> = {}
  for (const [name, refusal] of Object.entries(refusals)) {
    const server = await scriptedServer(refusing(refusal))
    const target = new URL(refusal.path ?? '/mcp', server.url)
    const url = target.search === '' ? `${target.href}?key=s3cret` : target.href
    const error = await rejectionOf(url, refusal.options)
    expect(JSON.stringify([error.message, error])).not.toContain('s3cret')
    expect(error.message.length).toBeLessThan(300)
    texts[name] = textOf(error)
  }
  return texts
}

test('describes refusals by status and hint', async () => {
  expect(
    await textsOf({
      '401 without a credential': { status: 401 },
      '401 with option auth': { status: 401, options: { auth } },
      '401 with option auth and no token': { status: 401, options: { auth: { token: () => undefined } } },
      '401 with option headers': {
        status: 401,
        options: { headers: { authorization: 'Bearer t0ken-s3cret' } },
      },
      '403': { status: 403 },
      '403 for a scope': {
        status: 403,
        headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
      },
      '404': { status: 404 },
      '404 at another path': { status: 404, path: '/api' },
      '405': { status: 405 },
      '426': { status: 426, headers: { upgrade: 'websocket' }, body: 'this is a WebSocket\n' },
      '429': { status: 429, headers: { 'retry-after': '7' } },
      '500': { status: 500, body: 'the database is\u0000 away' },
      '503': { status: 503, headers: { 'retry-after': '2' }, body: jsonRpcError('not ready.') },
    }),
  ).toMatchInlineSnapshot(`
    {
      "401 with option auth": "http://HOST/mcp responded with status 401; the credential in option "auth" was rejected",
      "401 with option auth and no token": "http://HOST/mcp responded with status 401; authentication required: auth.token() returned no token",
      "401 with option headers": "http://HOST/mcp responded with status 401; the credential in option "headers" was rejected",
      "401 without a credential": "http://HOST/mcp responded with status 401; authentication required: use option "auth" or option "headers"",
      "403": "http://HOST/mcp responded with status 403; check that the server accepts this client, its Host header and its Origin header",
      "403 for a scope": "http://HOST/mcp responded with status 403; the token lacks a scope (insufficient_scope)",
      "404": "http://HOST/mcp responded with status 404; check the path in option "url"",
      "404 at another path": "http://HOST/api responded with status 404; check the path in option "url": most MCP servers use /mcp",
      "405": "http://HOST/mcp responded with status 405; check the path in option "url"",
      "426": "http://HOST/mcp responded with status 426: this is a WebSocket; use wsClient, with ws:// in option "url"",
      "429": "http://HOST/mcp responded with status 429; retry in 7 s (Retry-After)",
      "500": "http://HOST/mcp responded with status 500: the database is away",
      "503": "http://HOST/mcp responded with status 503: not ready; retry in 2 s (Retry-After)",
    }
  `)
})

test('describes redirects that are not followed, without secrets', async () => {
  expect(
    await textsOf({
      'within the origin': { status: 302, headers: { location: '/new?key=s3cret' }, body: 'to /new?s3cret' },
      'to itself': { status: 308, headers: { location: '/mcp' } },
      'to another origin': {
        status: 307,
        headers: { location: 'https://user:s3cret@elsewhere.test/mcp?key=s3cret#s3cret' },
      },
      'to data': { status: 307, headers: { location: 'data:text/plain,s3cret' } },
      'without a target': { status: 307 },
      'to an invalid target': { status: 307, headers: { location: 'http://' } },
    }),
  ).toMatchInlineSnapshot(`
    {
      "to an invalid target": "http://HOST/mcp responded with status 307; the server redirects without a valid target",
      "to another origin": "http://HOST/mcp responded with status 307; this redirect is not followed: if the target is correct, set option "url" to https://elsewhere.test/mcp",
      "to data": "http://HOST/mcp responded with status 307; this redirect is not followed: if the target is correct, set option "url" to data:",
      "to itself": "http://HOST/mcp responded with status 308; this redirect is not followed: if the target is correct, set option "url" to http://HOST/mcp",
      "within the origin": "http://HOST/mcp responded with status 302; this redirect is not followed: if the target is correct, set option "url" to http://HOST/new",
      "without a target": "http://HOST/mcp responded with status 307; the server redirects without a valid target",
    }
  `)
})

test('quotes the text of the server without secrets, control characters or HTML', async () => {
  const key = 'sk-s3cret-0123'
  const page = '<!doctype html><html><head><title> Bad\n gateway </title></head><body>s3cret</body></html>'
  expect(
    await textsOf({
      'a token': { status: 401, body: 'no such token:\n t0ken-s3cret', options: { auth } },
      'a short token': {
        status: 401,
        body: jsonRpcError('a token is required'),
        options: { headers: { authorization: 'Bearer e' } },
      },
      'a key in a header': {
        status: 401,
        body: jsonRpcError(`invalid API key: ${key}`),
        options: { headers: { 'X-API-Key': key } },
      },
      'keys in a cookie': {
        status: 401,
        body: jsonRpcError(`neither ${key} nor ${key}4`),
        options: { headers: () => ({ cookie: `a=${key}; b=${key}4` }) },
      },
      'a key in the query': {
        status: 401,
        path: '/mcp?key=s3cret%2B0123',
        body: jsonRpcError('neither the key s3cret+0123 nor s3cret%2B0123'),
      },
      'the query': { status: 404, body: 'no POST /mcp?key=s3cret' },
      'a credential': { status: 500, body: 'no: Bearer t0ken-s3cret ' },
      'a public header': { status: 400, body: jsonRpcError('application/json is not accepted') },
      'a control character': { status: 403, body: jsonRpcError('not \u001b[31myou') },
      'no JSON-RPC error': { status: 422, body: JSON.stringify({ error: { message: 7 } }) },
      null: { status: 400, body: 'null' },
      'a long text': { status: 500, body: 'x'.repeat(5_000) },
      'a page': { status: 502, headers: { 'content-type': 'text/html' }, body: page },
      'a page without a doctype': { status: 500, body: '<html>s3cret</html>' },
    }),
  ).toMatchInlineSnapshot(`
    {
      "a control character": "http://HOST/mcp responded with status 403: not [31myou; check that the server accepts this client, its Host header and its Origin header",
      "a credential": "http://HOST/mcp responded with status 500: no: Bearer …",
      "a key in a header": "http://HOST/mcp responded with status 401: invalid API key: …; authentication required: use option "auth" or option "headers"",
      "a key in the query": "http://HOST/mcp responded with status 401: neither the key … nor …; authentication required: use option "auth" or option "headers"",
      "a long text": "http://HOST/mcp responded with status 500: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…",
      "a page": "http://HOST/mcp responded with status 502: a page with the title "Bad gateway"; a gateway has no valid response from the server behind it: check that the server behind it is running",
      "a page without a doctype": "http://HOST/mcp responded with status 500",
      "a public header": "http://HOST/mcp responded with status 400: application/json is not accepted",
      "a short token": "http://HOST/mcp responded with status 401: a token is required; the credential in option "headers" was rejected",
      "a token": "http://HOST/mcp responded with status 401: no such token: …; the credential in option "auth" was rejected",
      "keys in a cookie": "http://HOST/mcp responded with status 401: neither … nor …; authentication required: use option "auth" or option "headers"",
      "no JSON-RPC error": "http://HOST/mcp responded with status 422: {"error":{"message":7}}",
      "null": "http://HOST/mcp responded with status 400: null",
      "the query": "http://HOST/mcp responded with status 404: no POST /mcp?…; check the path in option "url"",
    }
  `)
})

test('describes a server that supports neither transport', async () => {
  const server = await scriptedServer(refusing({ status: 404 }))
  const url = new URL('/api', server.url).href
  expect(textOf(await rejectionOf(url, { httpSse: true }, initialize))).toMatchInlineSnapshot(
    `"http://HOST/api refused Streamable HTTP with status 404; HTTP+SSE failed: http://HOST/api responded with status 404; check the path in option "url": most MCP servers use /mcp"`,
  )
})

test('describes a server that cannot be reached', async () => {
  expect({
    first: textOf(await rejectionOf(URL_OF_NOTHING, {}, initialize)),
    later: textOf(await rejectionOf(URL_OF_NOTHING)),
  }).toMatchInlineSnapshot(`
    {
      "first": "cannot connect to http://127.0.0.1:1/mcp: connect ECONNREFUSED 127.0.0.1:1; check that the server is running and that the port is correct",
      "later": "cannot send to http://127.0.0.1:1/mcp: connect ECONNREFUSED 127.0.0.1:1; check that the server is running and that the port is correct",
    }
  `)
})

test('describes headers that cannot be sent, without their values', async () => {
  const texts: Record<string, string> = {}
  const invalid: Readonly<Record<string, unknown>> = {
    name: { 'x-a b': 's3cret' },
    'line end': { 'x-key': 's3cret\r\n' },
    type: { 'x-key': 7 },
  }
  for (const [name, headers] of Object.entries(invalid)) {
    const error = await rejectionOf(URL_OF_NOTHING, { headers: () => headers as Record<string, string> })
    expect(error.message).not.toContain('s3cret')
    texts[name] = error.message
  }
  expect(texts).toMatchInlineSnapshot(`
    {
      "line end": "headers() failed: it must return headers by name or as pairs; the value of "x-key" has invalid characters",
      "name": "headers() failed: it must return headers by name or as pairs; "x-a b" is no header name",
      "type": "headers() failed: it must return headers by name or as pairs; the value of "x-key" is no string",
    }
  `)
})

test('describes a lost stream and a lost session', async () => {
  let isLost = false
  const server = await scriptedServer(({ method, message, response }) => {
    if (method === 'GET') response.writeHead(502).end()
    else if (isLost && message && 'method' in message && message.method === note.method)
      response.writeHead(404).end()
    else return false
    return true
  })
  const client = await initializedClient(server, { reconnect: { maxAttempts: 2 }, random: () => 0 })
  await expect.poll(() => client.errors.length).toBe(1)
  isLost = true
  const error: Error = await client.transport.send(note).catch((reason) => reason)
  const stream = client.errors[0] as Error
  expect({ stream: textOf(stream), session: textOf(error) }).toMatchInlineSnapshot(`
    {
      "session": "http://HOST/mcp no longer knows the session, and it lost the new session at once",
      "stream": "http://HOST/mcp did not reopen the stream for messages that belong to no request: gave up after 2 failed attempts (reconnect.maxAttempts); the last: http://HOST/mcp responded with status 502 to the request for the stream for messages that belong to no request; a gateway has no valid response from the server behind it: check that the server behind it is running",
    }
  `)
})

test('describes options that cannot work', () => {
  const textFor = (options: Partial<HttpClientOptions>): string => {
    try {
      httpClient({ url: 'https://127.0.0.1/mcp', ...options })
    } catch (error) {
      return (error as Error).message
    }
    return 'accepted'
  }
  expect({
    url: textFor({ url: 'ftp://127.0.0.1' }),
    credentials: textFor({ url: 'http://user:secret@127.0.0.1' }),
    tls: textFor({ url: 'http://127.0.0.1', tls: {} }),
    'tls beside fetch': textFor({ fetch: globalThis.fetch, tls: {} }),
    auth: textFor({ auth: {} as never }),
    headers: textFor({ headers: 'x' as never }),
    proxy: textFor({ proxy: 'nowhere' }),
    maxSockets: textFor({ maxSockets: 2 }),
    maxRetryMs: textFor({ maxRetryMs: 50 }),
  }).toMatchInlineSnapshot(`
    {
      "auth": "option "auth" must be an object with a function "token"",
      "credentials": "option "url" must not contain credentials: use option "headers"",
      "headers": "option "headers" must be a function, or headers by name or as pairs",
      "maxRetryMs": "option "maxRetryMs" must be a number of at least 100; received 50",
      "maxSockets": "option "maxSockets" must be a number of at least 3; received 2",
      "proxy": "option "proxy" must be the URL of a proxy",
      "tls": "option "tls" requires an https: URL",
      "tls beside fetch": "option "tls" cannot be combined with option "fetch", which makes the connections",
      "url": "option "url" must be a URL that starts with http:// or https://, not ftp:",
    }
  `)
})
