//#region before
import { createMcpHandler } from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { newServer } from '../support/new-server.js'

const handler = createMcpHandler(newServer)
const app = new Hono()
app.all('/mcp', (c) => handler.fetch(c.req.raw))

//#endregion
export { app }
