import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { describe, expect, test, vi } from 'vitest'
import { serverCommand } from './support/bin.js'
import { childrenOf } from './support/children.js'
import { connect, listening, pidOf } from './support/listening.js'

const HTTP = 'http://127.0.0.1:0/mcp'
const info = { name: 'test', version: '1.0.0' }
const CLIENTS = 30
const MAX = 20
const TIMEOUT_MS = 120_000

/** Connects the official client, calls a tool, and breaks the connection off without DELETE. */
async function visitV1(url: string): Promise<void> {
  const client = new ClientV1(info)
  const leave = new AbortController()
  await client.connect(new HttpV1(new URL(url), { requestInit: { signal: leave.signal } }) as never)
  await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })
  leave.abort()
  await client.close()
}

/** The same with the client that sends `server/discover` first, which a server of v1 does not support. */
async function visitV2(url: string): Promise<void> {
  const client = new ClientV2(info, { versionNegotiation: { mode: 'auto' } })
  const leave = new AbortController()
  await client.connect(new HttpV2(new URL(url), { requestInit: { signal: leave.signal } }))
  await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })
  leave.abort()
  await client.close()
}

describe('clients that vanish without DELETE', () => {
  test('end for the next ones at the limit', { timeout: TIMEOUT_MS }, async () => {
    const { addresses, process, logged } = await listening(
      [HTTP],
      ['--max-connections', String(MAX)],
      serverCommand('v1-server'),
    )
    let most = 0
    const count = (): void => {
      most = Math.max(most, childrenOf(process).length)
    }
    for (let n = 0; n < CLIENTS; n++) {
      const visiting = (n % 2 === 0 ? visitV1 : visitV2)(addresses[0] ?? '')
      count()
      await visiting
      count()
    }
    expect(most).toBe(MAX)
    expect(logged().filter((line) => line.includes('REFUSED'))).toEqual([])
  })

  test('end for several at once', { timeout: TIMEOUT_MS }, async () => {
    const { addresses, process } = await listening(
      [HTTP],
      ['--max-connections', '4'],
      serverCommand('v1-server'),
    )
    for (let n = 0; n < 4; n++) await visitV1(addresses[0] ?? '')
    await Promise.all(Array.from({ length: 3 }, () => visitV1(addresses[0] ?? '')))
    expect(childrenOf(process).length).toBeLessThanOrEqual(4)
  })

  test('leave no server after --session-idle-ms', { timeout: TIMEOUT_MS }, async () => {
    const { addresses, process } = await listening(
      [HTTP],
      ['--session-idle-ms', '500'],
      serverCommand('v1-server'),
    )
    for (let n = 0; n < 3; n++) await visitV2(addresses[0] ?? '')
    await vi.waitFor(() => expect(childrenOf(process)).toEqual([]))
  })

  test('do not end a session in use', async () => {
    const { addresses } = await listening([HTTP, 'tcp://127.0.0.1:0'], ['--max-connections', '2'])
    const busy = await connect(addresses[1])
    const pid = await pidOf(busy)
    const post = (): Promise<Response> =>
      fetch(addresses[0] ?? '', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'initialize',
          params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: info },
        }),
      })
    for (let n = 0; n < 5; n++) expect((await post()).status).toBe(200)
    expect(await pidOf(busy)).toBe(pid)
  })
})
