//#region after
import { createServer } from 'node:http'
import { serve } from '@mcpwire/core'
import { requestHandler } from '@mcpwire/http/node'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newServer } from '../support/new-server.js'

const mcp = requestHandler({ responseFormat: 'json' })
await serve(mcp, (transport) => void serveStdio(newServer, { transport }))
const server = createServer((request, response) => mcp.handle(request, response))

//#endregion

import type { AddressInfo } from 'node:net'
import { greet } from '../support/greet.js'

await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
await greet(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
await mcp.close()
server.close()
