//#region first
import { serve } from '@mcpwire/core'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'

const listener = await serve(tcpServer({ port: 0 }), async (connection) => {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
  await server.connect(connection)
})
listener.onerror = (error) => console.error(error.message)
const port = Number(new URL(listener.url).port)

const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(tcpClient({ port }))
console.log((await client.callTool({ name: 'greet' })).content)
await client.close()
await listener.close()
//#endregion
