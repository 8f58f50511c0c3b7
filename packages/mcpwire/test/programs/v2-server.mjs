import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { addTools } from './tools.mjs'

const legacy = process.argv[2] ?? 'serve'
serveStdio(
  () =>
    addTools(
      new McpServer({ name: 'v2', version: '2.0.0' }),
      (context) => context.mcpReq.signal,
      (context) => context.mcpReq.notify,
    ),
  { legacy },
)
