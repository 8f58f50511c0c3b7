import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Transport, TransportLike } from '../src/index.js'
import { pipedPairs } from './support/pipes.js'

const info = { name: 'test', version: '1.0.0' }

interface Served {
  close(): Promise<void>
}

const servers: [string, (transport: Transport) => Promise<Served>][] = [
  [
    'v1',
    async (transport) => {
      const server = new ServerV1(info)
      server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => ({
        content: [{ type: 'text', text }],
      }))
      await server.connect(transport)
      return server
    },
  ],
  ['v2', async (transport) => serveStdio(serverV2, { transport })],
]

function serverV2(): ServerV2 {
  const server = new ServerV2(info)
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }))
  return server
}

const clients: [
  string,
  () => { connect(transport: TransportLike): Promise<void>; call: () => Promise<unknown> },
][] = [
  [
    'v1',
    () => {
      const client = new ClientV1(info)
      const connect = (transport: TransportLike): Promise<void> => client.connect(transport)
      return { connect, call: () => client.callTool({ name: 'echo', arguments: { text: 'hello' } }) }
    },
  ],
  [
    'v2',
    () => {
      const client = new ClientV2(info, { versionNegotiation: { mode: 'auto' } })
      const connect = (transport: TransportLike): Promise<void> => client.connect(transport)
      return { connect, call: () => client.callTool({ name: 'echo', arguments: { text: 'hello' } }) }
    },
  ],
]

describe.each(servers)('pipe: between SDKs, server %s', (_, serve) => {
  it.each(clients)('client %s', async (_client, newClient) => {
    const { client: near, server: far, piped } = pipedPairs()
    const served = await serve(far)
    const client = newClient()
    await client.connect(near)
    expect(await client.call()).toMatchObject({ content: [{ type: 'text', text: 'hello' }] })
    await near.close()
    expect(await piped.closed).toBeUndefined()
    await served.close()
  })
})
