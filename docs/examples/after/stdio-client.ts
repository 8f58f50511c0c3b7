import { fileURLToPath } from 'node:url'

const args = [...process.execArgv, fileURLToPath(new URL('stdio-server.ts', import.meta.url))]

//#region after
import { stdioClient } from '@mcpwire/stdio'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'

const transport = stdioClient({
  command: process.execPath,
  args,
  env: { API_KEY: 'secret' },
  stderr: 'pipe',
  maxMessageBytes: 1_000_000,
})
transport.stderr?.on('data', (chunk) => console.error(String(chunk)))
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(transport)
//#endregion
console.log(await client.callTool({ name: 'greet' }))
await client.close()
