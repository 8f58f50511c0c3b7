import type { Transport } from '@mcpwire/core'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const info = { name: 'test', version: '1.0.0' }

function text(content: string): { content: [{ type: 'text'; text: string }] } {
  return { content: [{ type: 'text', text: content }] }
}

function serverV1(): ServerV1 {
  const server = new ServerV1(info)
  server.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) =>
    text(`${a + b}`),
  )
  server.registerTool('count', {}, async ({ _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken ?? 'none'
    for (const progress of [1, 2, 3])
      await sendNotification({ method: 'notifications/progress', params: { progressToken, progress } })
    return text('counted')
  })
  server.registerTool('hang', {}, ({ signal }) => untilAborted(signal))
  server.registerTool('whoami', {}, ({ authInfo }) => text(authInfo?.clientId ?? 'anonymous'))
  return server
}

function serverV2(clientId?: string): ServerV2 {
  const server = new ServerV2(info)
  const numbers = z.object({ a: z.number(), b: z.number() })
  server.registerTool('add', { inputSchema: numbers }, ({ a, b }) => text(`${a + b}`))
  server.registerTool('count', {}, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 'none'
    for (const progress of [1, 2, 3])
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } })
    return text('counted')
  })
  server.registerTool('hang', {}, ({ mcpReq }) => untilAborted(mcpReq.signal))
  server.registerTool('whoami', {}, ({ http }) => text(http?.authInfo?.clientId ?? clientId ?? 'anonymous'))
  return server
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('cancelled')))
  })
}

/** The official servers, by name. */
export const servers = {
  v1: async (connection: Transport): Promise<void> => await serverV1().connect(connection),
  v2: async (connection: Transport): Promise<void> => await serverV2().connect(connection),
  'v2, both eras': async (connection: Transport): Promise<void> => {
    // The peer has `authInfo` once the connection is open, before the first message.
    serveStdio(() => serverV2(connection.peer?.authInfo?.clientId), { transport: connection })
  },
}

/** The official clients, by name. */
export const clients = {
  v1: (): ClientV1 => new ClientV1(info),
  v2: (): ClientV2 => new ClientV2(info),
  'v2, negotiating': (): ClientV2 => new ClientV2(info, { versionNegotiation: { mode: 'auto' } }),
}

export type ServerName = keyof typeof servers
export type ClientName = keyof typeof clients

/** Options of a call. */
interface CallOptions {
  readonly onprogress?: (each: { progress: number }) => void
  readonly signal?: AbortSignal
}

/** The text of a tool's result. `callTool` of the v1 client has one more parameter. */
export async function call(
  client: ClientV1 | ClientV2,
  name: string,
  args: Record<string, unknown> = {},
  options: CallOptions = {},
): Promise<string | undefined> {
  const params = { name, arguments: args }
  const result =
    client instanceof ClientV1
      ? await client.callTool(params, undefined, options)
      : await client.callTool(params, options)
  return (result.content as { text?: string }[])[0]?.text
}
