//#region before
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { newServerV1 } from '../support/new-server.js'

const [near, far] = InMemoryTransport.createLinkedPair()
await newServerV1().connect(far)
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(near)
//#endregion
console.log(await client.callTool({ name: 'greet' }))
await client.close()
