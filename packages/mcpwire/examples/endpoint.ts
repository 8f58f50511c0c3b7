//#region endpoint
import { Client } from '@modelcontextprotocol/client'
import { endpoint } from 'mcpwire'

// A command with its arguments, such as a configuration file has it.
const transport = await endpoint(['npx', 'mcp-server-everything', 'stdio'], { stderr: 'ignore' })
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(transport)
console.log((await client.listTools()).tools.map(({ name }) => name))
await client.close()
//#endregion
