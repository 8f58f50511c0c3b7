import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import {
  event,
  resultFor,
  type Script,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'
import { echo, initialize, served } from './support/served.js'

const httpSse = { path: '/sse', messagesPath: '/messages' }
const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
const ask = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'test/ask', params: {} })

describe('a server', () => {
  test('has a path for the stream, and one for messages in its first event, beside the endpoint [SSE-S-01, SSE-S-02, SSE-S-04, SSE-S-06]', async () => {
    const server = await served({ httpSse })
    const events = await server.open({
      method: 'GET',
      path: '/sse',
      headers: { accept: 'text/event-stream' },
    })
    expect(events.status).toBe(200)
    expect(events.headers['content-type']).toBe('text/event-stream')
    await events.until(() => events.events.length === 1, 'the first event arrived')
    const [{ name, data: uri = '' } = {}] = events.events
    expect(name).toBe('endpoint')
    expect(new URL(uri, server.address).origin).toBe(new URL(server.address).origin)
    const path = new URL(uri, server.address)
    expect(path.pathname).toBe('/messages')
    const post = (body: unknown) => server.ask({ path: `${path.pathname}${path.search}`, body })
    const opened = await post(initialize('2024-11-05'))
    expect(opened.status).toBe(202)
    await events.until(() => events.events.length === 2, 'the response arrived')
    expect(events.events[1]).toMatchObject({ name: 'message' })
    expect(events.events[1]?.data).toContain('"id":"init"')
    expect((await post(note)).status).toBe(202)
    expect((await post(ask(1))).status).toBe(202)
    await events.until(() => events.events.length === 3, 'the response arrived')
    expect(JSON.parse(events.events[2]?.data ?? '')).toEqual(echo(ask(1)))
    const headers = await server.session()
    expect((await server.ask({ body: ask(1), headers })).messages).toEqual([echo(ask(1))])
  })

  test('does not serve it by default [SSE-05]', async () => {
    const server = await served()
    for (const path of ['/sse', '/messages']) {
      expect((await server.ask({ method: 'GET', path })).status).toBe(404)
      expect((await server.ask({ path, body: note })).status).toBe(404)
    }
  })

  test('applies the gate to its routes too [HTTP-S-02]', async () => {
    const server = await served({ httpSse })
    const headers = { origin: 'https://evil.example' }
    expect((await server.ask({ method: 'GET', path: '/sse', headers })).status).toBe(403)
    expect((await server.ask({ path: '/messages', body: note, headers })).status).toBe(403)
  })
})

/** A server of 2024-11-05, which refuses the POST of newer clients with that status. */
function httpSseServer(status: number, endpoint = '/messages?s=1', body = ''): Script {
  let events: ReturnType<typeof stream> | undefined
  return ({ method, url, message, response }) => {
    if (method === 'GET' && url === '/mcp') {
      events = stream(response, `event: endpoint\ndata: ${endpoint}\n\n`)
    } else if (method === 'POST' && url.startsWith('/messages')) {
      response.writeHead(202).end()
      if (!message || !isRequest(message)) return true
      const result = message.method === 'initialize' ? { protocolVersion: '2024-11-05' } : { by: 'HTTP+SSE' }
      events?.write(event(resultFor(message.id, result)))
    } else if (method === 'POST') response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    else return false
    return true
  }
}

const opening: JsonRpcMessage = initialize()

describe('a client', () => {
  test.each([400, 404, 405])(
    'falls back after status %i, and posts to the endpoint of the stream [SSE-C-03, SSE-C-07, SSE-C-08]',
    async (status) => {
      const server = await scriptedServer(httpSseServer(status))
      const client = await startedClient(server)
      await client.transport.send(opening)
      expect(await client.responseTo('init')).toMatchObject({ result: { protocolVersion: '2024-11-05' } })
      await client.transport.send(ask(1))
      expect(await client.responseTo(1)).toEqual(resultFor(1, { by: 'HTTP+SSE' }))
      expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
        'POST /mcp',
        'GET /mcp',
        'POST /messages?s=1',
        'POST /messages?s=1',
      ])
    },
  )

  test.each([401, 403, 500, 503])('does not fall back after status %i [SSE-C-08]', async (status) => {
    const server = await scriptedServer(httpSseServer(status))
    const client = await startedClient(server)
    await expect(client.transport.send(opening)).rejects.toThrow(String(status))
    expect(server.of('GET')).toEqual([])
  })

  test.each([
    [-32_020, 400],
    [-32_021, 400],
    [-32_022, 400],
    [-32_601, 404],
  ])(
    'does not fall back after a modern error (%i with %i), and delivers it [SSE-C-08, VER-C-05]',
    async (code, status) => {
      const data = { supported: ['2026-07-28'], requested: '2025-11-25', requiredCapabilities: {} }
      const error = { code, message: 'modern', data }
      const refusal = JSON.stringify({ jsonrpc: '2.0', id: 'init', error })
      const server = await scriptedServer(httpSseServer(status, '/messages', refusal))
      const client = await startedClient(server)
      await client.transport.send(opening).catch(() => {})
      expect(await client.responseTo('init')).toMatchObject({ error })
      expect(server.of('GET')).toEqual([])
    },
  )

  test('posts nothing to an endpoint of another origin [SSE-C-03]', async () => {
    const elsewhere = await scriptedServer()
    const server = await scriptedServer(httpSseServer(405, elsewhere.url))
    const client = await startedClient(server)
    const outcome = await Promise.race([
      client.transport.send(opening).then(
        () => client.responseTo('init'),
        (error: Error) => ({ error }),
      ),
      client.transport.closed.then((error) => ({ error })),
    ])
    expect(outcome).toHaveProperty('error')
    expect(elsewhere.requests).toEqual([])
  })

  test('tries Streamable HTTP first, and keeps it [SSE-C-07]', async () => {
    const server = await scriptedServer()
    const client = await startedClient(server)
    await client.transport.send(opening)
    await client.responseTo('init')
    expect(server.requests.map(({ method }) => method)).toEqual(['POST'])
  })
})
