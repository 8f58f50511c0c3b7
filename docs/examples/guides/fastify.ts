//#region fastify
import { serve } from '@mcpwire/core'
import { requestHandler } from '@mcpwire/http/node'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import fastify from 'fastify'
import { newServer } from '../support/new-server.js'

const mcp = requestHandler()
mcp.onerror = (error) => console.error(error.message)
await serve(mcp, (transport) => void serveStdio(newServer, { transport }))

const app = fastify({ bodyLimit: 10_485_760 })
app.all('/mcp', (request, reply) => {
  reply.hijack()
  mcp.handle(request.raw, reply.raw, request.body)
})
app.addHook('preClose', () => mcp.close({ drainMs: 5_000 }))

//#endregion

import { greet } from '../support/greet.js'

await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
await greet(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/mcp`)
await app.close()
console.log('closed', mcp.connections.size)
