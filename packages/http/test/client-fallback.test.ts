import { createFakeClock } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { initializeParams } from '@mcpwire/test-support/messages'
import { describe, expect, test } from 'vitest'
import {
  event,
  json,
  resultFor,
  type Script,
  type ScriptedRequest,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const params = initializeParams()
const initialize = { jsonrpc: '2.0' as const, id: 'init', method: 'initialize', params }
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }

/** A server of 2024-11-05: GET `/mcp` for events, POST `/messages` for messages. */
function httpSseServer({ status = 405, endpoint = '/messages?s=1' } = {}): {
  script: Script
  events: () => ScriptedRequest
} {
  let events: ScriptedRequest | undefined
  return {
    events: () => events as ScriptedRequest,
    script: (request) => {
      const { method, url, message, response } = request
      if (method === 'GET' && url === '/mcp') {
        events = request
        stream(response, `event: endpoint\ndata: ${endpoint}\n\n`)
      } else if (method === 'POST' && url === '/messages?s=1') {
        response.writeHead(202).end('Accepted')
        if (message && isRequest(message)) {
          const result = message.method === 'initialize' ? { protocolVersion: '2024-11-05' } : {}
          events?.response.write(event(resultFor(message.id, result)))
        }
      } else response.writeHead(status).end()
      return true
    },
  }
}

test('waits authTimeoutMs for the credential that the stream of HTTP+SSE requires', async () => {
  const clock = createFakeClock()
  const { script } = httpSseServer()
  const server = await scriptedServer((request, each) => {
    if (request.method !== 'GET' || request.headers.authorization === 'Bearer t1')
      return script(request, each)
    request.response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
    return true
  })
  let token = 't0'
  let consent: (() => void) | undefined
  const onUnauthorized = () => new Promise<void>((resolve) => (consent = resolve))
  const client = await startedClient(server, { clock, auth: { token: () => token, onUnauthorized } })
  const sent = client.transport.send(initialize)
  await server.until(() => consent !== undefined, 'the user is prompted')
  await clock.advance(60_000)
  token = 't1'
  consent?.()
  await sent
  expect(await client.responseTo('init')).toMatchObject({ result: { protocolVersion: '2024-11-05' } })
  expect(clock.pending).toBe(1)
})

describe('a server that refuses the first POST', () => {
  test.each([400, 404, 405])(
    'with %d is used over HTTP+SSE [SSE-C-03, SSE-C-07, SSE-C-08]',
    async (status) => {
      const { script, events } = httpSseServer({ status })
      const server = await scriptedServer(script)
      const client = await startedClient(server)
      await client.transport.send(initialize)
      await client.responseTo('init')
      expect(client.transport.hasPerRequestStream).toBe(false)
      expect(client.transport.sessionId).toBeUndefined()
      await client.transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
      await client.transport.send(call)
      expect(await client.responseTo(1)).toEqual(resultFor(1))
      events().response.write(event(note))
      await server.until(() => client.messages.length === 3, 'the notification arrived')
      expect(server.of('POST').map(({ url }) => url)).toEqual(['/mcp', ...Array(3).fill('/messages?s=1')])
      expect(server.of('GET')).toHaveLength(1)
      expect(events().headers.accept).toBe('text/event-stream')
      await client.transport.close()
      await server.until(() => server.sockets.size === 0, 'no socket was left')
      expect(server.of('DELETE')).toEqual([])
    },
  )

  test('receives the messages after initialize at the endpoint of the stream', async () => {
    const server = await scriptedServer(httpSseServer().script)
    const client = await startedClient(server)
    await Promise.all([initialize, note, call].map((message) => client.transport.send(message)))
    expect(await client.responseTo(1)).toEqual(resultFor(1))
    expect(server.of('POST').map(({ url }) => url)).toEqual(['/mcp', ...Array(3).fill('/messages?s=1')])
  })

  test.each([401, 403, 406, 500])('with %d is not used over HTTP+SSE [SSE-C-08]', async (status) => {
    const server = await scriptedServer(httpSseServer({ status }).script)
    const client = await startedClient(server)
    await client.transport.send(initialize).catch(() => {})
    expect(server.of('GET')).toEqual([])
  })

  test.each([
    [405, { code: -32_000, message: 'Method not allowed.' }],
    [400, { code: -32_600, message: 'Invalid request' }],
  ])(
    'with %d and the JSON-RPC error of an earlier era is used over HTTP+SSE [SSE-C-08]',
    async (status, error) => {
      const { script } = httpSseServer()
      const server = await scriptedServer((request) => {
        if (request.method !== 'POST' || request.url !== '/mcp') return script(request, server)
        json(request.response, { jsonrpc: '2.0', id: null, error }, {}, status)
        return true
      })
      const client = await startedClient(server)
      await client.transport.send(initialize)
      expect(await client.responseTo('init')).toMatchObject({ result: { protocolVersion: '2024-11-05' } })
    },
  )

  test('with a JSON-RPC error, and refuses HTTP+SSE as well, responds with that error', async () => {
    const error = { code: -32_602, message: 'clientInfo is missing' }
    const server = await scriptedServer(({ response, method }) => {
      if (method === 'GET') response.writeHead(405).end()
      else json(response, { jsonrpc: '2.0', id: 'init', error }, {}, 400)
      return true
    })
    const client = await startedClient(server)
    await client.transport.send(initialize)
    expect(await client.responseTo('init')).toMatchObject({ error })
  })

  test.each([404, 405])(
    'with %d and a JSON-RPC error, and refuses HTTP+SSE as well, rejects with a hint about the URL',
    async (status) => {
      const error = { code: -32_600, message: 'Invalid request: there is nothing here' }
      const server = await scriptedServer(({ response }) => {
        json(response, { jsonrpc: '2.0', error }, {}, status)
        return true
      })
      const { transport } = await startedClient({ ...server, url: new URL('/', server.url).href })
      const refused: Error = await transport.send(initialize).catch((reason) => reason)
      const { address } = transport.peer ?? {}
      const hint = expect.stringContaining('option "url"')
      expect(refused).toMatchObject({ code: 'CONNECT_FAILED', details: { address, option: 'url', hint } })
      expect(refused.message.split(error.message)).toHaveLength(2)
    },
  )

  test.each([402, 407, 409, 415, 422, 426, 429])(
    'with %d and no JSON-RPC error rejects with REFUSED',
    async (status) => {
      const server = await scriptedServer(({ response }) => {
        response.writeHead(status, { 'retry-after': '7' }).end('something else')
        return true
      })
      const client = await startedClient(server)
      await expect(client.transport.send(initialize)).rejects.toMatchObject({
        code: 'REFUSED',
        details: { status, retryAfterMs: 7_000 },
        message: expect.stringContaining(`${server.url} responded with status ${status}: something else`),
      })
      expect(client.errors).toEqual([])
      expect(client.messages).toEqual([])
      expect(server.of('GET')).toEqual([])
    },
  )

  test('is not used over HTTP+SSE where httpSse is off, or the refusal is of a later era', async () => {
    const server = await scriptedServer(httpSseServer().script)
    const client = await startedClient(server, { httpSse: false })
    await expect(client.transport.send(initialize)).rejects.toMatchObject({
      code: 'REFUSED',
      details: { status: 405 },
    })
    expect(server.of('GET')).toEqual([])

    const error = { code: -32_022, message: 'unsupported protocol version' }
    const newer = await scriptedServer(({ response }) => {
      json(response, { jsonrpc: '2.0', id: 'init', error }, {}, 400)
      return true
    })
    const other = await startedClient(newer)
    await other.transport.send(initialize)
    expect(await other.responseTo('init')).toMatchObject({ error })
    expect(newer.of('GET')).toEqual([])
  })

  test('makes send() reject with the first refusal as the cause if it refuses HTTP+SSE as well', async () => {
    const server = await scriptedServer(({ response, method }) => {
      response.writeHead(method === 'POST' ? 404 : 410).end('gone')
      return true
    })
    const client = await startedClient(server)
    await expect(client.transport.send(initialize)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      status: 404,
      cause: { code: 'REFUSED', details: { status: 404 } },
    })
    expect(client.transport.state).toBe('open')
  })

  test.each([400, 404, 405])(
    'makes send() reject with REFUSED if the endpoint of HTTP+SSE responds with %d',
    async (status) => {
      const server = await scriptedServer(({ method, response }) => {
        if (method === 'GET') stream(response, 'event: endpoint\ndata: /elsewhere\n\n')
        else response.writeHead(status).end()
        return true
      })
      const client = await startedClient(server)
      await expect(client.transport.send(initialize)).rejects.toMatchObject({
        code: 'REFUSED',
        details: { status },
      })
      expect(server.of('GET').length).toBe(1)
    },
  )

  test.each(['http://evil.example/messages', '//evil.example/messages', 'https://127.0.0.1/messages'])(
    'is not used where its endpoint is %s',
    async (endpoint) => {
      const server = await scriptedServer(httpSseServer({ endpoint }).script)
      const client = await startedClient(server)
      await expect(client.transport.send(initialize)).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
      expect(server.of('POST')).toHaveLength(1)
    },
  )

  test('makes send() reject after connectTimeoutMs if HTTP+SSE names no endpoint', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(({ method, response }) => {
      if (method === 'GET') stream(response)
      else response.writeHead(405).end()
      return true
    })
    const client = await startedClient(server, { clock, connectTimeoutMs: 1_000 })
    const sending = expect(client.transport.send(initialize)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
    })
    await server.until(() => server.of('GET').length === 1, 'the stream was requested')
    await server.until(() => clock.pending > 0, 'a deadline is set')
    await clock.advance(1_000)
    await sending
  })
})

test('accepts a response before the status of its request', async () => {
  let accept = (): unknown => undefined
  const { script, events } = httpSseServer()
  const server = await scriptedServer((request, server) => {
    const { message, response } = request
    if (!message || !isRequest(message) || message.id !== 1) return script(request, server)
    events().response.write(event(resultFor(1)))
    accept = () => response.writeHead(202).end('Accepted')
    return true
  })
  const client = await startedClient(server)
  await client.transport.send(initialize)
  await client.responseTo('init')
  const seen: string[] = []
  const sending = client.transport.send(call, { onRequestStreamEnd: () => seen.push('over') })
  await client.responseTo(1)
  expect(seen).toEqual([])
  accept()
  await sending
  await server.until(() => seen.length === 1, 'it was over')
  expect(client.messages).toHaveLength(2)
})

test('ends with the stream of HTTP+SSE, and fails every request', async () => {
  const { script, events } = httpSseServer()
  const server = await scriptedServer((request, server) => {
    if (request.message && isRequest(request.message) && request.message.id === 1) {
      request.response.writeHead(202).end()
      return true
    }
    if (request.message && isRequest(request.message) && request.message.id === 2) return true
    return script(request, server)
  })
  const client = await startedClient(server)
  await client.transport.send(initialize)
  await client.responseTo('init')
  await client.transport.send(call)
  const sending = client.transport.send({ ...call, id: 2 }).catch((error) => error)
  await server.until(() => server.of('POST').length === 4, 'the second is in progress')
  events().response.destroy()
  expect(await sending).toMatchObject({ code: 'CLOSED', cause: { code: 'PEER_LOST' } })
  expect(await client.transport.closed).toMatchObject({ code: 'PEER_LOST' })
})

test('reports the status and type of a URL that is no MCP endpoint', async () => {
  const server = await scriptedServer(({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>')
    return true
  })
  const client = await startedClient(server)
  await client.transport.send(initialize)
  expect(await client.responseTo('init')).toMatchObject({ error: { code: -31_006 } })
  expect(client.errors).toMatchObject([
    {
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('status 200 and text/html'),
    },
  ])
})
