import { setTimeout as delay } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

/** A server whose tool reports progress, waits, and returns the number of its calls. */
export function newServer(): McpServer {
  const server = new McpServer({ name: 'counter', version: '1.0.0' })
  let calls = 0
  server.registerTool('count', { inputSchema: z.object({}) }, async (_input, { mcpReq }) => {
    calls++
    const progressToken = mcpReq._meta?.progressToken ?? 0
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
    await delay(300)
    return { content: [{ type: 'text', text: `call ${calls}` }] }
  })
  return server
}
