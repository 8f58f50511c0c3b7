import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import {
  event,
  initializedClient,
  json,
  resultFor,
  SESSION_ID,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const progress = (n: number) => ({
  jsonrpc: '2.0' as const,
  method: 'notifications/progress',
  params: { progressToken: 1, progress: n },
})
const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })
const cancelled = {
  jsonrpc: '2.0' as const,
  method: 'notifications/cancelled',
  params: { requestId: 1, reason: 'enough' },
}

describe('a POST', () => {
  test('is sent for each message, with that message alone, and accepts JSON and events [HTTP-C-06, HTTP-C-07, HTTP-C-08]', async () => {
    const server = await scriptedServer()
    const client = await initializedClient(server)
    const reply = { jsonrpc: '2.0' as const, id: 'ping-1', result: {} }
    await Promise.all([
      client.transport.send(call(1)),
      client.transport.send(call(2)),
      client.transport.send(reply),
    ])
    await Promise.all([client.responseTo(1), client.responseTo(2)])
    const posts = server.of('POST')
    expect(posts).toHaveLength(5)
    expect(posts.map(({ message }) => message)).toEqual(expect.arrayContaining([call(1), call(2), reply]))
    for (const { headers, url } of posts) {
      expect(headers.accept?.split(/, */).sort()).toEqual(['application/json', 'text/event-stream'])
      expect(headers['content-type']).toBe('application/json')
      expect(url).toBe('/mcp')
    }
  })

  test('gets a response as JSON or as a stream, by the choice of the server [HTTP-C-13]', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      if (message.id === 1) json(response, resultFor(1, { by: 'json' }))
      else stream(response, event(progress(1)) + event(resultFor(message.id, { by: 'events' }))).end()
      return true
    })
    const client = await initializedClient(server)
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toEqual(resultFor(1, { by: 'json' }))
    await client.transport.send(call(2))
    expect(await client.responseTo(2)).toEqual(resultFor(2, { by: 'events' }))
    expect(client.messages).toContainEqual(progress(1))
  })

  test('names the negotiated revision, as do GET and DELETE [PVH-C-01, PVH-C-02, SESS-C-05]', async () => {
    const server = await scriptedServer()
    const client = await initializedClient(server)
    await server.until(() => server.of('GET').length === 1, 'the stream was requested')
    await client.transport.send(call(1))
    await client.responseTo(1)
    await client.transport.close()
    const [first, ...later] = server.requests
    expect(first?.headers).not.toHaveProperty('mcp-session-id')
    expect(new Set(later.map(({ method }) => method))).toEqual(new Set(['POST', 'GET', 'DELETE']))
    for (const { headers } of later) {
      expect(headers['mcp-session-id']).toBe(SESSION_ID)
      expect(headers['mcp-protocol-version']).toBe('2025-11-25')
    }
  })

  test('carries a cancellation, and no connection is closed for it [HTTP-C-27]', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      stream(response)
      return true
    })
    const client = await initializedClient(server)
    await client.transport.send(call(1))
    await client.transport.send(cancelled)
    expect(server.requests.at(-1)?.message).toEqual(cancelled)
  })
})

test('sends nothing of its own before and during the handshake [GEN-16]', async () => {
  const server = await scriptedServer()
  const client = await startedClient(server)
  expect(server.requests).toEqual([])
  await client.transport.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })
  await client.responseTo(1)
  expect(server.posted()).toEqual(['initialize'])
  expect(server.of('GET')).toEqual([])
})

describe('the stream of messages that belong to no request', () => {
  test('is requested by GET, accepting events, and delivers its messages [HTTP-C-32, GEN-12]', async () => {
    const ask = { jsonrpc: '2.0' as const, id: 'r1', method: 'roots/list' }
    const server = await scriptedServer(({ method, response }) => {
      if (method !== 'GET') return false
      stream(response, event(ask))
      return true
    })
    const client = await initializedClient(server)
    await server.until(() => client.messages.length === 2, 'the request arrived')
    expect(client.messages[1]).toEqual(ask)
    const [get] = server.of('GET')
    expect(get?.headers.accept).toBe('text/event-stream')
    await client.transport.send({ jsonrpc: '2.0', id: 'r1', result: { roots: [] } })
    expect(server.requests.at(-1)?.message).toEqual({ jsonrpc: '2.0', id: 'r1', result: { roots: [] } })
  })

  test('may be closed by the server: the session stays open, and the client requests it again [HTTP-37]', async () => {
    const server = await scriptedServer(({ method, response }, { of }) => {
      if (method !== 'GET') return false
      stream(response, 'retry: 100\n\n')
      if (of('GET').length === 1) response.end()
      return true
    })
    const client = await initializedClient(server)
    await client.transport.send(call(1))
    await client.responseTo(1)
    await server.until(() => server.of('GET').length === 2, 'it was requested again')
    expect(client.transport.state).toBe('open')
    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(1)
  })

  test('is open beside those of several requests, and each delivers messages about tasks [HTTP-C-38, GEN-33]', async () => {
    const about = (taskId: string) => ({
      jsonrpc: '2.0' as const,
      method: 'notifications/tasks/status',
      params: { taskId },
    })
    const server = await scriptedServer(({ method, message, response }) => {
      if (method === 'GET') stream(response, event(about('by GET')))
      else if (message && isRequest(message) && message.method === 'tools/call')
        stream(response, event(about(`by POST ${message.id}`)))
      else return false
      return true
    })
    const client = await initializedClient(server)
    await Promise.all([client.transport.send(call(1)), client.transport.send(call(2))])
    await server.until(() => client.messages.length === 4, 'all three arrived')
    expect(client.messages.slice(1)).toEqual(
      expect.arrayContaining([about('by GET'), about('by POST 1'), about('by POST 2')]),
    )
    expect(
      server.requests.filter(({ response }) => response.headersSent && !response.writableEnded),
    ).toHaveLength(3)
  })
})

describe('an interrupted stream', () => {
  test('is resumed after the last event, no sooner than the server allows [HTTP-C-23, HTTP-C-24, RES-C-04]', async () => {
    const server = await scriptedServer(({ method, message, response, headers }) => {
      if (method === 'GET' && headers['last-event-id'] === 'e7') {
        stream(response, event(resultFor(1, { is: 'the rest' }), 'e8')).end()
      } else if (message && isRequest(message) && message.method === 'tools/call') {
        stream(response, `id: e6\ndata: \n\nretry: 400\n\n${event(progress(1), 'e7')}`).end()
      } else return false
      return true
    })
    const clock = createFakeClock()
    const client = await initializedClient(server, { clock, standaloneStream: false })
    await client.transport.send(call(1))
    await server.until(() => clock.pending === 1, 'a retry is scheduled')
    await clock.advance(399)
    await turns()
    expect(server.of('GET')).toEqual([])
    await clock.advance(1)
    expect(await client.responseTo(1)).toEqual(resultFor(1, { is: 'the rest' }))
    const [get] = server.of('GET')
    expect(get?.headers).toMatchObject({ 'mcp-session-id': SESSION_ID, accept: 'text/event-stream' })
    expect(server.posted().filter((method) => method === 'tools/call')).toHaveLength(1)
  })

  test('without an event id fails its request, which is not sent again [HTTP-C-41]', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      stream(response)
      return true
    })
    const client = await initializedClient(server)
    await client.transport.send(call(1))
    server.requests.at(-1)?.response.destroy()
    expect(await client.responseTo(1)).toHaveProperty('error')
    await client.transport.send(call(2))
    const calls = server.requests.flatMap(({ message }) =>
      message && isRequest(message) ? [message.id] : [],
    )
    expect(calls).toEqual(['init', 1, 2])
  })
})

describe('a session', () => {
  test('that the server no longer knows is replaced by one started without an id, and the request is sent in it [SESS-C-08]', async () => {
    const server = await scriptedServer(({ message, headers, response }, { posted }) => {
      const count = posted().filter((method) => method === 'initialize').length
      if (!message || !isRequest(message)) return false
      if (message.method === 'initialize') {
        const result = { protocolVersion: '2025-11-25', capabilities: {} }
        json(response, resultFor(message.id, result), { 'mcp-session-id': `session-${count}` })
      } else if (headers['mcp-session-id'] === 'session-1') response.writeHead(404).end()
      else return false
      return true
    })
    const client = await initializedClient(server)
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
    const initializes = server.requests.filter(
      ({ message }) => message && 'method' in message && message.method === 'initialize',
    )
    expect(initializes).toHaveLength(2)
    expect(initializes[1]?.headers).not.toHaveProperty('mcp-session-id')
    expect(
      server.requests.filter(({ message }) => message && 'id' in message && message.id === 1).at(-1)?.headers,
    ).toMatchObject({ 'mcp-session-id': 'session-2' })
    expect(client.transport.sessionId).toBe('session-2')
  })

  test('is ended by DELETE when the client closes, and with it every connection [SESS-C-09, HTTP-40]', async () => {
    const server = await scriptedServer(({ method, response }) => {
      if (method !== 'GET') return false
      stream(response)
      return true
    })
    const client = await initializedClient(server)
    await server.until(() => server.of('GET').length === 1, 'a stream is open')
    expect(server.sockets.size).toBeGreaterThan(0)
    await client.transport.close()
    expect(server.of('DELETE').map(({ headers }) => headers['mcp-session-id'])).toEqual([SESSION_ID])
    await server.until(() => server.sockets.size === 0, 'no connection is left')
  })

  test('may refuse DELETE: 405 is no error [SESS-S-10]', async () => {
    const server = await scriptedServer(({ method, response }) => {
      if (method === 'DELETE') response.writeHead(405).end()
      return method === 'DELETE'
    })
    const client = await initializedClient(server)
    await client.transport.close()
    expect(server.of('DELETE')).toHaveLength(1)
    expect(client.errors).toEqual([])
    expect(await client.transport.closed).toBeUndefined()
  })

  test('has its id in headers only: no URL and no error shows it [SESS-C-04]', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'tools/call') return false
      if (message.id === 1) response.writeHead(500).end('no')
      else response.destroy()
      return true
    })
    const client = await initializedClient(server)
    const failures = [call(1), call(2)].map((each) => client.transport.send(each).then(() => '', String))
    for (const failure of await Promise.all(failures)) {
      expect(failure).not.toBe('')
      expect(failure).not.toContain(SESSION_ID)
    }
    expect(client.errors.map(String).join()).not.toContain(SESSION_ID)
    expect(client.transport.peer?.address).not.toContain(SESSION_ID)
    expect(server.requests.map(({ url }) => url).join()).not.toContain(SESSION_ID)
  })
})
