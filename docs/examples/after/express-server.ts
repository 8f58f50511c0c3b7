//#region after
import { serve } from '@mcpwire/core'
import { requestHandler } from '@mcpwire/http/node'
import express from 'express'
import { newServerV1 } from '../support/new-server.js'

const mcp = requestHandler()
mcp.onerror = (error) => console.error(error.message)
await serve(mcp, (connection) => newServerV1().connect(connection))

const app = express()
app.use(express.json({ limit: '10mb' }))
app.all('/mcp', (request, response) => mcp.handle(request, response, request.body))

//#endregion

import { greet } from '../support/greet.js'
import { listen } from '../support/listen.js'

const { server: httpServer, url } = await listen(app)
await greet(`${url}/mcp`)
//#region shutdown
await mcp.close({ drainMs: 5_000 })
httpServer.close()
//#endregion
