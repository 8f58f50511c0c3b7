import { serve } from '@mcpwire/core'
import { wsServer } from '@mcpwire/ws/node'
import { newServerV1 } from '../support/new-server.js'

const listener = await serve(wsServer({ port: 0 }), (connection) => newServerV1().connect(connection))
const { url } = listener

//#region after
import { wsClient } from '@mcpwire/ws'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'

const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(wsClient({ url }))
//#endregion
console.log(await client.callTool({ name: 'greet' }))
await client.close()
await listener.close()
