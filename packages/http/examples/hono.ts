//#region mount

import { getConnInfo } from '@hono/node-server/conninfo'
import { serve } from '@mcpwire/core'
import { httpHandler } from '@mcpwire/http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { Hono } from 'hono'

const mcp = httpHandler()
// Without a gate of your own, remoteAddress is required: the default gate admits this host only.
await serve(mcp, (connection) => new McpServer({ name: 'greeter', version: '1.0.0' }).connect(connection))

const app = new Hono()
app.all('/mcp', (c) => mcp.fetch(c.req.raw, { remoteAddress: getConnInfo(c).remote.address }))

//#endregion

import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { tryOut } from './support/try-out.js'

const answer = getRequestListener(app.fetch)
const server = createServer((request, response) => void answer(request, response))
await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
await tryOut(server)
await mcp.close()
server.close()
