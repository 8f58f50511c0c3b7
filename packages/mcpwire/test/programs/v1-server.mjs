import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { addTools } from './tools.mjs'

const server = new McpServer({ name: 'v1', version: '1.0.0' })
addTools(
  server,
  (context) => context.signal,
  (context) => context.sendNotification,
)
await server.connect(new StdioServerTransport())
process.stdin.on('end', () => process.exit())
