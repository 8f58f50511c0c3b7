//#region client

import { fileURLToPath } from 'node:url'
import { stdioClient, stdioServer } from '@mcpwire/stdio'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'

if (process.argv[2] === 'serve') {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
  await server.connect(stdioServer())
} else {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), 'serve']
  const client = new Client({ name: 'demo', version: '1.0.0' })
  await client.connect(stdioClient({ command: process.execPath, args }))
  console.log((await client.callTool({ name: 'greet' })).content)
  await client.close()
}
//#endregion
