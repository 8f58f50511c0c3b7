import { type AuthInfo, type Gate, type Listener, serve, type Transport } from '@mcpwire/core'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { type TcpClientOptions, tcpClient, tcpServer } from '../src/index.js'
import { aliceCredential, authority, mutualTls, tls } from './support/credentials.js'
import { portOf } from './support/ends.js'

const info = { name: 'test', version: '1.0.0' }
const text = (content: string) => ({ content: [{ type: 'text' as const, text: content }] })

function serverV1(): ServerV1 {
  const server = new ServerV1(info)
  server.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) =>
    text(String(a + b)),
  )
  server.registerTool('whoami', {}, ({ authInfo }) => text(authInfo?.clientId ?? 'anonymous'))
  return server
}

function serverV2(authInfo?: AuthInfo): ServerV2 {
  const server = new ServerV2(info)
  const inputSchema = z.object({ a: z.number(), b: z.number() })
  server.registerTool('add', { inputSchema }, ({ a, b }) => text(String(a + b)))
  server.registerTool('whoami', {}, ({ http }) => text((http?.authInfo ?? authInfo)?.clientId ?? 'anonymous'))
  return server
}

const servers: Record<string, (connection: Transport) => unknown> = {
  'v1 server': (connection) => serverV1().connect(connection),
  'v2 server': (connection) => serverV2().connect(connection),
  'v2 server of both eras': (connection) => {
    serveStdio(() => serverV2(connection.peer?.authInfo), { transport: connection })
  },
}

const MODERN = '2026-07-28'
const clients: Record<string, () => ClientV1 | ClientV2> = {
  'v1 client': () => new ClientV1(info),
  'v2 client': () => new ClientV2(info),
  'v2 client that negotiates': () => new ClientV2(info, { versionNegotiation: { mode: 'auto' } }),
  'v2 client pinned to the newest era': () =>
    new ClientV2(info, { versionNegotiation: { mode: { pin: MODERN } } }),
}

const media = {
  plain: { server: {}, client: {} },
  'mutual TLS': { server: { tls: mutualTls.server }, client: { tls: mutualTls.client } },
}

async function serverWith(
  options: Partial<Parameters<typeof tcpServer>[0]>,
  accept: (connection: Transport) => unknown,
): Promise<Listener> {
  const listener = await serve(tcpServer({ port: 0, ...options }), accept)
  onTestFinished(() => listener.close())
  return listener
}

async function connected(
  client: ClientV1 | ClientV2,
  listener: Listener,
  options: Partial<TcpClientOptions>,
): Promise<ClientV2> {
  await client.connect(tcpClient({ port: portOf(listener), ...options }))
  onTestFinished(() => client.close())
  return client as ClientV2
}

describe.each(Object.entries(media))(
  'over %s',
  (_medium, { server: serverOptions, client: clientOptions }) => {
    const pairs = Object.keys(clients).flatMap((client) =>
      Object.keys(servers).map((server) => [client, server] as const),
    )

    test.each(pairs.filter(([client, server]) => !client.includes('pinned') || server.includes('both')))(
      'a %s uses a %s [CUST-01, CUST-02]',
      async (clientName, serverName) => {
        const listener = await serverWith(serverOptions, servers[serverName] as never)
        const client = await connected((clients[clientName] as () => ClientV2)(), listener, clientOptions)
        expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['add', 'whoami'])
        const sums = await Promise.all(
          Array.from({ length: 20 }, (_, n) => client.callTool({ name: 'add', arguments: { a: n, b: 100 } })),
        )
        expect(sums.map(({ content }) => content)).toEqual(sums.map((_, n) => text(String(n + 100)).content))
        if (
          serverName.includes('both') &&
          (clientName.includes('negotiates') || clientName.includes('pinned'))
        )
          expect(client.getNegotiatedProtocolVersion?.()).toBe(MODERN)
      },
    )
  },
)

/** A gate of an application: the client is identified by its certificate. */
const byCertificate: Gate = {
  admit: ({ tls: facts }) => {
    const clientId = /^CN=([^,]+)/.exec(facts?.subject ?? '')?.[1]
    if (!facts?.authorized || clientId === undefined)
      return { admit: false, status: 403, reason: 'no certificate' }
    return { admit: true, authInfo: { token: facts.fingerprint256 ?? '', clientId, scopes: [] } }
  },
}

test.each([
  ['v1 server', 'v1 client'],
  ['v2 server', 'v2 client'],
  ['v2 server of both eras', 'v2 client'],
  ['v2 server of both eras', 'v2 client pinned to the newest era'],
])(
  'a handler of a %s receives the authInfo that the gate made from the certificate of a %s',
  async (serverName, clientName) => {
    const listener = await serverWith(
      { ...media['mutual TLS'].server, gate: byCertificate },
      servers[serverName] as never,
    )
    const bob = authority.issue({ name: 'bob' })
    const nameOf = async (credential: typeof bob): Promise<unknown> => {
      const options = { tls: { ...tls.client, ...credential } }
      const client = await connected((clients[clientName] as () => ClientV2)(), listener, options)
      return (await client.callTool({ name: 'whoami', arguments: {} })).content
    }
    expect({ alice: await nameOf(aliceCredential), bob: await nameOf(bob) }).toEqual({
      alice: text('alice').content,
      bob: text('bob').content,
    })
    const subjects = [...listener.connections].map(({ peer }) => peer?.tls?.subject)
    expect(subjects.sort()).toEqual(['CN=alice, O=Wonderland', 'CN=bob'])
  },
)
