import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve as serveHono } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { isRequest, type Listener, serve } from '@mcpwire/core'
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as StreamableV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as StreamableV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { httpHandler } from '../src/index.js'
import { requestHandler } from '../src/node/index.js'
import { serverV1 } from './support/client-peers.js'
import { rawHttp } from './support/raw-http.js'
import { echo, initialize } from './support/served.js'

const info = { name: 'test', version: '1.0.0' }
const clients = {
  'v1 client': async (url: URL) => {
    const client = new ClientV1(info)
    await client.connect(new StreamableV1(url))
    return client
  },
  'v2 client': async (url: URL) => {
    const client = new ClientV2(info)
    await client.connect(new StreamableV2(url))
    return client
  },
}

async function listening(server: Server): Promise<number> {
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function serving<T extends Listener>(listener: T): Promise<T> {
  await serve(listener, (connection) => serverV1().connect(connection))
  onTestFinished(() => listener.close())
  return listener
}

/** Servers with one endpoint at `/mcp`. Each function returns the port. */
const mounts: Record<string, () => Promise<number>> = {
  'plain node:http': async () => {
    const mcp = await serving(requestHandler())
    return await listening(
      createServer((request, response) => {
        if (request.url?.startsWith('/mcp')) mcp.handle(request, response)
        else response.writeHead(404).end()
      }),
    )
  },
  'Express without a body parser': async () => {
    const mcp = await serving(requestHandler())
    const app = express()
    app.all('/mcp', (request, response) => mcp.handle(request, response))
    return await listening(createServer(app))
  },
  'Express behind express.json()': async () => {
    const mcp = await serving(requestHandler())
    const app = express()
    app.use(express.json())
    app.all('/mcp', (request, response) => mcp.handle(request, response, request.body))
    return await listening(createServer(app))
  },
  'Express behind express.json(), as a middleware': async () => {
    const mcp = await serving(requestHandler())
    const app = express()
    app.use(express.json())
    app.use('/mcp', mcp.handle)
    return await listening(createServer(app))
  },
  'Express as a middleware': async () => {
    const mcp = await serving(requestHandler())
    const app = express()
    app.use('/mcp', mcp.handle)
    return await listening(createServer(app))
  },
  'an Express router': async () => {
    const mcp = await serving(requestHandler())
    const app = express()
    app.use('/mcp', (request, response) => mcp.handle(request, response))
    return await listening(createServer(app))
  },
  Fastify: async () => {
    const mcp = await serving(requestHandler())
    const app = fastify()
    app.all('/mcp', (request, reply) => {
      reply.hijack()
      mcp.handle(request.raw, reply.raw, request.body)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(async () => {
      app.server.closeAllConnections()
      await app.close()
    })
    return (app.server.address() as AddressInfo).port
  },
  Hono: async () => {
    const mcp = await serving(httpHandler())
    const app = new Hono()
    app.all('/mcp', (c) => mcp.fetch(c.req.raw, { remoteAddress: getConnInfo(c).remote.address }))
    const server = await new Promise<ReturnType<typeof serveHono>>((resolve) => {
      const made = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(made))
    })
    onTestFinished(async () => {
      ;(server as Server).closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return (server.address() as AddressInfo).port
  },
}

describe.each(Object.entries(mounts))('an endpoint on %s', (_, mount) => {
  test.each(Object.entries(clients))('serves an official %s', async (_client, connect) => {
    const url = new URL(`http://127.0.0.1:${await mount()}/mcp`)
    const client = await connect(url)
    const { content } = await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })
    expect(content).toEqual([{ type: 'text', text: '3' }])
    const counted = await client.callTool({ name: 'count' })
    expect(counted.content).toEqual([{ type: 'text', text: 'counted' }])
    await client.close()
  })

  test('refuses a page of another site, and reports a body that is not JSON', async () => {
    const raw = rawHttp(await mount())
    const evil = { origin: 'https://evil.example' }
    expect((await raw.ask({ body: initialize(), headers: evil })).status).toBe(403)
    const garbled = await raw.open({ body: '{"jsonrpc":' })
    expect(garbled.status).toBe(400)
  })

  test('ends a stream when its client disconnects', async () => {
    const port = await mount()
    const raw = rawHttp(port)
    const opened = await raw.ask({ body: initialize() })
    const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']) }
    const first = await raw.open({ method: 'GET', headers })
    expect(first.status).toBe(200)
    first.leave()
    const second = await raw.open({ method: 'GET', headers })
    expect(second.status).toBe(200)
    second.leave()
  })
})

test.each([
  ['request and reply of Fastify', (request: object, reply: object) => [request, reply]],
  ['its reply alone', ({ raw }: { raw: object }, reply: object) => [raw, reply]],
  ['its request alone', (request: object, { raw }: { raw: object }) => [request, raw]],
  ['nothing', () => []],
])('throws from handle() for %s, and Fastify reports it to the client', async (_, given) => {
  const mcp = await serving(requestHandler())
  const app = fastify()
  onTestFinished(() => app.close())
  app.all('/mcp', (request, reply) => {
    mcp.handle(...(given(request, reply) as unknown as Parameters<typeof mcp.handle>))
  })
  const answer = await app.inject({ method: 'POST', url: '/mcp', payload: initialize() })
  expect(answer.statusCode).toBe(500)
  expect(answer.json().message).toMatch(/handle\(\) takes .* of node:http; .*request\.raw and reply\.raw/)
})

/** Where web-standard requests of these tests come from. */
const local = { remoteAddress: '127.0.0.1' }

describe('httpHandler', () => {
  const post = (body: unknown, headers: Record<string, string> = {}): Request =>
    new Request('http://localhost/mcp', {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
    })

  async function echoing(
    options: Parameters<typeof httpHandler>[0] = {},
  ): Promise<ReturnType<typeof httpHandler>> {
    const handler = httpHandler(options)
    handler.onconnection = (connection) => {
      connection.onmessage = (message) => {
        if (!isRequest(message)) return
        const belongs = { relatedRequestId: message.id }
        if (message.method === 'test/many') {
          const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
          for (let n = 0; n < 3; n++) void connection.send(note, belongs)
        }
        void connection.send(echo(message))
      }
      void connection.start()
    }
    await handler.start()
    onTestFinished(() => handler.close())
    return handler
  }

  test('responds to a Request with a Response, in JSON and as a stream', async () => {
    const handler = await echoing()
    const opened = await handler.fetch(post(initialize()), local)
    expect({ status: opened.status, contentType: opened.headers.get('content-type') }).toEqual({
      status: 200,
      contentType: 'application/json',
    })
    const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    const noted = await handler.fetch(
      post({ jsonrpc: '2.0', method: 'notifications/initialized' }, headers),
      local,
    )
    expect({ status: noted.status, text: await noted.text() }).toEqual({ status: 202, text: '' })
    const many = await handler.fetch(post({ jsonrpc: '2.0', id: 1, method: 'test/many' }, headers), local)
    expect(many.headers.get('content-type')).toBe('text/event-stream')
    expect((await many.text()).match(/^data: /gm)).toHaveLength(4)
    const ended = await handler.fetch(
      new Request('http://localhost/mcp', { method: 'DELETE', headers }),
      local,
    )
    expect(ended.status).toBe(204)
    await vi.waitFor(() => expect(handler.connections.size).toBe(0))
  })

  test('passes the facts of the runtime to the gate', async () => {
    const seen: unknown[] = []
    const gate = {
      admit: ({ remote, host, path }: { remote: object; host?: string; path?: string }) => {
        seen.push({ remote, host, path })
        return { admit: true } as const
      },
    }
    const handler = await echoing({ gate })
    await handler.fetch(post(initialize()), { remoteAddress: '192.0.2.1', remotePort: 7 })
    expect(seen).toEqual([{ remote: { address: '192.0.2.1', port: 7 }, host: 'localhost', path: '/mcp' }])
  })

  test('refuses a remote client, and one of unknown address, without a gate', async () => {
    const handler = await echoing()
    const unknown = await handler.fetch(post(initialize()))
    expect({ status: unknown.status, body: await unknown.json() }).toMatchObject({
      status: 403,
      body: { error: { message: expect.stringContaining('pass remoteAddress') } },
    })
    expect((await handler.fetch(post(initialize()), { remoteAddress: '192.0.2.1' })).status).toBe(403)
  })

  test('accepts a parsed body, and buffers no more of another than maxMessageBytes', async () => {
    const handler = await echoing({ maxMessageBytes: 1024 })
    const parsed = new Request('http://localhost/mcp', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
    })
    expect((await handler.fetch(parsed, { ...local, parsedBody: initialize() })).status).toBe(200)
    let pulled = 0
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled++
        controller.enqueue(new Uint8Array(512).fill(32))
      },
    })
    const long = new Request('http://localhost/mcp', {
      method: 'POST',
      body: endless,
      headers: { 'content-type': 'application/json' },
      duplex: 'half',
    } as RequestInit)
    const answer = await handler.fetch(long, local)
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 413,
      body: { error: { code: -32_600 } },
    })
    expect(pulled).toBeLessThan(10)
  })

  test('responds with 503 before start() and after close()', async () => {
    const handler = httpHandler()
    expect((await handler.fetch(post(initialize()), local)).status).toBe(503)
    await handler.start()
    await handler.close()
    const late = await handler.fetch(post(initialize()), local)
    expect({ status: late.status, retryAfter: late.headers.get('retry-after') }).toEqual({
      status: 503,
      retryAfter: '5',
    })
  })

  test('detects that its client disconnected', async () => {
    const handler = await echoing()
    const opened = await handler.fetch(post(initialize()), local)
    const headers = {
      'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
      accept: 'text/event-stream',
    }
    const left = new AbortController()
    const get = new Request('http://localhost/mcp', { headers, signal: left.signal })
    const stream = await handler.fetch(get, local)
    const reader = stream.body?.getReader()
    left.abort()
    const [connection] = handler.connections
    await connection?.send({ jsonrpc: '2.0', method: 'notifications/late' })
    const again = await handler.fetch(new Request('http://localhost/mcp', { headers }), local)
    const text = new TextDecoder().decode((await again.body?.getReader().read())?.value)
    expect(text).toContain('notifications/late')
    reader?.cancel().catch(() => {})
  })

  test('has the address of option "url"', async () => {
    const handler = await echoing({ url: 'https://mcp.example/mcp' })
    expect(handler.address).toBe('https://mcp.example/mcp')
  })
})
