import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpClient } from '../src/index.js'
import { everything } from './support/client-everything.js'
import { info, officialServers, serveHttp } from './support/client-peers.js'

const MODERN = '2026-07-28'
const clients: Record<string, () => ClientV1 | ClientV2> = {
  'v1 client': () => new ClientV1(info),
  'v2 client': () => new ClientV2(info),
  'v2 client that negotiates': () => new ClientV2(info, { versionNegotiation: { mode: 'auto' } }),
}

function counting(client: ClientV1 | ClientV2, onprogress: (params: { progress: number }) => void): unknown {
  const call = { name: 'count' }
  if (client instanceof ClientV1) return client.callTool(call, undefined, { onprogress })
  return client.callTool(call, { onprogress })
}

describe.each(['streamableHttp', 'sse'] as const)('server-everything %s', (mode) => {
  test('serves the official clients one after another', async () => {
    const url = await everything(mode)
    for (const newClient of Object.values(clients)) {
      const client = newClient() as ClientV2
      const errors: Error[] = []
      client.onerror = (error) => errors.push(error)
      await client.connect(httpClient({ url }))
      const { tools } = await client.listTools()
      expect(tools.map(({ name }) => name)).toContain('echo')
      const { content } = await client.callTool({ name: 'echo', arguments: { message: 'hi' } })
      expect(content).toMatchObject([{ type: 'text', text: expect.stringContaining('hi') }])
      expect(errors).toEqual([])
      await client.close()
    }
  })
})

describe.each(Object.entries(officialServers))('%s', (server, make) => {
  test.each(Object.entries(clients))('serves an official %s', async (clientName, newClient) => {
    const { handle, path } = make()
    const inOrder = server.endsWith('JSON') ? [] : [1, 2, 3]
    const client = newClient() as ClientV2
    const errors: Error[] = []
    client.onerror = (error) => errors.push(error)
    const transport = httpClient({ url: await serveHttp(handle, path) })
    onTestFinished(() => transport.close())

    await client.connect(transport)
    const isModern = server.endsWith('both eras') && clientName.endsWith('negotiates')
    if (client instanceof ClientV2) expect(client.getNegotiatedProtocolVersion() === MODERN).toBe(isModern)
    const { content } = await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })
    expect(content).toEqual([{ type: 'text', text: '3' }])
    const seen: number[] = []
    await counting(client, ({ progress }) => seen.push(progress))
    expect(seen).toEqual(inOrder)
    expect(errors).toEqual([])
    await client.close()
  })
})
