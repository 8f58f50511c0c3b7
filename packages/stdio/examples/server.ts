//#region server

import { guardStdout, stdioServer } from '@mcpwire/stdio'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

guardStdout()
console.log('this line goes to standard error')

function newServer(): McpServer {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
  return server
}
serveStdio(newServer, { transport: stdioServer() })
//#endregion
