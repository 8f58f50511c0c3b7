//#region before
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

const transport = new StdioClientTransport({
  command: 'node',
  args: ['server.js'],
  env: { API_KEY: 'secret' },
  stderr: 'pipe',
  maxBufferSize: 1_000_000,
})
transport.stderr?.on('data', (chunk) => console.error(String(chunk)))
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(transport)
//#endregion
