import { type AuthInfo, type Gate, isRequest, type JsonRpcMessage, type Transport } from '@mcpwire/core'
import { inputRequired, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import type { HttpListener } from '../../src/index.js'
import { type HttpServerOptions, httpServer } from '../../src/node/index.js'

/** A server of the v2 SDK behind a listener. */
export interface ModernServer {
  readonly listener: HttpListener
  readonly url: string
  readonly port: number
  readonly connections: Transport[]
  readonly servers: McpServer[]
  readonly errors: Error[]
  /** What the application was asked, by connection. */
  readonly asked: { readonly connection: Transport; readonly message: JsonRpcMessage }[]
  readonly aborted: string[]
}

/** Identifies clients by `authorization: Bearer <client>`. Without it, callers are anonymous. */
export const byName: Gate = {
  admit: ({ headers }) => {
    const [, clientId] = /^Bearer (.+)$/.exec(headers['authorization'] ?? '') ?? []
    if (clientId === undefined) return { admit: true }
    return { admit: true, authInfo: { token: `token of ${clientId}`, clientId, scopes: [] } }
  },
}

export async function modernServer(options: Partial<HttpServerOptions> = {}): Promise<ModernServer> {
  const listener = httpServer({ port: 0, closeTimeoutMs: 5_000, ...options })
  const server = {
    listener,
    connections: [] as Transport[],
    servers: [] as McpServer[],
    errors: [] as Error[],
    asked: [] as { connection: Transport; message: JsonRpcMessage }[],
    aborted: [] as string[],
  }
  listener.onerror = (error) => server.errors.push(error)
  listener.onconnection = (connection) => {
    server.connections.push(connection)
    const onerror = (error: Error): void => {
      server.errors.push(error)
    }
    const factory = (): McpServer => {
      const made = newModernServer(connection.peer?.authInfo, (tool) => server.aborted.push(tool))
      server.servers.push(made)
      return made
    }
    serveStdio(factory, { transport: connection, onerror })
    const { onmessage } = connection
    connection.onmessage = (message, context) => {
      if (isRequest(message)) server.asked.push({ connection, message })
      onmessage?.(message, context)
    }
  }
  onTestFinished(() => listener.close())
  await listener.start()
  const url = listener.url
  return { ...server, url, port: Number(new URL(url).port) }
}

function newModernServer(authInfo: AuthInfo | undefined, aborted: (tool: string) => void): McpServer {
  const server = new McpServer({ name: 'modern', version: '1.0.0' })
  server.registerTool('add', { inputSchema: z.object({ a: z.number(), b: z.number() }) }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }))
  server.registerTool('whoami', {}, ({ mcpReq }) => ({
    content: [{ type: 'text', text: JSON.stringify({ client: authInfo?.clientId, ...mcpReq.envelope }) }],
  }))
  server.registerTool('count', { inputSchema: z.object({ to: z.number() }) }, async ({ to }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 'none'
    for (let progress = 1; progress <= to; progress++) {
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } })
    }
    return { content: [{ type: 'text', text: String(to) }] }
  })
  server.registerTool('hang', {}, ({ mcpReq }) => {
    return new Promise((_, reject) => {
      mcpReq.signal.addEventListener('abort', () => {
        aborted('hang')
        reject(new Error('cancelled'))
      })
    })
  })
  server.registerTool('ask', {}, ({ mcpReq }) => {
    const answer = mcpReq.inputResponses?.['name'] as { content?: { name?: string } } | undefined
    if (answer) return { content: [{ type: 'text', text: `Hello ${answer.content?.name}` }] }
    const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } }
    return inputRequired({
      inputRequests: { name: inputRequired.elicit({ message: 'Name?', requestedSchema }) },
    })
  })
  const grown = server.registerTool('grown', {}, () => ({ content: [] }))
  server.registerTool('change', {}, () => {
    if (grown.enabled) grown.disable()
    else grown.enable()
    return { content: [] }
  })
  server.registerTool(
    'deploy',
    { inputSchema: z.object({ region: z.string().meta({ 'x-mcp-header': 'Region' }) }) },
    (args) => ({ content: [{ type: 'text', text: args.region }] }),
  )
  return server
}
