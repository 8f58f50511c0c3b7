import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer } from '@modelcontextprotocol/server'

/** A server of SDK v2 with one tool. */
export function newServer(): McpServer {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
  return server
}

/** A server of SDK v1 with one tool. */
export function newServerV1(): McpServerV1 {
  const server = new McpServerV1({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
  return server
}
