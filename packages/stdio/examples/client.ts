//#region client
import { fileURLToPath } from 'node:url'
import { stdioClient } from '@mcpwire/stdio'
import { Client } from '@modelcontextprotocol/client'

const server = fileURLToPath(new URL('server.ts', import.meta.url))
const transport = stdioClient({ command: process.execPath, args: [...process.execArgv, server] })

const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await client.connect(transport)
console.log((await client.callTool({ name: 'greet' })).content)
await client.close()
console.log((await transport.closed) ?? 'closed in order')
//#endregion
