import { fileURLToPath } from 'node:url'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { describe, expect, test } from 'vitest'
import { stdioClient } from '../src/index.js'
import { program } from './support/programs.js'

const info = { name: 'test', version: '1.0.0' }
const LATEST = '2026-07-28'

const clients = {
  v1: () => new ClientV1(info),
  'v2, legacy': () => new ClientV2(info),
  'v2, auto': () => new ClientV2(info, { versionNegotiation: { mode: 'auto' } }),
}
type ClientName = keyof typeof clients
const clientNames = Object.keys(clients) as ClientName[]
const servers = ['v1', 'v2', 'both-eras']

const sdkTransports = {
  v1: (how: { command: string; args: string[] }) => new StdioV1({ ...how, stderr: 'ignore' }),
  v2: (how: { command: string; args: string[] }) => new StdioV2({ ...how, stderr: 'ignore' }),
}

const pairs = clientNames.flatMap((client) => servers.map((server) => [client, server] as const))

describe.concurrent.each(pairs)('a client (%s) and a server (%s) of the SDKs', (name, server) => {
  test('connect over stdioClient and the stdio transport of the SDK', async () => {
    const client = clients[name]()
    const transport = stdioClient({ ...program('sdk-server', server, 'theirs'), stderr: 'ignore' })
    await client.connect(transport)
    await converse(client)
    expectEra(client, name, server)
    await client.close()
    expect(await transport.closed).toBeUndefined()
  })

  test('connect over the stdio transport of the SDK and stdioServer', async () => {
    const client = clients[name]()
    const transport = sdkTransports[name === 'v1' ? 'v1' : 'v2'](program('sdk-server', server, 'ours'))
    await client.connect(transport)
    await converse(client)
    expectEra(client, name, server)
    await client.close()
  })

  test('connect over stdioClient and stdioServer [STDIO-01]', async () => {
    const client = clients[name]()
    const strayLines: string[] = []
    const transport = stdioClient({
      ...program('sdk-server', server, 'ours'),
      stderr: 'ignore',
      onStrayOutput: (text) => strayLines.push(text),
    })
    await client.connect(transport)
    await converse(client)
    expectEra(client, name, server)
    await client.close()
    expect(await transport.closed).toBeUndefined()
    expect(strayLines).toEqual([])
  })
})

describe('a client of both eras', () => {
  test.each([
    ['ignores the probe', 'silent', { timeoutMs: 300 }],
    ['exits on the probe', 'exits', {}],
  ])('connects to a legacy server that %s', async (_, behaviour, probe) => {
    const client = new ClientV2(info, { versionNegotiation: { mode: 'auto', probe } })
    const transport = stdioClient({ ...program('sdk-server', 'v1', 'theirs', behaviour), stderr: 'pipe' })
    const { stderr } = transport
    await client.connect(transport)
    await converse(client)
    expect(client.getProtocolEra()).toBe('legacy')
    expect(transport.pid).toBe(transport.peer?.pid)
    expect(transport.stderr).toBe(stderr)
    await client.close()
    expect(await transport.closed).toBeUndefined()
    expect(transport.pid).toBeNull()
  })

  test('gets the reason of a server that exits on every message', async () => {
    const client = new ClientV2(info, { versionNegotiation: { mode: 'auto' } })
    const transport = stdioClient({
      command: process.execPath,
      args: ['-e', 'process.stdin.once("data", () => { console.error("no token"); process.exit(4) })'],
      stderr: 'ignore',
    })
    await expect(client.connect(transport)).rejects.toThrow()
    const details = { exitCode: 4, signal: null, stderrTail: 'no token\n' }
    expect(await transport.closed).toMatchObject({ code: 'PROCESS_EXITED', details })
  })
})

test.each(clientNames)('connects a client (%s) to server-everything over stdioClient', async (name) => {
  const entry = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'))
  const client = clients[name]()
  const transport = stdioClient({ command: process.execPath, args: [entry, 'stdio'], stderr: 'ignore' })
  await client.connect(transport)
  const { tools } = await client.listTools()
  expect(tools.map((tool) => tool.name)).toContain('echo')
  expect(await call(client, 'echo', { message: 'hello' })).toMatchObject({
    content: [{ type: 'text', text: 'Echo: hello' }],
  })

  const progress: unknown[] = []
  const long = await call(
    client,
    LONG,
    { duration: 0.2, steps: 4 },
    { onprogress: (update) => progress.push(update) },
  )
  expect(long).toMatchObject({ content: [{ type: 'text' }] })
  // Both SDKs drop progress that arrives in one chunk with the response.
  expect(progress.length).toBeGreaterThanOrEqual(3)

  const abort = new AbortController()
  const onprogress = (): void => abort.abort(new Error('enough'))
  const cancelled = call(client, LONG, { duration: 1, steps: 100 }, { onprogress, signal: abort.signal })
  await expect(cancelled).rejects.toThrow('enough')
  await client.close()
  expect(await transport.closed).toBeUndefined()
})

const LONG = 'trigger-long-running-operation'

type AnyClient = ClientV1 | ClientV2

interface CallOptions {
  readonly onprogress?: (update: unknown) => void
  readonly signal?: AbortSignal
}

async function call(client: AnyClient, name: string, args = {}, options: CallOptions = {}): Promise<unknown> {
  const params = { name, arguments: args }
  return client instanceof ClientV1
    ? await client.callTool(params, undefined, options)
    : await client.callTool(params, options)
}

/** Makes a call, one with progress, and one that it cancels. */
async function converse(client: AnyClient): Promise<void> {
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name).sort()).toEqual(['count', 'echo'])
  const text = 'täglich 語\n'.repeat(1000)
  expect(await call(client, 'echo', { text })).toMatchObject({ content: [{ type: 'text', text }] })
  let progress = 0
  const onprogress = (): void => {
    // The server waits for this, since both SDKs drop progress that arrives in one chunk with the response.
    if (++progress === 2) void call(client, 'echo', { text: 'go on' })
  }
  expect(await call(client, 'count', {}, { onprogress })).toMatchObject({
    content: [{ type: 'text', text: 'counted' }],
  })
  expect(progress).toBe(2)
  const abort = new AbortController()
  const hanging = call(client, 'count', {}, { signal: abort.signal })
  const rejected = expect(hanging).rejects.toThrow('enough')
  await call(client, 'echo', { text: 'meanwhile' })
  abort.abort(new Error('enough'))
  await rejected
}

function expectEra(client: AnyClient, name: ClientName, server: string): void {
  if (client instanceof ClientV1) return
  const isModern = name === 'v2, auto' && server === 'both-eras'
  expect(client.getProtocolEra()).toBe(isModern ? 'modern' : 'legacy')
  if (isModern) expect(client.getNegotiatedProtocolVersion()).toBe(LATEST)
}
