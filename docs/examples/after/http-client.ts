import { serveGreeter } from '../support/serve-greeter.js'

const listener = await serveGreeter()
const { url } = listener

//#region after
import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'

const transport = httpClient({
  url,
  headers: { 'x-team': 'blue' },
  reconnect: { firstDelayMs: 500, maxDelayMs: 10_000, maxAttempts: 5 },
})
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(transport)
console.log(await client.callTool({ name: 'greet' }))
await client.close()
//#endregion
await listener.close()
