//#region before
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const info = { name: 'demo', version: '1.0.0' }
let client = new Client(info)
try {
  await client.connect(new StreamableHTTPClientTransport(new URL('http://127.0.0.1:3000/sse')))
} catch {
  client = new Client(info)
  await client.connect(new SSEClientTransport(new URL('http://127.0.0.1:3000/sse')))
}
//#endregion
