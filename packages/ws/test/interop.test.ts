import {
  type AuthInfo,
  allOf,
  type Gate,
  type Listener,
  localOnly,
  serve,
  type Transport,
} from '@mcpwire/core'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { wsClient } from '../src/index.js'
import { type WsServerOptions, wsServer } from '../src/node/index.js'
import { hostCertificate, trusted } from './support/tls-tunnel.js'

const info = { name: 'test', version: '1.0.0' }
const MODERN = '2026-07-28'
const text = (content: string) => ({ content: [{ type: 'text' as const, text: content }] })

function serverV1(): ServerV1 {
  const server = new ServerV1(info)
  const inputSchema = { a: z.number(), b: z.number() }
  server.registerTool('add', { inputSchema }, ({ a, b }) => text(String(a + b)))
  server.registerTool('whoami', {}, ({ authInfo }) => text(authInfo?.clientId ?? 'nobody'))
  return server
}

function serverV2(authInfo?: AuthInfo): ServerV2 {
  const server = new ServerV2(info)
  const inputSchema = z.object({ a: z.number(), b: z.number() })
  server.registerTool('add', { inputSchema }, ({ a, b }) => text(String(a + b)))
  server.registerTool('whoami', {}, ({ http }) => text((http?.authInfo ?? authInfo)?.clientId ?? 'nobody'))
  return server
}

const servers: Record<string, (connection: Transport) => unknown> = {
  'v1 server': (connection) => serverV1().connect(connection),
  'v2 server': (connection) => serverV2().connect(connection),
  'v2 server of both eras': (connection) => {
    serveStdio(() => serverV2(connection.peer?.authInfo), { transport: connection })
  },
}

const clients: Record<string, () => ClientV1 | ClientV2> = {
  'v1 client': () => new ClientV1(info),
  'v2 client': () => new ClientV2(info),
  'v2 client that negotiates': () => new ClientV2(info, { versionNegotiation: { mode: 'auto' } }),
  'v2 client pinned to the newest era': () =>
    new ClientV2(info, { versionNegotiation: { mode: { pin: MODERN } } }),
}

const wires = {
  ws: { server: {}, client: {} },
  'wss with permessage-deflate': {
    server: { tls: hostCertificate, deflate: { thresholdBytes: 64 } },
    client: { tls: trusted, deflate: { thresholdBytes: 64 } },
  },
}

async function served(options: Partial<WsServerOptions>, serverName: string): Promise<Listener> {
  const accept = servers[serverName] as (connection: Transport) => unknown
  const listener = await serve(wsServer({ port: 0, ...options }), (connection) => void accept(connection))
  onTestFinished(() => listener.close())
  return listener
}

async function connected(client: ClientV1 | ClientV2, transport: object): Promise<ClientV2> {
  await (client as ClientV2).connect(transport as Transport)
  onTestFinished(() => client.close())
  return client as ClientV2
}

async function converse(client: ClientV2): Promise<void> {
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['add', 'whoami'])
  const sums = await Promise.all(
    Array.from({ length: 20 }, (_, n) => client.callTool({ name: 'add', arguments: { a: n, b: 100 } })),
  )
  expect(sums.map(({ content }) => content)).toEqual(sums.map((_, n) => text(String(n + 100)).content))
}

describe.each(Object.entries(wires))('over %s', (_, { server: serverOptions, client: clientOptions }) => {
  const pairs = Object.keys(clients).flatMap((client) =>
    Object.keys(servers).map((server) => [client, server] as const),
  )

  test.each(pairs.filter(([client, server]) => !client.includes('pinned') || server.includes('both')))(
    'connects a %s and a %s [CUST-01, CUST-02]',
    async (clientName, serverName) => {
      const { address = '' } = await served(serverOptions, serverName)
      const transport = wsClient({ url: address, ...clientOptions })
      const client = await connected((clients[clientName] as () => ClientV2)(), transport)
      await converse(client)
      if (serverName.includes('both') && !['v1 client', 'v2 client'].includes(clientName))
        expect(client.getNegotiatedProtocolVersion?.()).toBe(MODERN)
      await client.close()
      expect(await transport.closed).toBeUndefined()
    },
  )
})

test.each(Object.keys(servers))(
  'connects the WebSocketClientTransport of SDK v1 to a %s',
  async (serverName) => {
    vi.stubGlobal('WebSocket', WebSocket)
    onTestFinished(() => void vi.unstubAllGlobals())
    const { address = '' } = await served({}, serverName)
    await converse(await connected(new ClientV1(info), new WebSocketClientTransport(new URL(address))))
  },
)

const byToken: Gate = {
  admit: ({ headers }) => {
    const clientId = /^Bearer token-of-(\w+)$/.exec(headers['authorization'] ?? '')?.[1]
    if (clientId === undefined) return { admit: false, status: 401, reason: 'no token', challenge: 'Bearer' }
    return { admit: true, authInfo: { token: 'concealed', clientId, scopes: [] } }
  },
}

test.each([
  ['v1 server', 'v1 client'],
  ['v2 server', 'v2 client'],
  ['v2 server of both eras', 'v2 client pinned to the newest era'],
])('passes authInfo to a handler of a %s for a %s, and refuses others', async (serverName, clientName) => {
  const { address = '' } = await served({ gate: allOf(localOnly(), byToken) }, serverName)
  const names = ['alice', 'bob', 'carol']
  const all = await Promise.all(
    names.map((name) => {
      const transport = wsClient({ url: address, headers: { authorization: `Bearer token-of-${name}` } })
      return connected((clients[clientName] as () => ClientV2)(), transport)
    }),
  )
  const results = await Promise.all(all.map((client) => client.callTool({ name: 'whoami', arguments: {} })))
  expect(results.map(({ content }) => content)).toEqual(names.map((name) => text(name).content))
  const stranger = connected((clients[clientName] as () => ClientV2)(), wsClient({ url: address }))
  await expect(stranger).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
})
