import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { onTestFinished } from 'vitest'
import { z } from 'zod'

export const info = { name: 'test', version: '1.0.0' }
const text = (content: string) => ({ content: [{ type: 'text' as const, text: content }] })

export function serverV1(): ServerV1 {
  const server = new ServerV1(info)
  const inputSchema = { a: z.number(), b: z.number() }
  server.registerTool('add', { inputSchema }, ({ a, b }) => text(String(a + b)))
  server.registerTool('count', {}, async ({ sendNotification, _meta }) => {
    for (let progress = 1; progress <= 3; progress++) {
      const progressToken = _meta?.progressToken ?? 0
      await sendNotification({ method: 'notifications/progress', params: { progressToken, progress } })
    }
    return text('counted')
  })
  return server
}

function serverV2(): ServerV2 {
  const server = new ServerV2(info)
  const inputSchema = z.object({ a: z.number(), b: z.number() })
  server.registerTool('add', { inputSchema }, ({ a, b }) => text(String(a + b)))
  server.registerTool('count', {}, async ({ mcpReq }) => {
    for (let progress = 1; progress <= 3; progress++) {
      const progressToken = mcpReq._meta?.progressToken ?? 0
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } })
    }
    return text('counted')
  })
  return server
}

export type Handle = (request: IncomingMessage, response: ServerResponse) => unknown

/** Serves on a port of this host until the test is over, and returns its URL. */
export async function serveHttp(handle: Handle, path = '/mcp'): Promise<string> {
  const server = createServer((request, response) => void handle(request, response))
  await listening(server)
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
}

function listening(server: Server): Promise<void> {
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
}

interface SessionTransport {
  sessionId?: string | undefined
  handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void>
}

/** Handles sessions, each with a transport of an official SDK. */
function sessions(open: (onsessioninitialized: (id: string) => void) => Promise<SessionTransport>): Handle {
  const known = new Map<string, SessionTransport>()
  return async (request, response) => {
    const id = request.headers['mcp-session-id']
    if (id === undefined) {
      const transport = await open((given) => known.set(given, transport))
      await transport.handleRequest(request, response)
      return
    }
    const transport = known.get(String(id))
    if (transport) await transport.handleRequest(request, response)
    else response.writeHead(404).end()
  }
}

/** The official servers by name: the handler of requests, and the path. */
export const officialServers: Record<string, () => { handle: Handle; path?: string }> = {
  'v1 server': () => ({
    handle: sessions(async (onsessioninitialized) => {
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized,
      })
      await serverV1().connect(transport as never)
      return transport
    }),
  }),
  'v1 server that responds with JSON': () => ({
    handle: sessions(async (onsessioninitialized) => {
      const enableJsonResponse = true
      const options = { sessionIdGenerator: randomUUID, onsessioninitialized, enableJsonResponse }
      const transport = new StreamableHTTPServerTransport(options)
      await serverV1().connect(transport as never)
      return transport
    }),
  }),
  'v1 server of HTTP+SSE': () => {
    const known = new Map<string, SSEServerTransport>()
    return {
      path: '/sse',
      handle: async (request, response) => {
        const url = new URL(request.url ?? '', 'http://localhost')
        if (request.method === 'GET' && url.pathname === '/sse') {
          const transport = new SSEServerTransport('/messages', response)
          known.set(transport.sessionId, transport)
          await serverV1().connect(transport)
          return
        }
        const transport = known.get(url.searchParams.get('sessionId') ?? '')
        if (transport && request.method === 'POST') await transport.handlePostMessage(request, response)
        else response.writeHead(404).end()
      },
    }
  },
  'v2 server of sessions': () => ({
    handle: sessions(async (onsessioninitialized) => {
      const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized,
      })
      await serverV2().connect(transport)
      return transport
    }),
  }),
  'v2 server of both eras': () => ({ handle: toNodeHandler(createMcpHandler(() => serverV2())) as never }),
}
