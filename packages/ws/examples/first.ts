//#region first

import { serve } from '@mcpwire/core'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'

const listener = await serve(wsServer({ port: 0 }), async (connection) => {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
  await server.connect(connection)
})
listener.onerror = (error) => console.error(error.message)

const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(wsClient({ url: listener.url }))
console.log((await client.callTool({ name: 'greet' })).content)
await client.close()
await listener.close()
//#endregion
