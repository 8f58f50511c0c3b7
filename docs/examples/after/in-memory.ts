//#region after
import { memoryPair } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { newServerV1 } from '../support/new-server.js'

const [near, far] = memoryPair()
await newServerV1().connect(far)
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(near)
//#endregion
console.log(await client.callTool({ name: 'greet' }))
await client.close()
