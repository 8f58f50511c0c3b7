import { join } from 'node:path'
import { type Layer, serve, type Transport, tap, withLayers } from '@mcpwire/core'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { describe, test } from 'vitest'
import { z } from 'zod'
import { endpoint, listenerAt } from '../src/endpoint.js'
import { program, serverCommand, type WhenFinished } from './support/bin.js'
import { folder, listening } from './support/listening.js'

const info = { name: 'matrix', version: '1.0.0' }
const MODERN = '2026-07-28'

type Era = 'legacy' | 'modern'
type Kind = Era | 'dual'

/** The expected era, or error, of each pair (2026-07-28, Versioning: Compatibility Matrix). */
const matrix: readonly { client: Kind; server: Kind; outcome: Era | RegExp }[] = [
  { client: 'modern', server: 'modern', outcome: 'modern' },
  { client: 'modern', server: 'dual', outcome: 'modern' },
  { client: 'modern', server: 'legacy', outcome: /did not offer pinned protocol version 2026-07-28/ },
  { client: 'dual', server: 'modern', outcome: 'modern' },
  { client: 'dual', server: 'dual', outcome: 'modern' },
  { client: 'dual', server: 'legacy', outcome: 'legacy' },
  { client: 'legacy', server: 'modern', outcome: /unsupported protocol version/i },
  { client: 'legacy', server: 'dual', outcome: 'legacy' },
  { client: 'legacy', server: 'legacy', outcome: 'legacy' },
]

/** Creates a transport to a server of a kind, by medium. */
const media: Readonly<Record<string, (server: Kind, whenFinished: WhenFinished) => Promise<Transport>>> = {
  stdio: (server) => endpoint(commandOf(server), { stderr: 'ignore' }),
  tcp: (server, whenFinished) => listened('tcp://127.0.0.1:0', server, whenFinished),
  unix: (server, whenFinished) => {
    return listened(`unix:${join(folder(whenFinished), 'socket')}`, server, whenFinished)
  },
  ws: (server, whenFinished) => listened('ws://127.0.0.1:0/mcp', server, whenFinished),
  http: (server, whenFinished) => listened('http://127.0.0.1:0/mcp', server, whenFinished),
  'http, through a bridge to a process': async (server, whenFinished) => {
    const { addresses } = await listening(['http://127.0.0.1:0/mcp'], [], commandOf(server), whenFinished)
    return await endpoint(addresses[0] ?? '')
  },
  'stdio, through a bridge to http': async (server, whenFinished) => {
    const url = await addressOf('http://127.0.0.1:0/mcp', server, whenFinished)
    return await endpoint([...program, 'bridge', url], { stderr: 'ignore' })
  },
}

function commandOf(server: Kind): string[] {
  if (server === 'legacy') return serverCommand('v1-server')
  return serverCommand('v2-server', server === 'dual' ? 'serve' : 'reject')
}

async function listened(url: string, kind: Kind, whenFinished: WhenFinished): Promise<Transport> {
  return await endpoint(await addressOf(url, kind, whenFinished))
}

async function addressOf(url: string, kind: Kind, whenFinished: WhenFinished): Promise<string> {
  const listener = await listenerAt(url)
  whenFinished(() => listener.close())
  await serve(listener, (connection) => serveKind(connection, kind))
  return listener.url
}

function serveKind(connection: Transport, kind: Kind): unknown {
  if (kind !== 'legacy') {
    const legacy = kind === 'dual' ? 'serve' : 'reject'
    return void serveStdio(() => withTool(new ServerV2(info)), { transport: connection, legacy })
  }
  return withTool(new ServerV1(info)).connect(connection)
}

function withTool<S extends ServerV1 | ServerV2>(server: S): S {
  const register = server.registerTool.bind(server) as ServerV1['registerTool']
  register('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }))
  return server
}

async function connected(
  transport: Transport,
  kind: Kind,
  whenFinished: WhenFinished,
): Promise<ClientV1 | ClientV2> {
  const mode = kind === 'dual' ? 'auto' : { pin: MODERN }
  const client = kind === 'legacy' ? new ClientV1(info) : new ClientV2(info, { versionNegotiation: { mode } })
  whenFinished(() => client.close())
  await client.connect(transport)
  return client
}

describe.each(Object.keys(media))('over %s', (medium) => {
  // Concurrent: each test waits for up to three processes.
  test.concurrent.for(matrix)(
    'a $client client and a $server server negotiate $outcome [VER-S-04, VER-C-06]',
    async ({ client: kind, server, outcome }, { expect, onTestFinished: whenFinished }) => {
      const sentMethods = new Set<string>()
      const recorder: Layer = tap({
        onSend: (message) => {
          if ('method' in message) sentMethods.add(message.method)
        },
      })
      const dial = media[medium] as (typeof media)[string]
      const transport = withLayers(await dial(server, whenFinished), recorder)
      if (outcome instanceof RegExp) {
        await expect(connected(transport, kind, whenFinished)).rejects.toThrow(outcome)
        await transport.close()
        return
      }
      const client = await connected(transport, kind, whenFinished)
      expect((await client.listTools()).tools.length).toBeGreaterThan(0)
      const call = await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })
      expect(call.content).toEqual([{ type: 'text', text: '3' }])
      expect(sentMethods.has('initialize')).toBe(outcome === 'legacy')
      expect(sentMethods.has('server/discover')).toBe(kind !== 'legacy')
    },
  )
})
