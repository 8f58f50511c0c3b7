import { serve, type Transport } from '@mcpwire/core'
import {
  Client as ClientV2,
  SSEClientTransport as SseV2,
  StreamableHTTPClientTransport as StreamableV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport as StreamableV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  CreateMessageRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { memoryEventStore } from '../src/index.js'
import { type HttpServerOptions, httpServer } from '../src/node/index.js'

const info = { name: 'test', version: '1.0.0' }
const httpSse = { path: '/sse', messagesPath: '/messages' }
const text = (content: string) => ({ content: [{ type: 'text' as const, text: content }] })
const question = {
  messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'why?' } }],
  maxTokens: 10,
}

function serverV1(): ServerV1 {
  const server = new ServerV1(info)
  server.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) =>
    text(String(a + b)),
  )
  server.registerTool('count', {}, async ({ sendNotification, _meta }) => {
    for (let progress = 1; progress <= 3; progress++) {
      const progressToken = _meta?.progressToken ?? 0
      await sendNotification({ method: 'notifications/progress', params: { progressToken, progress } })
    }
    return text('counted')
  })
  server.registerTool('ask', {}, async () => {
    const { content } = await server.server.createMessage(question)
    return text(JSON.stringify(content))
  })
  server.registerTool('grow', {}, () => {
    server.registerTool('more', {}, () => text('more'))
    return text('grown')
  })
  server.registerTool('where', {}, ({ requestInfo, sessionId }) =>
    text(
      JSON.stringify({ sessionId, path: requestInfo?.url?.pathname, accept: requestInfo?.headers['accept'] }),
    ),
  )
  return server
}

function serverV2(): ServerV2 {
  const server = new ServerV2(info)
  server.registerTool('add', { inputSchema: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) =>
    text(String(a + b)),
  )
  server.registerTool('count', {}, async ({ mcpReq }) => {
    for (let progress = 1; progress <= 3; progress++) {
      const progressToken = mcpReq._meta?.progressToken ?? 0
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } })
    }
    return text('counted')
  })
  server.registerTool('ask', {}, async () => {
    const { content } = await server.server.createMessage(question)
    return text(JSON.stringify(content))
  })
  server.registerTool('grow', {}, () => {
    server.registerTool('more', {}, () => text('more'))
    return text('grown')
  })
  server.registerTool('where', {}, ({ http, sessionId }) => {
    const { url, headers } = http?.req ?? {}
    return text(
      JSON.stringify({ sessionId, path: new URL(url ?? '').pathname, accept: headers?.get('accept') }),
    )
  })
  return server
}

const servers: Record<string, () => { connect(transport: Transport): Promise<void> }> = {
  'v1 server': serverV1,
  'v2 server': serverV2,
}

const kinds: Record<string, Partial<HttpServerOptions>> = {
  'answers auto': {},
  'answers json': { responseFormat: 'json' },
  'answers sse': { responseFormat: 'sse' },
  'an event store': { eventStore: memoryEventStore() },
}

interface Ends {
  readonly address: string
  readonly connections: ReadonlySet<Transport>
  readonly errors: Error[]
}

async function started(make: (typeof servers)[string], options: Partial<HttpServerOptions>): Promise<Ends> {
  const listener = httpServer({ port: 0, httpSse, ...options })
  const errors: Error[] = []
  listener.onerror = (error) => errors.push(error)
  await serve(listener, async (connection) => {
    await make().connect(connection)
    const { onerror } = connection
    connection.onerror = (error) => {
      errors.push(error)
      onerror?.(error)
    }
  })
  onTestFinished(() => listener.close())
  return { address: listener.url, connections: listener.connections, errors }
}

interface Talk {
  call(name: string, onprogress?: (update: { progress: number }) => void): Promise<unknown>
  /** Answers requests of the server, and counts the notifications of changed tools. */
  readonly changes: () => number
  terminate(): Promise<void>
  close(): Promise<void>
}

const capabilities = { capabilities: { sampling: {} } }
const sampled = {
  role: 'assistant' as const,
  model: 'm',
  content: { type: 'text' as const, text: 'because' },
}

async function talkV1(url: URL, isOld: boolean): Promise<Talk> {
  const client = new ClientV1(info, capabilities)
  let changes = 0
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled)
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    changes++
  })
  const transport = isOld ? new SseV1(url) : new StreamableV1(url)
  await client.connect(transport)
  return {
    call: (name, onprogress) =>
      client.callTool({ name, arguments: { a: 1, b: 2 } }, undefined, { ...(onprogress && { onprogress }) }),
    changes: () => changes,
    terminate: async () => {
      if ('terminateSession' in transport) await transport.terminateSession()
    },
    close: () => client.close(),
  }
}

async function talkV2(url: URL, isOld: boolean): Promise<Talk> {
  const client = new ClientV2(info, capabilities)
  let changes = 0
  client.setRequestHandler('sampling/createMessage', () => sampled)
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    changes++
  })
  const transport = isOld ? new SseV2(url) : new StreamableV2(url)
  await client.connect(transport)
  return {
    call: (name, onprogress) =>
      client.callTool({ name, arguments: { a: 1, b: 2 } }, { ...(onprogress && { onprogress }) }),
    changes: () => changes,
    terminate: async () => {
      if ('terminateSession' in transport) await transport.terminateSession()
    },
    close: () => client.close(),
  }
}

const clients = { 'v1 client': talkV1, 'v2 client': talkV2 }

const pairs = Object.entries(servers).flatMap(([server, make]) =>
  Object.entries(clients).map(([client, connect]) => ({ server, make, client, connect })),
)

describe.each(Object.entries(kinds))('responses in the format of %s', (_, options) => {
  test.each(pairs)('of $server reach an official $client', async ({ make, connect }) => {
    const { address, connections, errors } = await started(make, options)
    const talk = await connect(new URL(address), false)
    expect(await talk.call('add')).toMatchObject(text('3'))
    const seen: number[] = []
    expect(await talk.call('count', ({ progress }) => seen.push(progress))).toMatchObject(text('counted'))
    // With a JSON response it uses the other stream, where it may be too late for the SDK.
    if (options.responseFormat !== 'json') expect(seen).toEqual([1, 2, 3])
    expect(JSON.stringify(await talk.call('ask'))).toContain('because')
    await talk.call('grow')
    await vi.waitFor(() => expect(talk.changes()).toBe(1))
    const { content } = (await talk.call('where')) as { content: { text: string }[] }
    expect(JSON.parse(content[0]?.text ?? '')).toEqual({
      sessionId: [...connections][0]?.sessionId,
      path: '/mcp',
      accept: 'application/json, text/event-stream',
    })
    expect(connections.size).toBe(1)
    await talk.terminate()
    await talk.close()
    await vi.waitFor(() => expect(connections.size).toBe(0))
    expect(errors).toEqual([])
  })
})

test.each(pairs)('serves an official $client of HTTP+SSE with $server', async ({ make, connect }) => {
  const { address, connections, errors } = await started(make, {})
  const talk = await connect(new URL('/sse', address), true)
  expect(await talk.call('add')).toMatchObject(text('3'))
  expect(await talk.call('count')).toMatchObject(text('counted'))
  expect(JSON.stringify(await talk.call('ask'))).toContain('because')
  await talk.call('grow')
  await vi.waitFor(() => expect(talk.changes()).toBe(1))
  await talk.close()
  await vi.waitFor(() => expect(connections.size).toBe(0))
  expect(errors).toEqual([])
})

test('serves many official clients at once, with the same ids', async () => {
  const { address, connections } = await started(serverV1, {})
  const talks = await Promise.all(
    Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? talkV1 : talkV2)(new URL(address), false)),
  )
  expect(connections.size).toBe(20)
  const counted = talks.map(async (talk) => {
    const seen: number[] = []
    await talk.call('count', ({ progress }) => seen.push(progress))
    return seen
  })
  expect(await Promise.all(counted)).toEqual(talks.map(() => [1, 2, 3]))
  for (const talk of talks) await talk.close()
})
