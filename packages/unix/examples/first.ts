//#region first
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@mcpwire/core'
import { unixClient, unixServer } from '@mcpwire/unix'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'

const folder = await mkdtemp(join(tmpdir(), 'greeter-'))
const path = join(folder, 'mcp.sock')
const listener = await serve(unixServer({ path }), async (connection) => {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
  await server.connect(connection)
})
listener.onerror = (error) => console.error(error.message)

const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(unixClient({ path }))
console.log((await client.callTool({ name: 'greet' })).content)
await client.close()
await listener.close()
await rm(folder, { recursive: true })
//#endregion
