// A server of one of the SDKs, over our transport or the SDK's own: `sdk-server <which> <ours|theirs> [mode]`.
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport as StdioV1 } from '@modelcontextprotocol/sdk/server/stdio.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { StdioServerTransport as StdioV2, serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'
import { guardStdout, stdioServer } from '../../src/index.js'

const [, , which, whose, mode] = process.argv
const info = { name: `${which} over ${whose}`, version: '1.0.0' }

type Notify = (notification: {
  method: 'notifications/progress'
  params: { progressToken: string | number; progress: number }
}) => Promise<void>

let release: () => void = () => {}

/** Sends progress twice and waits for an echo. Without a progress token it waits for the cancellation. */
async function count(
  token: string | number | undefined,
  signal: AbortSignal,
  notify: Notify,
): Promise<string> {
  if (token === undefined) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return 'cancelled'
  }
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  for (const progress of [1, 2]) {
    await notify({ method: 'notifications/progress', params: { progressToken: token, progress } })
  }
  await released
  return 'counted'
}

function echo({ text }: { text: string }): { content: [{ type: 'text'; text: string }] } {
  release()
  return { content: [{ type: 'text', text }] }
}

function serverV1(): ServerV1 {
  const server = new ServerV1(info)
  server.registerTool('echo', { inputSchema: { text: z.string() } }, echo)
  server.registerTool('count', {}, async ({ _meta, signal, sendNotification }) => ({
    content: [{ type: 'text', text: await count(_meta?.progressToken, signal, sendNotification) }],
  }))
  return server
}

function serverV2(): ServerV2 {
  const server = new ServerV2(info)
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, echo)
  server.registerTool('count', {}, async ({ mcpReq }) => ({
    content: [{ type: 'text', text: await count(mcpReq._meta?.progressToken, mcpReq.signal, mcpReq.notify) }],
  }))
  return server
}

/** As servers behave that were written before there was a probe. */
function ignoreProbes(transport: Pick<StdioV1, 'onmessage'>): void {
  const deliver = transport.onmessage
  transport.onmessage = (message) => {
    const isProbe = 'method' in message && message.method === 'server/discover'
    if (isProbe && mode === 'exits') process.exit(3)
    if (!isProbe) deliver?.(message)
  }
}

if (whose === 'ours') {
  guardStdout()
  console.log('a banner')
  // Something that keeps the process alive by itself.
  setInterval(() => {}, 60_000)
}

if (which === 'v1') {
  const transport = new StdioV1()
  await serverV1().connect(whose === 'ours' ? stdioServer({ exitGraceMs: 20 }) : transport)
  if (mode) ignoreProbes(transport)
} else if (which === 'v2') {
  await serverV2().connect(whose === 'ours' ? stdioServer({ exitGraceMs: 20 }) : new StdioV2())
} else {
  serveStdio(serverV2, whose === 'ours' ? { transport: stdioServer({ exitGraceMs: 20 }) } : {})
}
