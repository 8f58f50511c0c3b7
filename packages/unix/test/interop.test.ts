import { join } from 'node:path'
import { serve } from '@mcpwire/core'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'
import { type ClientName, call, clients, type ServerName, servers } from './support/sdk.js'

const MODERN = '2026-07-28'
const clientNames = Object.keys(clients) as ClientName[]
const serverNames = Object.keys(servers) as ServerName[]
const pairs = clientNames.flatMap((client) => serverNames.map((server) => [client, server] as const))

test.each(pairs)(
  'an official client (%s) uses an official server (%s) [CUST-01, CUST-02]',
  async (clientName, serverName) => {
    const path = join(await temporaryFolder(), 'server')
    const listener = await serve(unixServer({ path }), servers[serverName])
    onTestFinished(() => listener.close())
    const client = clients[clientName]()
    const transport = unixClient({ path })
    await client.connect(transport)

    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('add')
    const sums = await Promise.all(
      Array.from({ length: 20 }, (_, n) => call(client, 'add', { a: n, b: 100 })),
    )
    expect(sums).toEqual(Array.from({ length: 20 }, (_, n) => String(n + 100)))
    const progress: number[] = []
    await call(client, 'count', {}, { onprogress: (each) => progress.push(each.progress) })
    expect(progress.slice(0, 2)).toEqual([1, 2])
    const controller = new AbortController()
    const cancelled = expect(call(client, 'hang', {}, { signal: controller.signal })).rejects.toThrow()
    controller.abort(new Error('enough'))
    await cancelled
    if (clientName !== 'v1') {
      const isModern = clientName === 'v2, negotiating' && serverName === 'v2, both eras'
      const version = (client as ReturnType<(typeof clients)['v2']>).getNegotiatedProtocolVersion()
      expect(version === MODERN).toBe(isModern)
    }
    const pending = expect(call(client, 'hang')).rejects.toThrow()
    await listener.close()
    await pending
    expect(await transport.closed).toBeUndefined()
    await client.close()
  },
)

describe('fifty concurrent official clients', () => {
  test.each(serverNames)('each receive their own responses from a server (%s)', async (serverName) => {
    const path = join(await temporaryFolder(), 'server')
    const listener = await serve(unixServer({ path }), servers[serverName])
    onTestFinished(() => listener.close())
    const all = Array.from({ length: 50 }, (_, n) =>
      clients[clientNames[n % clientNames.length] as ClientName](),
    )
    await Promise.all(all.map((client) => client.connect(unixClient({ path }))))
    const sums = await Promise.all(
      all.flatMap((client, n) => [1, 2, 3].map((times) => call(client, 'add', { a: n * 1_000, b: times }))),
    )

    expect(sums).toEqual(all.flatMap((_, n) => [1, 2, 3].map((times) => String(n * 1_000 + times))))
    await Promise.all(all.map((client) => client.close()))
  })
})
