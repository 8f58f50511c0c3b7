//#region mount
import { serve } from '@mcpwire/core'
import { requestHandler } from '@mcpwire/http/node'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import express from 'express'

const mcp = requestHandler()
await serve(mcp, (connection) => new McpServer({ name: 'greeter', version: '1.0.0' }).connect(connection))

const app = express()
app.use(express.json({ limit: '10mb' }))
// Without a body parser, omit the third argument.
app.all('/mcp', (request, response) => mcp.handle(request, response, request.body))

//#endregion

import { createServer } from 'node:http'
import { tryOut } from './support/try-out.js'

const server = createServer(app)
await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
await tryOut(server)
await mcp.close()
server.close()
