import { Client } from '@modelcontextprotocol/client'
import { inputRequired, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type Acceptor, createListener } from '../src/authoring.js'
import {
  type AuthInfo,
  type Gate,
  isRequest,
  type JsonRpcMessage,
  type Layer,
  memoryPair,
  type Transport,
  withLayers,
} from '../src/index.js'

const MODERN = '2026-07-28'
const info = { name: 'test', version: '1.0.0' }

interface Factory {
  readonly authInfo?: AuthInfo | undefined
  readonly aborted?: () => void
}

function newServer({ authInfo, aborted }: Factory = {}): McpServer {
  const server = new McpServer(info)
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
  server.registerTool('hang', {}, ({ mcpReq }) => {
    return new Promise((_, reject) => {
      mcpReq.signal.addEventListener('abort', () => {
        aborted?.()
        reject(new Error('cancelled'))
      })
    })
  })
  server.registerTool('ask', {}, ({ mcpReq }) => {
    const answer = mcpReq.inputResponses?.['name'] as { content?: { name?: string } } | undefined
    if (answer) return { content: [{ type: 'text', text: `Hello ${answer.content?.name}` }] }
    const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } }
    return inputRequired({
      inputRequests: { name: inputRequired.elicit({ message: 'Name?', requestedSchema }) },
    })
  })
  server.registerTool('whoami', {}, () => ({
    content: [{ type: 'text', text: authInfo?.clientId ?? 'nobody' }],
  }))
  server.registerTool('grow', {}, () => {
    server.registerTool('grown', {}, () => ({ content: [] }))
    return { content: [] }
  })
  return server
}

function newClient(mode: 'auto' | { pin: string } = 'auto'): Client {
  const client = new Client(info, { capabilities: { elicitation: {} }, versionNegotiation: { mode } })
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Ada' } }))
  return client
}

/** Records the messages of both directions. */
function logging(log: JsonRpcMessage[]): Layer {
  return (next) => ({
    connect: async (sink, signal) => {
      const channel = await next.connect(
        {
          ...sink,
          message: (message, context) => {
            log.push(message)
            sink.message(message, context)
          },
        },
        signal,
      )
      return {
        ...channel,
        send: (message, options) => {
          log.push(message)
          return channel.send(message, options)
        },
      }
    },
  })
}

const methodsIn = (log: JsonRpcMessage[]): string[] => log.filter(isRequest).map(({ method }) => method)

describe.each([
  ['negotiates', 'auto'],
  ['insists', { pin: MODERN }],
] as const)('in the 2026-07-28 era, with a client that %s', (_name, mode) => {
  const connected = async (factory: Factory = {}) => {
    const [near, far] = memoryPair()
    const log: JsonRpcMessage[] = []
    serveStdio(() => newServer(factory), { transport: far })
    const client = newClient(mode)
    await client.connect(withLayers(near, logging(log)))
    return { client, log, near, far }
  }

  test('exchanges no initialize', async () => {
    const { client, log } = await connected()
    await client.listTools()

    expect(methodsIn(log)).toEqual(['server/discover', 'tools/list'])
    await client.close()
  })

  test('lists tools and calls one', async () => {
    const { client } = await connected()

    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('add')
    expect(await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })).toMatchObject({
      content: [{ type: 'text', text: '3' }],
    })
    await client.close()
  })

  test('receives progress in order', async () => {
    const { client } = await connected()
    const progress: number[] = []
    await client.callTool(
      { name: 'count', arguments: {} },
      { onprogress: (each) => progress.push(each.progress) },
    )

    expect(progress).toEqual([1, 2, 3])
    await client.close()
  })

  test('aborts a call at the server when the client aborts it', async () => {
    const aborted = vi.fn()
    const { client } = await connected({ aborted })
    const controller = new AbortController()
    const rejected = expect(
      client.callTool({ name: 'hang', arguments: {} }, { signal: controller.signal }),
    ).rejects.toThrow()
    await client.listTools()
    controller.abort('changed my mind')
    await rejected
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledTimes(1))

    await client.close()
  })

  test('completes a call in a second round with input responses', async () => {
    const { client, log } = await connected()

    expect(await client.callTool({ name: 'ask', arguments: {} })).toMatchObject({
      content: [{ type: 'text', text: 'Hello Ada' }],
    })
    expect(methodsIn(log).filter((method) => method === 'tools/call')).toHaveLength(2)
    await client.close()
  })

  test('delivers changes to a subscription until it is closed', async () => {
    const { client } = await connected()
    const changed = vi.fn()
    client.setNotificationHandler('notifications/tools/list_changed', changed)
    const subscription = await client.listen({ toolsListChanged: true })
    await client.callTool({ name: 'grow', arguments: {} })
    await vi.waitFor(() => expect(changed).toHaveBeenCalled())
    await subscription.close()

    await client.close()
  })

  test('ends both ends when either closes', async () => {
    const { client, near, far } = await connected()
    const rejected = expect(client.callTool({ name: 'hang', arguments: {} })).rejects.toThrow()
    await client.listTools()
    await far.close()
    await rejected

    expect(far.state).toBe('closed')
    expect(near.state).toBe('idle')
  })
})

test('rejects a client that requires the modern era at a legacy server', async () => {
  const [near, far] = memoryPair()
  await newServer().connect(far)
  const client = newClient({ pin: MODERN })

  await expect(client.connect(near)).rejects.toThrow()
  await expect(near.closed).resolves.toBeUndefined()
})

describe('authInfo', () => {
  const authInfo = (clientId: string): AuthInfo => ({ token: `token of ${clientId}`, clientId, scopes: [] })

  /** A gate that takes the identity from the `name` header. */
  const believing: Gate = {
    admit: ({ headers }) => ({ admit: true, authInfo: authInfo(headers['name'] ?? 'nobody') }),
  }

  /** A client transport to the server behind the gate. */
  async function transportOf(name: string, accept: (connection: Transport) => void): Promise<Transport> {
    const [near, far] = memoryPair()
    const acceptor: Acceptor = {
      bindsBeyondThisHost: false,
      listen: async ({ connection }) => {
        connection({
          handshake: { medium: 'memory', remote: {}, headers: { name } },
          connector: {
            connect: async (sink) => {
              far.onmessage = sink.message
              far.onclose = () => sink.end()
              await far.start()
              return {
                peer: { medium: 'memory', address: 'a' },
                send: far.send.bind(far),
                close: far.close.bind(far) as never,
              }
            },
          },
          refuse: () => void far.close(),
        })
        return { address: 'memory:test', close: async () => {} }
      },
    }
    const listener = createListener(acceptor, { gate: believing })
    listener.onconnection = accept
    await listener.start()
    return near
  }

  test.each([
    ['auto', 'auto'],
    ['pinned', { pin: MODERN }],
  ] as const)('reaches the factory through the peer of each connection (%s)', async (_name, mode) => {
    const whoIs = async (name: string): Promise<unknown> => {
      const transport = await transportOf(name, (connection) => {
        serveStdio(() => newServer({ authInfo: connection.peer?.authInfo }), { transport: connection })
      })
      const client = newClient(mode)
      await client.connect(transport)
      const { content } = await client.callTool({ name: 'whoami', arguments: {} })
      await client.close()
      return content
    }

    expect(await Promise.all([whoIs('alice'), whoIs('bob')])).toEqual([
      [{ type: 'text', text: 'alice' }],
      [{ type: 'text', text: 'bob' }],
    ])
  })

  test('reaches the factory for a legacy client too', async () => {
    const transport = await transportOf('alice', (connection) => {
      serveStdio(() => newServer({ authInfo: connection.peer?.authInfo }), { transport: connection })
    })
    const client = new Client(info)
    await client.connect(transport)

    expect(await client.callTool({ name: 'whoami', arguments: {} })).toMatchObject({
      content: [{ type: 'text', text: 'alice' }],
    })
    await client.close()
  })
})
