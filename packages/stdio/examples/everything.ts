// Clients of both SDKs with the reference server: tools, progress and a cancellation, with timings.
import { fileURLToPath } from 'node:url'
import { stdioClient } from '@mcpwire/stdio'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'

type AnyClient = ClientV1 | ClientV2

interface CallOptions {
  readonly onprogress?: () => void
  readonly signal?: AbortSignal
}

const everything = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'))
const LONG = 'trigger-long-running-operation'
const info = { name: 'demo', version: '1.0.0' }

async function call(
  client: AnyClient,
  name: string,
  args: object,
  options: CallOptions = {},
): Promise<string> {
  const params = { name, arguments: { ...args } }
  const result =
    client instanceof ClientV1
      ? await client.callTool(params, undefined, options)
      : await client.callTool(params, options)
  return JSON.stringify(result.content)
}

function check(condition: boolean, expected: string): void {
  if (!condition) throw new Error(`expected: ${expected}`)
}

async function run(client: AnyClient): Promise<Record<string, string>> {
  const timings: Record<string, string> = {}
  async function timed(step: string, work: () => Promise<void>): Promise<void> {
    const startedAt = performance.now()
    await work()
    timings[step] = `${(performance.now() - startedAt).toFixed(1)} ms`
  }
  const transport = stdioClient({ command: process.execPath, args: [everything, 'stdio'], stderr: 'ignore' })
  await timed('connect', () => client.connect(transport))
  await timed('list tools', async () => {
    const { tools } = await client.listTools()
    check(
      tools.some(({ name }) => name === 'echo'),
      'a tool "echo"',
    )
  })
  await timed('echo', async () => {
    check((await call(client, 'echo', { message: 'hello' })).includes('Echo: hello'), 'an echo')
  })
  await timed('0.2 s with progress', async () => {
    let updates = 0
    const text = await call(client, LONG, { duration: 0.2, steps: 4 }, { onprogress: () => updates++ })
    check(updates >= 3 && text.includes('completed'), 'it sends progress and completes')
  })
  await timed('cancel', async () => {
    const abort = new AbortController()
    const onprogress = (): void => abort.abort(new Error('enough'))
    const outcome = await call(
      client,
      LONG,
      { duration: 10, steps: 100 },
      { onprogress, signal: abort.signal },
    ).then(
      () => 'it completed',
      (error: Error) => error.message,
    )
    check(outcome.includes('enough'), `a cancellation, got: ${outcome}`)
  })
  await timed('close', () => client.close())
  check((await transport.closed) === undefined, 'an orderly end')
  return timings
}

console.table({ 'SDK 1': await run(new ClientV1(info)), 'SDK 2': await run(new ClientV2(info)) })
