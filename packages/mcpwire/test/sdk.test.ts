import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { expect, onTestFinished, test, vi } from 'vitest'
import { program, serverCommand } from './support/bin.js'

const info = { name: 'test', version: '1.0.0' }

/** The methods of the clients of both SDKs that the tests use. */
interface Client {
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(
    call: { name: string; arguments: Record<string, unknown> },
    options?: { onprogress?: (progress: { progress: number }) => void; signal?: AbortSignal },
  ): Promise<unknown>
  close(): Promise<void>
}

interface Connected {
  readonly client: Client
  readonly version: string | undefined
  /** The standard error of the bridge, which includes that of the server. */
  readonly stderr: () => string
}

/** Connects a client of an SDK, over the stdio transport of that SDK, to a server behind the bridge. */
type Connect = (server: readonly string[]) => Promise<Connected>

function bridged(server: readonly string[]): { command: string; args: string[]; stderr: 'pipe' } {
  const [command = '', ...args] = [...program, 'bridge', '--', ...server]
  return { command, args, stderr: 'pipe' }
}

function textOf(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (chunk) => {
    text += chunk
  })
  return () => text
}

const connectV1: Connect = async (server) => {
  const client = new ClientV1(info)
  const transport = new StdioV1(bridged(server))
  const stderr = textOf(transport.stderr as NodeJS.ReadableStream | null)
  let version: string | undefined
  const setProtocolVersion = (negotiated: string): void => {
    version = negotiated
  }
  await client.connect(Object.assign(transport, { setProtocolVersion }))
  return {
    client: {
      listTools: () => client.listTools(),
      callTool: (call, options) => client.callTool(call, undefined, options),
      close: () => client.close(),
    },
    version,
    stderr,
  }
}

const connectV2 = (mode: 'auto' | 'legacy' | { pin: string }, timeoutMs = 20_000): Connect => {
  return async (server) => {
    const client = new ClientV2(info, { versionNegotiation: { mode, probe: { timeoutMs } } })
    const transport = new StdioV2(bridged(server))
    const stderr = textOf(transport.stderr as NodeJS.ReadableStream | null)
    await client.connect(transport)
    return { client, version: client.getNegotiatedProtocolVersion(), stderr }
  }
}

const v1 = serverCommand('v1-server')
const v2 = serverCommand('v2-server')
const modern = serverCommand('v2-server', 'reject')

test.each<[string, Connect, string[], string]>([
  ['v1 client, v1 server', connectV1, v1, '2025-11-25'],
  ['v1 client, v2 server', connectV1, v2, '2025-11-25'],
  ['legacy v2 client, v1 server', connectV2('legacy'), v1, '2025-11-25'],
  ['negotiating v2 client, v1 server', connectV2('auto'), v1, '2025-11-25'],
  ['negotiating v2 client, v2 server', connectV2('auto'), v2, '2026-07-28'],
  ['modern v2 client, modern v2 server', connectV2({ pin: '2026-07-28' }), modern, '2026-07-28'],
])(
  '%s: the client connects, calls, follows progress and cancels through the bridge',
  async (_, connect, server, revision) => {
    const { client, version, stderr } = await connect(server)
    onTestFinished(() => client.close())
    expect(version).toBe(revision)
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(['add', 'wait'])

    const sums = [1, 2, 3].map((a) => client.callTool({ name: 'add', arguments: { a, b: 1 } }))
    expect(await Promise.all(sums)).toMatchObject(
      [2, 3, 4].map((sum) => ({ content: [{ text: String(sum) }] })),
    )

    const progress: number[] = []
    const controller = new AbortController()
    const wait = client.callTool(
      { name: 'wait', arguments: { steps: 100_000 } },
      {
        onprogress: (each) => {
          progress.push(each.progress)
          if (each.progress === 3) controller.abort(new Error('enough'))
        },
        signal: controller.signal,
      },
    )
    await expect(wait).rejects.toThrow('enough')
    expect(progress.slice(0, 3)).toEqual([1, 2, 3])
    await vi.waitFor(() => expect(stderr()).toContain('wait was cancelled'))
    const again = client.callTool({ name: 'add', arguments: { a: 2, b: 2 } })
    expect(await again).toMatchObject({ content: [{ text: '4' }] })
  },
)

test.each(['sensitive', 'silent'])('a negotiating v2 client connects to a %s legacy server', async (mode) => {
  const { client, version } = await connectV2('auto', 1_500)(serverCommand('raw-server', mode))
  onTestFinished(() => client.close())
  expect(version).toBe('2025-11-25')
  expect((await client.listTools()).tools).toHaveLength(2)
})
