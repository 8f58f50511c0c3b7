//#region hono
import { getConnInfo } from '@hono/node-server/conninfo'
import { serve } from '@mcpwire/core'
import { httpHandler } from '@mcpwire/http'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { Hono } from 'hono'
import { newServer } from '../support/new-server.js'

const mcp = httpHandler()
mcp.onerror = (error) => console.error(error.message)
await serve(mcp, (transport) => void serveStdio(newServer, { transport }))

const app = new Hono()
app.all('/mcp', (c) => mcp.fetch(c.req.raw, { remoteAddress: getConnInfo(c).remote.address }))

//#endregion

import { getRequestListener } from '@hono/node-server'
import { greet } from '../support/greet.js'
import { listen } from '../support/listen.js'

const answer = getRequestListener(app.fetch)
const { server, url } = await listen((request, response) => void answer(request, response))
await greet(`${url}/mcp`)
await mcp.close()
server.close()
