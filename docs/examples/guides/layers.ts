import { serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { newServer } from '../support/new-server.js'
import { denyMethods } from './deny-methods.js'

const listener = await serve(httpServer({ port: 0, layers: [denyMethods('tools/call')] }), (connection) =>
  newServer().connect(connection),
)
const { url } = listener

//#region watch
import { meter, tap, withLayers } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/client'

const counts = meter()
const log = tap({
  onSend: (message) => console.log('sent', 'method' in message ? message.method : 'a response'),
})
const transport = withLayers(httpClient({ url }), log, counts.layer)
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(transport)
await client.listTools()
console.log('responses:', counts.snapshot().sent.latency.count)
//#endregion
console.log(await client.callTool({ name: 'greet' }).catch((error: Error) => error.message))
await client.close()
await listener.close()
