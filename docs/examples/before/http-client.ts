//#region before
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const transport = new StreamableHTTPClientTransport(new URL('http://127.0.0.1:3000/mcp'), {
  requestInit: { headers: { 'x-team': 'blue' } },
  reconnectionOptions: {
    initialReconnectionDelay: 500,
    maxReconnectionDelay: 10_000,
    reconnectionDelayGrowFactor: 2,
    maxRetries: 5,
  },
})
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(transport)
console.log(await client.callTool({ name: 'greet' }))
await transport.terminateSession()
await client.close()
//#endregion
