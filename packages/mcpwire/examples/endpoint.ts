//#region endpoint
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { endpoint } from 'mcpwire'

// A command with its arguments, as in a configuration file, or a URL.
const server = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'))
const transport = await endpoint(['node', server], { stderr: 'ignore' })
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(transport)
console.log((await client.listTools()).tools.map(({ name }) => name))
await client.close()
//#endregion
