//#region mount
import { serve } from '@mcpwire/core'
import { requestHandler } from '@mcpwire/http/node'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import fastify from 'fastify'

const mcp = requestHandler()
await serve(mcp, (connection) => new McpServer({ name: 'greeter', version: '1.0.0' }).connect(connection))

const app = fastify()
app.all('/mcp', (request, reply) => {
  reply.hijack()
  mcp.handle(request.raw, reply.raw, request.body)
})

//#endregion

import { tryOut } from './support/try-out.js'

await app.listen({ port: 0, host: '127.0.0.1' })
await tryOut(app.server)
await mcp.close()
await app.close()
