// The reason of a failure reaches the caller: connect(), send(), the JSON-RPC error and `closed`.

import { errorDataOf, isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type HttpClientOptions, httpClient } from '../src/index.js'
import {
  initializedClient,
  json,
  type Script,
  type ScriptedRequest,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const info = { name: 'c', version: '1' }
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }

interface Answer {
  readonly status?: number
  readonly type?: string | undefined
  readonly body?: string
}

function responding({ status = 200, type, body = '' }: Answer): Script {
  return ({ method, response }) => {
    if (method !== 'POST') return false
    response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(body)
    return true
  }
}

/** Responds to tool calls only. */
function toCalls(script: (request: ScriptedRequest) => void): Script {
  return (request) => {
    if (!request.message || !isRequest(request.message) || request.message.method !== 'tools/call')
      return false
    script(request)
    return true
  }
}

const toCall = (answer: Answer): Script =>
  toCalls((request) => void responding(answer)(request, undefined as never))

const problem = 'application/problem+json'
const rpcError = (id: unknown, message = 'bad') => ({ jsonrpc: '2.0', id, error: { code: -32_700, message } })

const clients = {
  'the SDK v1': () => new ClientV1(info),
  'the SDK v2': () => new Client(info),
  'the SDK v2 in mode auto': () => new Client(info, { versionNegotiation: { mode: 'auto' } }),
}

/** Responses to the first request, and fragments of the error that connect() throws. */
const openings: [what: string, answer: Answer, ...fragments: string[]][] = [
  [
    'a login page',
    { type: 'text/html; charset=utf-8', body: '<html><title>Sign in</title></html>' },
    'status 200',
    'text/html',
    'Sign in',
    'login page',
    'option "url"',
  ],
  ['a text', { type: 'text/plain', body: 'hello\nthere' }, 'status 200', 'text/plain', 'hello'],
  ['no content type', { body: 'hello' }, 'status 200', 'no content type', 'hello'],
  ['an image', { type: 'image/png', body: '\x89PNG' }, 'status 200', 'image/png'],
  ['201 and XML', { status: 201, type: 'application/xml', body: '<a/>' }, 'status 201', 'application/xml'],
  ['no body', { status: 204 }, 'status 204'],
  ['invalid JSON', { type: 'application/json', body: '{"jsonrpc"' }, 'not JSON'],
  [
    'JSON of another kind',
    { type: 'application/json', body: '{"ok":true}' },
    'without its JSON-RPC response',
  ],
  ['an empty body', { type: 'application/json' }, 'without its JSON-RPC response'],
  ['an empty stream', { type: 'text/event-stream' }, 'ended before its response'],
  [
    '400 and a text',
    { status: 400, type: 'text/plain', body: 'no such tenant\nx' },
    'status 400',
    'no such tenant',
  ],
  [
    '400 and a problem',
    { status: 400, type: problem, body: '{"title":"Bad tenant","detail":"acme is unknown","status":400}' },
    'status 400',
    'Bad tenant: acme is unknown',
  ],
  ['401', { status: 401 }, 'status 401', 'authentication required'],
  [
    '402 and a message',
    { status: 402, type: 'application/json', body: '{"message":"pay first"}' },
    'pay first',
  ],
  [
    '403 and a page',
    { status: 403, type: 'text/html', body: '<title>Blocked</title>' },
    'status 403',
    'Blocked',
  ],
  ['404', { status: 404 }, 'status 404', 'check the path'],
  ['500 and a text', { status: 500, type: 'text/plain', body: 'no database' }, 'status 500', 'no database'],
  ['502 and a page', { status: 502, type: 'text/html', body: '<html></html>' }, 'status 502', 'gateway'],
  ['503', { status: 503 }, 'status 503', 'retry later'],
  ['504', { status: 504 }, 'status 504', 'gateway'],
  ['an error without an id', { type: 'application/json', body: JSON.stringify(rpcError(null)) }, 'bad'],
]

describe.each(Object.entries(clients))('connect() of %s', (_sdk, newClient) => {
  test.each(openings)(
    'throws the reason after %s, and `closed` has one',
    async (_what, answer, ...fragments) => {
      const server = await scriptedServer(responding(answer))
      const transport = httpClient({ url: `${server.url}?key=s3cret-key` })
      onTestFinished(() => transport.close())
      const error: Error = await (newClient() as Client).connect(transport).then(
        () => new Error('connected'),
        (reason) => reason,
      )
      for (const fragment of fragments) expect(error.message).toContain(fragment)
      if (!error.message.includes('bad')) expect(error.message).toContain(server.url)
      expect(JSON.stringify([error.message, error])).not.toContain('s3cret')
      await transport.close()
      expect(await transport.closed).toBeInstanceOf(Error)
    },
  )
})

describe('the error of connect()', () => {
  test.each(Object.entries(clients))('has typed data with %s', async (_sdk, newClient) => {
    const server = await scriptedServer(responding({ type: 'text/html', body: '<p>' }))
    const transport = httpClient({ url: server.url })
    const error = await (newClient() as Client).connect(transport).catch((reason) => reason)
    expect(errorDataOf(error)).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      delivery: 'unknown',
      hint: expect.stringContaining('login page'),
    })
  })

  test.each<[string, Partial<HttpClientOptions>, string]>([
    ['nothing listens', { url: 'http://127.0.0.1:1/mcp' }, 'ECONNREFUSED'],
    ['the host has no address', { url: 'http://nowhere.invalid/mcp' }, 'nowhere.invalid'],
  ])('is the reason in `closed` where %s', async (_what, options, fragment) => {
    const transport = httpClient(options as HttpClientOptions)
    const error: Error = await new Client(info).connect(transport).catch((reason) => reason)
    expect(error.message).toContain(fragment)
    await transport.close()
    expect((await transport.closed)?.message).toContain(fragment)
  })

  test('is no reason in `closed` where a later attempt succeeds', async () => {
    let isDown = true
    const server = await scriptedServer((request) => isDown && responding({ status: 503 })(request, server))
    const transport = httpClient({ url: server.url })
    const initialize = { jsonrpc: '2.0' as const, id: 1, method: 'initialize', params: {} }
    await transport.start()
    await expect(transport.send(initialize)).rejects.toMatchObject({ code: 'REFUSED' })
    isDown = false
    const received = new Promise((resolve) => {
      transport.onmessage = resolve
    })
    await transport.send(initialize)
    await received
    await transport.close()
    expect(await transport.closed).toBeUndefined()
  })
})

test('`closed` has no reason where the first request is still pending', async () => {
  const server = await scriptedServer(({ method }) => method === 'POST')
  const transport = httpClient({ url: server.url })
  await transport.start()
  const sending = transport.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })
  await server.until(() => server.requests.length === 1, 'it was requested')
  const closing = transport.close()
  await expect(sending).rejects.toMatchObject({ code: 'CLOSED' })
  await closing
  expect(await transport.closed).toBeUndefined()
})

/** Responses to a tool call, and fragments of the JSON-RPC error. */
const calls: [what: string, script: Script, code: string, ...fragments: string[]][] = [
  [
    'a login page',
    toCall({ type: 'text/html', body: '<title>Sign in</title>' }),
    'OUTCOME_UNKNOWN',
    'status 200',
    'Sign in',
    'check the credential',
  ],
  ['400 and a text', toCall({ status: 400, body: 'bad x\r\n' }), 'REFUSED', 'status 400', 'bad x'],
  ['422 and a problem', toCall({ status: 422, type: problem, body: '{"detail":"x"}' }), 'REFUSED', '422: x'],
  [
    '409 and an OAuth error',
    toCall({ status: 409, body: '{"error":"invalid_target","error_description":"no such resource"}' }),
    'REFUSED',
    'invalid_target: no such resource',
  ],
  [
    '400 and an error of another request',
    toCall({ status: 400, body: JSON.stringify(rpcError('server-error', 'Missing session')) }),
    'REFUSED',
    'Missing session',
  ],
  ['413', toCall({ status: 413 }), 'REFUSED', 'status 413'],
  ['429', toCall({ status: 429, body: 'slow down' }), 'REFUSED', 'slow down'],
  [
    'a cut body',
    toCalls(({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' }).write('{')
      setImmediate(() => response.destroy())
    }),
    'OUTCOME_UNKNOWN',
    'interrupted: ',
    'closed before the response was complete',
  ],
  [
    'a stream that is reset',
    toCalls(({ response }) => {
      stream(response)
      setImmediate(() => response.socket?.resetAndDestroy())
    }),
    'OUTCOME_UNKNOWN',
    'before its response: ',
  ],
  [
    'a malformed event',
    toCalls(({ response }) => stream(response, 'data: oops\n\n').end()),
    'OUTCOME_UNKNOWN',
    'not JSON',
  ],
  [
    'the response to another request',
    toCall({ type: 'application/json', body: '{"jsonrpc":"2.0","id":9,"result":{}}' }),
    'OUTCOME_UNKNOWN',
    'id 9',
  ],
  ['control characters', toCall({ status: 400, body: 'a\u001b[31mb\u0000c' }), 'REFUSED', 'a [31mb c'],
]

describe('the error of a request', () => {
  test.each(calls)('has the reason after %s', async (_what, script, code, ...fragments) => {
    const server = await scriptedServer(script)
    const client = await initializedClient(server, { standaloneStream: false })
    await client.transport.send(call)
    const response = (await client.responseTo(1)) as { error: { message: string; data: { code: string } } }
    for (const fragment of fragments) expect(response.error.message).toContain(fragment)
    expect(response.error.message).toContain(server.url)
    expect(response.error.message).not.toMatch(/\p{Cc}/u)
    expect(response.error.message.length).toBeLessThan(500)
    expect(response.error.data).toMatchObject({
      code,
      ...(code === 'OUTCOME_UNKNOWN' && { delivery: 'unknown' }),
    })
  })

  test.each([
    ['killed before its response', (request: ScriptedRequest) => request.response.socket?.resetAndDestroy()],
    ['closed before its response', (request: ScriptedRequest) => request.response.socket?.end()],
  ])('reports that it may have run where the server is %s', async (_what, script) => {
    const server = await scriptedServer(toCalls(script))
    const client = await initializedClient(server, { standaloneStream: false })
    const error = await client.transport.send(call).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'SEND_FAILED', details: { delivery: 'unknown' } })
    expect(error.message).toMatch(/ECONNRESET|closed/)
  })
})

describe('the only response to a request', () => {
  const errorOf = (id: unknown) => rpcError(id, 'Parse error')
  const { id: _id, ...withoutId } = errorOf(0)
  const bodies: readonly (readonly [string, unknown])[] = [
    ['has the id null', errorOf(null)],
    ['has no id', withoutId],
    ['is a batch of one', [errorOf(1)]],
    ['is a batch of one with the id null', [errorOf(null)]],
  ]
  test.each(bodies)('is the error of that request where it %s', async (_what, body) => {
    const server = await scriptedServer(toCalls(({ response }) => json(response, body)))
    const client = await initializedClient(server, { standaloneStream: false })
    await client.transport.send(call)
    expect(await client.responseTo(1)).toEqual({ ...errorOf(1), id: 1 })
    expect(client.errors).toEqual([])
  })

  test.each(bodies)('is the error of that request on its stream where it %s', async (_what, body) => {
    const text = `data: ${JSON.stringify(body)}\n\n`
    const server = await scriptedServer(toCalls(({ response }) => stream(response, text).end()))
    const client = await initializedClient(server, { standaloneStream: false })
    await client.transport.send(call)
    expect(await client.responseTo(1)).toMatchObject({ id: 1, error: { message: 'Parse error' } })
  })

  test('is a result in a batch of one', async () => {
    const result: JsonRpcMessage = { jsonrpc: '2.0', id: 1, result: { x: 1 } }
    const server = await scriptedServer(toCalls(({ response }) => json(response, [result])))
    const client = await initializedClient(server, { standaloneStream: false })
    await client.transport.send(call)
    expect(await client.responseTo(1)).toEqual(result)
  })
})
