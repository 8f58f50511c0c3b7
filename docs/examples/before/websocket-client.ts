//#region before
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js'

const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(new WebSocketClientTransport(new URL('ws://127.0.0.1:3000/mcp')))
//#endregion
