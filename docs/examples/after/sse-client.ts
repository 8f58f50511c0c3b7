import { serveSse } from '../support/serve-sse.js'

const listener = await serveSse()
const url = new URL('/sse', listener.url)

//#region after
import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'

const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(httpClient({ url }))
//#endregion
console.log(await client.callTool({ name: 'greet' }))
await client.close()
await listener.close()
