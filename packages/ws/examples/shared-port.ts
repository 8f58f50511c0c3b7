//#region shared

import { createServer } from 'node:http'
import { serve } from '@mcpwire/core'
import { upgradeHandler } from '@mcpwire/ws/node'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

const server = createServer((_request, response) => response.end('hello'))
await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))

// serveStdio serves both eras of the protocol: the first message selects one.
const listener = await serve(upgradeHandler({ server, path: '/mcp' }), (connection) => {
  const newServer = () => new McpServer({ name: 'greeter', version: '1.0.0' })
  void serveStdio(newServer, { transport: connection })
})
//#endregion

console.log(listener.address)
await listener.close()
server.close()
