import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memoryPair, type PeerOptions, peer, type TransportLike } from '../src/index.js'

const info = { name: 'test', version: '1.0.0' }
const protocolVersion = '2025-06-18'

function serverV1(): { connect(transport: TransportLike): Promise<void>; close(): Promise<void> } {
  const server = new ServerV1(info)
  server.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }))
  return server
}

function serverV2(): { connect(transport: TransportLike): Promise<void>; close(): Promise<void> } {
  const server = new ServerV2(info)
  server.registerTool('add', { inputSchema: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }))
  return server
}

describe.each([
  ['v1', serverV1],
  ['v2', serverV2],
])('peer against a server of the %s SDK', (_, newServer) => {
  it('initializes, calls a tool and receives its errors', async () => {
    const [near, far] = memoryPair()
    const server = newServer()
    await server.connect(far)
    const client = peer(near)
    await client.start()
    const params = { protocolVersion, capabilities: {}, clientInfo: info }
    expect(await client.request('initialize', params)).toMatchObject({ protocolVersion, serverInfo: info })
    await client.notify('notifications/initialized')
    const call = { name: 'add', arguments: { a: 1, b: 2 } }
    expect(await client.request('tools/call', call)).toMatchObject({ content: [{ type: 'text', text: '3' }] })
    expect(await client.request('ping')).toEqual({})
    await expect(client.request('nothing/such')).rejects.toMatchObject({ code: -32_601 })
    await client.close()
    await server.close()
  })
})

describe.each([
  ['v1', () => new ClientV1(info)],
  ['v2', () => new ClientV2(info)],
])('peer against a client of the %s SDK', (_, newClient) => {
  it('responds, sends progress and handles a cancellation', async () => {
    const [near, far] = memoryPair()
    const aborted: boolean[] = []
    const requests: PeerOptions['requests'] = {
      initialize: () => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: info }),
      'tools/call': async (params, { signal, sendProgress }) => {
        if (params?.['name'] === 'hang') {
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          aborted.push(signal.aborted)
        }
        await sendProgress({ progress: 1, total: 2 })
        return { content: [] }
      },
    }
    const server = peer(far, { requests })
    await server.start()
    const client = newClient()
    await client.connect(near)
    const progress: unknown[] = []
    const onprogress = (update: unknown): void => void progress.push(update)
    expect(await call(client, 'work', { onprogress })).toEqual({ content: [] })
    expect(progress).toEqual([{ progress: 1, total: 2 }])
    const abort = new AbortController()
    const hanging = call(client, 'hang', { signal: abort.signal })
    await client.ping()
    abort.abort(new Error('enough'))
    await expect(hanging).rejects.toThrow('enough')
    await client.ping()
    expect(aborted).toEqual([true])
    await client.close()
    expect(await server.closed).toBeUndefined()
  })
})

function call(
  client: ClientV1 | ClientV2,
  name: string,
  options: { signal?: AbortSignal; onprogress?: (update: unknown) => void },
): Promise<unknown> {
  const params = { name, arguments: {} }
  return client instanceof ClientV1
    ? client.callTool(params, undefined, options)
    : client.callTool(params, options)
}
