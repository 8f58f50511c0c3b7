//#region after
import { serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newServer } from '../support/new-server.js'

const listener = await serve(
  httpServer({ port: 0, responseFormat: 'json' }),
  (transport) => void serveStdio(newServer, { transport }),
)

//#endregion

import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/client'

const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
const transport = httpClient({ url: listener.url })
await client.connect(transport)
console.log((await client.callTool({ name: 'greet' })).content, transport.sessionId)
await client.close()
await listener.close()
