import { createFakeClock } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import {
  type Asked,
  event,
  json,
  resultFor,
  type Script,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } }
const initialize = { jsonrpc: '2.0' as const, id: 'init', method: 'initialize', params }
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }

/** A server of 2024-11-05: GET `/mcp` for events, POST `/messages` for messages. */
function oldServer({ status = 405, endpoint = '/messages?s=1' } = {}): {
  script: Script
  events: () => Asked
} {
  let events: Asked | undefined
  return {
    events: () => events as Asked,
    script: (asked) => {
      const { method, url, message, response } = asked
      if (method === 'GET' && url === '/mcp') {
        events = asked
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

test('what its stream wants may take a person as long as authTimeoutMs', async () => {
  const clock = createFakeClock()
  const { script } = oldServer()
  const server = await scriptedServer((asked, each) => {
    if (asked.method !== 'GET' || asked.headers.authorization === 'Bearer t1') return script(asked, each)
    asked.response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
    return true
  })
  let token = 't0'
  let consent: (() => void) | undefined
  const onUnauthorized = () => new Promise<void>((resolve) => (consent = resolve))
  const client = await startedClient(server, { clock, auth: { token: () => token, onUnauthorized } })
  const sent = client.transport.send(initialize)
  await server.until(() => consent !== undefined, 'somebody is asked')
  await clock.advance(60_000)
  token = 't1'
  consent?.()
  await sent
  expect(await client.answerTo('init')).toMatchObject({ result: { protocolVersion: '2024-11-05' } })
  expect(clock.pending).toBe(1)
})

describe('a server that refuses the first POST', () => {
  test.each([400, 404, 405])(
    'with %d is spoken to over HTTP+SSE [SSE-C-03, SSE-C-07, SSE-C-08]',
    async (status) => {
      const { script, events } = oldServer({ status })
      const server = await scriptedServer(script)
      const client = await startedClient(server)
      await client.transport.send(initialize)
      await client.answerTo('init')
      expect(client.transport.hasPerRequestStream).toBe(false)
      expect(client.transport.sessionId).toBeUndefined()
      await client.transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
      await client.transport.send(call)
      expect(await client.answerTo(1)).toEqual(resultFor(1))
      events().response.write(event(note))
      await server.until(() => client.messages.length === 3, 'the note came')
      expect(server.of('POST').map(({ url }) => url)).toEqual(['/mcp', ...Array(3).fill('/messages?s=1')])
      expect(server.of('GET')).toHaveLength(1)
      expect(events().headers.accept).toBe('text/event-stream')
      await client.transport.close()
      await server.until(() => server.sockets.size === 0, 'no socket was left')
      expect(server.of('DELETE')).toEqual([])
    },
  )

  test('gets what was sent behind it where the stream says', async () => {
    const server = await scriptedServer(oldServer().script)
    const client = await startedClient(server)
    await Promise.all([initialize, note, call].map((message) => client.transport.send(message)))
    expect(await client.answerTo(1)).toEqual(resultFor(1))
    expect(server.of('POST').map(({ url }) => url)).toEqual(['/mcp', ...Array(3).fill('/messages?s=1')])
  })

  test.each([401, 403, 406, 500])('with %d is not [SSE-C-08]', async (status) => {
    const server = await scriptedServer(oldServer({ status }).script)
    const client = await startedClient(server)
    await client.transport.send(initialize).catch(() => {})
    expect(server.of('GET')).toEqual([])
  })

  test.each([
    [405, { code: -32_000, message: 'Method not allowed.' }],
    [400, { code: -32_600, message: 'Invalid request' }],
  ])(
    'with %d and the JSON-RPC error of an earlier era is spoken to over HTTP+SSE too [SSE-C-08]',
    async (status, error) => {
      const { script } = oldServer()
      const server = await scriptedServer((asked) => {
        if (asked.method !== 'POST' || asked.url !== '/mcp') return script(asked, server)
        json(asked.response, { jsonrpc: '2.0', id: null, error }, {}, status)
        return true
      })
      const client = await startedClient(server)
      await client.transport.send(initialize)
      expect(await client.answerTo('init')).toMatchObject({ result: { protocolVersion: '2024-11-05' } })
    },
  )

  test('with a JSON-RPC error, and HTTP+SSE as well, has said what is wrong', async () => {
    const error = { code: -32_602, message: 'clientInfo is missing' }
    const server = await scriptedServer(({ response, method }) => {
      if (method === 'GET') response.writeHead(405).end()
      else json(response, { jsonrpc: '2.0', id: 'init', error }, {}, 400)
      return true
    })
    const client = await startedClient(server)
    await client.transport.send(initialize)
    expect(await client.answerTo('init')).toMatchObject({ error })
  })

  test.each([404, 405])(
    'with %d and a JSON-RPC error and HTTP+SSE as well, is asked whether that is right',
    async (status) => {
      const error = { code: -32_600, message: 'Invalid request: there is nothing here' }
      const server = await scriptedServer(({ response }) => {
        json(response, { jsonrpc: '2.0', error }, {}, status)
        return true
      })
      const { transport } = await startedClient({ ...server, url: new URL('/', server.url).href })
      const refused: Error = await transport.send(initialize).catch((reason) => reason)
      expect(refused).toMatchObject({ code: 'CONNECT_FAILED', details: { address: transport.peer?.address } })
      const address = transport.peer?.address
      expect(refused.message).toBe(
        `${address} refused Streamable HTTP with status ${status}: ${error.message}; is the path right (option url)? MCP servers mostly answer at /mcp; and HTTP+SSE: ${address} answered with status ${status}`,
      )
    },
  )

  test.each([402, 407, 409, 415, 422, 426, 429])(
    'with %d and no JSON-RPC error is no server, which send() says',
    async (status) => {
      const server = await scriptedServer(({ response }) => {
        response.writeHead(status, { 'retry-after': '7' }).end('something else')
        return true
      })
      const client = await startedClient(server)
      await expect(client.transport.send(initialize)).rejects.toMatchObject({
        code: 'REFUSED',
        details: { status, retryAfterMs: 7_000 },
        message: expect.stringContaining(`${server.url} answered with status ${status}: something else`),
      })
      expect(client.errors).toEqual([])
      expect(client.messages).toEqual([])
      expect(server.of('GET')).toEqual([])
    },
  )

  test('is not where httpSse is off, or where the refusal is of a later era', async () => {
    const server = await scriptedServer(oldServer().script)
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
    expect(await other.answerTo('init')).toMatchObject({ error })
    expect(newer.of('GET')).toEqual([])
  })

  test('and HTTP+SSE as well rejects, with its first words as the cause', async () => {
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

  test.each([400, 404, 405])('and then refuses the request with %d there rejects', async (status) => {
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
  })

  test.each(['http://evil.example/messages', '//evil.example/messages', 'https://127.0.0.1/messages'])(
    'is not spoken to where its endpoint is %s',
    async (endpoint) => {
      const server = await scriptedServer(oldServer({ endpoint }).script)
      const client = await startedClient(server)
      await expect(client.transport.send(initialize)).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
      expect(server.of('POST')).toHaveLength(1)
    },
  )

  test('and then names no endpoint is waited for no longer than connectTimeoutMs', async () => {
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
    await server.until(() => server.of('GET').length === 1, 'it was asked')
    await server.until(() => clock.pending > 0, 'it is waited for')
    await clock.advance(1_000)
    await sending
  })
})

test('an answer may come before the status of its request', async () => {
  let accept = (): unknown => undefined
  const { script, events } = oldServer()
  const server = await scriptedServer((asked, server) => {
    const { message, response } = asked
    if (!message || !isRequest(message) || message.id !== 1) return script(asked, server)
    events().response.write(event(resultFor(1)))
    accept = () => response.writeHead(202).end('Accepted')
    return true
  })
  const client = await startedClient(server)
  await client.transport.send(initialize)
  await client.answerTo('init')
  const seen: string[] = []
  const sending = client.transport.send(call, { onRequestStreamEnd: () => seen.push('over') })
  await client.answerTo(1)
  expect(seen).toEqual([])
  accept()
  await sending
  await server.until(() => seen.length === 1, 'it was over')
  expect(client.messages).toHaveLength(2)
})

test('the end of the one stream is the end of the conversation, and of every request', async () => {
  const { script, events } = oldServer()
  const server = await scriptedServer((asked, server) => {
    if (asked.message && isRequest(asked.message) && asked.message.id === 1) {
      asked.response.writeHead(202).end()
      return true
    }
    if (asked.message && isRequest(asked.message) && asked.message.id === 2) return true
    return script(asked, server)
  })
  const client = await startedClient(server)
  await client.transport.send(initialize)
  await client.answerTo('init')
  await client.transport.send(call)
  const sending = client.transport.send({ ...call, id: 2 }).catch((error) => error)
  await server.until(() => server.of('POST').length === 4, 'the second is under way')
  events().response.destroy()
  expect(await sending).toMatchObject({ code: 'CLOSED', cause: { code: 'PEER_LOST' } })
  expect(await client.transport.closed).toMatchObject({ code: 'PEER_LOST' })
})

test('what is no MCP endpoint is told by its status and type, besides the answer', async () => {
  const server = await scriptedServer(({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>')
    return true
  })
  const client = await startedClient(server)
  await client.transport.send(initialize)
  expect(await client.answerTo('init')).toMatchObject({ error: { code: -31_006 } })
  expect(client.errors).toMatchObject([
    {
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('status 200 and text/html, which is no message'),
    },
  ])
})
