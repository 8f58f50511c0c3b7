//#region first
import { serve } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

// Clients of every revision: serveStdio selects the era by the first message.
const newServer = () => {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
  return server
}
const listener = await serve(
  httpServer({ port: 0 }),
  (transport) => void serveStdio(newServer, { transport }),
)
listener.onerror = (error) => console.error(error.message)

const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await client.connect(httpClient({ url: listener.url }))
console.log((await client.callTool({ name: 'greet' })).content)
await client.close()
await listener.close()
//#endregion
