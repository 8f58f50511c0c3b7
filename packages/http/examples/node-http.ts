//#region mount
import { createServer } from 'node:http'
import { serve } from '@mcpwire/core'
import { requestHandler } from '@mcpwire/http/node'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'

const mcp = requestHandler()
await serve(mcp, (connection) => new McpServer({ name: 'greeter', version: '1.0.0' }).connect(connection))

const server = createServer((request, response) => {
  if (request.url === '/mcp') mcp.handle(request, response)
  else response.end('hello')
})

//#endregion

import { tryOut } from './support/try-out.js'

await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
await tryOut(server)
await mcp.close()
server.close()
