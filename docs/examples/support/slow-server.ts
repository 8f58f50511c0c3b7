import { setTimeout as delay } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/server'

/** A server whose tool sends SIGTERM to its own process, and finishes later. */
export function newServer(): McpServer {
  const server = new McpServer({ name: 'slow', version: '1.0.0' })
  server.registerTool('wait', {}, async () => {
    process.kill(process.pid, 'SIGTERM')
    await delay(300)
    return { content: [{ type: 'text', text: 'finished' }] }
  })
  return server
}
