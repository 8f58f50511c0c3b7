import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type AuthInfo, type Layer, memoryPair, type Transport, withLayers } from '../src/index.js'

const info = { name: 'test', version: '1.0.0' }
const authInfo: AuthInfo = { token: 'secret', clientId: 'alice', scopes: ['read'] }

/** The records of the server's handlers. */
interface Seen {
  readonly aborted: (reason: unknown) => void
}

/** A test server of either SDK. */
interface Server {
  connect(transport: Transport): Promise<void>
  close(): Promise<void>
  listRoots(): Promise<{ roots: { uri: string }[] }>
}

function serverV1(seen: Seen): Server {
  const server = new ServerV1(info)
  server.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }))
  server.registerTool('count', {}, async ({ _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken ?? 'none'
    for (const progress of [1, 2, 3]) {
      await sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress, total: 3 },
      })
    }
    return { content: [] }
  })
  server.registerTool('hang', {}, ({ signal }) => untilAborted(signal, seen))
  server.registerTool('ask', {}, async () => {
    const { action, content } = await server.server.elicitInput({
      message: 'Name?',
      requestedSchema: nameSchema,
    })
    return { content: [{ type: 'text', text: `${action} ${content?.['name']}` }] }
  })
  server.registerTool('whoami', {}, (extra) => ({
    content: [{ type: 'text', text: extra.authInfo?.clientId ?? 'nobody' }],
  }))
  return {
    connect: (transport) => server.connect(transport),
    close: () => server.close(),
    listRoots: () => server.server.listRoots(),
  }
}

function mcpServerV2(seen: Seen): ServerV2 {
  const server = new ServerV2(info)
  server.registerTool('add', { inputSchema: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }))
  server.registerTool('count', {}, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 'none'
    for (const progress of [1, 2, 3]) {
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 3 } })
    }
    return { content: [] }
  })
  server.registerTool('hang', {}, ({ mcpReq }) => untilAborted(mcpReq.signal, seen))
  server.registerTool('ask', {}, async ({ mcpReq }) => {
    const { action, content } = await mcpReq.elicitInput({ message: 'Name?', requestedSchema: nameSchema })
    return { content: [{ type: 'text', text: `${action} ${content?.['name']}` }] }
  })
  server.registerTool('whoami', {}, ({ http }) => ({
    content: [{ type: 'text', text: http?.authInfo?.clientId ?? 'nobody' }],
  }))
  return server
}

function serverV2(seen: Seen): Server {
  const server = mcpServerV2(seen)
  return {
    connect: (transport) => server.connect(transport),
    close: () => server.close(),
    listRoots: () => server.server.listRoots(),
  }
}

/** An SDK v2 server for both eras. */
function servedV2(seen: Seen): Server {
  const server = mcpServerV2(seen)
  return {
    connect: async (transport) => {
      serveStdio(() => server, { transport })
    },
    close: () => server.close(),
    listRoots: () => server.server.listRoots(),
  }
}

const nameSchema = {
  type: 'object' as const,
  properties: { name: { type: 'string' as const } },
}

function untilAborted(signal: AbortSignal, seen: Seen): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      seen.aborted(signal.reason)
      reject(new Error('cancelled'))
    })
  })
}

const clientCapabilities = { elicitation: {}, roots: {} }
const answers = {
  elicit: async () => ({ action: 'accept' as const, content: { name: 'Ada' } }),
  roots: async () => ({ roots: [{ uri: 'file:///home' }] }),
}

function clientV1(): ClientV1 {
  const client = new ClientV1(info, { capabilities: clientCapabilities })
  client.setRequestHandler(ElicitRequestSchema, answers.elicit)
  client.setRequestHandler(ListRootsRequestSchema, answers.roots)
  return client
}

function clientV2(): ClientV2 {
  const client = new ClientV2(info, { capabilities: clientCapabilities })
  client.setRequestHandler('elicitation/create', answers.elicit)
  client.setRequestHandler('roots/list', answers.roots)
  return client
}

/** An SDK v2 client that prefers the modern era and falls back. */
function clientV2Auto(): ClientV2 {
  const client = new ClientV2(info, {
    capabilities: clientCapabilities,
    versionNegotiation: { mode: 'auto' },
  })
  client.setRequestHandler('elicitation/create', answers.elicit)
  client.setRequestHandler('roots/list', answers.roots)
  return client
}

/** SDK v1 has a result schema before the options, SDK v2 has none. */
function callTool(
  client: ClientV1 | ClientV2,
  call: { name: string; arguments: Record<string, unknown> },
  options: { onprogress?: (each: { progress: number }) => void; signal?: AbortSignal },
): Promise<unknown> {
  return client instanceof ClientV1
    ? client.callTool(call, undefined, options)
    : client.callTool(call, options)
}

/** Adds `authInfo` to each message context, as a listener does. */
const identifying: Layer = (next) => ({
  connect: (sink, signal) =>
    next.connect(
      { ...sink, message: (message, context) => sink.message(message, { ...context, authInfo }) },
      signal,
    ),
})

describe.each([
  ['v1 client, v1 server', clientV1, serverV1],
  ['v1 client, v2 server', clientV1, serverV2],
  ['v1 client, v2 server of both eras', clientV1, servedV2],
  ['v2 client, v1 server', clientV2, serverV1],
  ['v2 client, v2 server', clientV2, serverV2],
  ['v2 client, v2 server of both eras', clientV2, servedV2],
  ['v2 client that negotiates, v1 server', clientV2Auto, serverV1],
  ['v2 client that negotiates, v2 server of one era', clientV2Auto, serverV2],
] as const)('in the legacy eras, %s', (_name, newClient, newServer) => {
  const connected = async (...layers: Layer[]) => {
    const [near, far] = memoryPair()
    const seen = { aborted: vi.fn() }
    const server = newServer(seen)
    const client = newClient() as ClientV2
    const transport = withLayers(far, ...layers)
    await Promise.all([server.connect(transport), client.connect(near)])
    return { client, server, seen, near, far: transport }
  }

  test('lists tools and calls one', async () => {
    const { client } = await connected()

    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('add')
    expect(await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })).toMatchObject({
      content: [{ type: 'text', text: '3' }],
    })
    await client.close()
  })

  test('returns the right response to each of many concurrent calls', async () => {
    const { client } = await connected()
    const sums = await Promise.all(
      Array.from({ length: 50 }, (_, n) => client.callTool({ name: 'add', arguments: { a: n, b: 1000 } })),
    )

    expect(sums.map(({ content }) => (content as { text: string }[])[0]?.text)).toEqual(
      Array.from({ length: 50 }, (_, n) => String(n + 1000)),
    )
    await client.close()
  })

  test('receives progress in order', async () => {
    const { client } = await connected()
    const progress: number[] = []
    const call = { name: 'count', arguments: {} }
    await callTool(client, call, { onprogress: (each) => progress.push(each.progress) })

    expect(progress).toEqual([1, 2, 3])
    await client.close()
  })

  test('aborts a call at the server when the client aborts it', async () => {
    const { client, seen } = await connected()
    const controller = new AbortController()
    const call = callTool(client, { name: 'hang', arguments: {} }, { signal: controller.signal })
    const rejected = expect(call).rejects.toThrow()
    await client.ping()
    controller.abort('changed my mind')
    await rejected
    await client.ping()

    expect(seen.aborted).toHaveBeenCalledTimes(1)
    await client.close()
  })

  test('accepts requests of the server during and between calls', async () => {
    const { client, server } = await connected()

    expect(await client.callTool({ name: 'ask', arguments: {} })).toMatchObject({
      content: [{ type: 'text', text: 'accept Ada' }],
    })
    expect(await server.listRoots()).toMatchObject({ roots: [{ uri: 'file:///home' }] })
    await client.close()
  })

  test('ends both ends and rejects pending calls when either closes', async () => {
    const { client, near, far } = await connected()
    const rejected = expect(client.callTool({ name: 'hang', arguments: {} })).rejects.toThrow()
    await client.ping()
    await far.close()
    await rejected

    await expect(near.closed).resolves.toBeUndefined()
    expect(near.state).toBe('closed')
    expect(far.state).toBe('closed')
  })

  test('rejects connect() when the transport cannot start and connects another one', async () => {
    const [left, stays] = memoryPair()
    await left.start()
    await left.close()
    const client = newClient() as ClientV2
    await expect(client.connect(stays)).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    const [near, far] = memoryPair()
    await Promise.all([newServer({ aborted: vi.fn() }).connect(far), client.connect(near)])

    expect((await client.listTools()).tools).toHaveLength(5)
    await client.close()
  })

  if (newServer !== servedV2) {
    test('passes authInfo to handlers', async () => {
      const { client } = await connected(identifying)

      expect(await client.callTool({ name: 'whoami', arguments: {} })).toMatchObject({
        content: [{ type: 'text', text: 'alice' }],
      })
      await client.close()
    })
  }
})
