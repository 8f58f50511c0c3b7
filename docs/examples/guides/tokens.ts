import { type Gate, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { Client } from '@modelcontextprotocol/client'
import { newServer } from '../support/new-server.js'

let valid = 'token-1'
const gate: Gate = {
  admit: ({ headers }) =>
    headers['authorization'] === `Bearer ${valid}`
      ? { admit: true }
      : { admit: false, status: 401, reason: 'the token has expired' },
}
const listener = await serve(httpServer({ port: 0, gate }), (connection) => newServer().connect(connection))
const { url } = listener
process.env['MCP_TOKEN'] = 'token-1'

//#region fixed
import { httpClient } from '@mcpwire/http'

const fixed = httpClient({ url, auth: { token: () => process.env['MCP_TOKEN'] } })
//#endregion
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(fixed)
console.log('fixed:', (await client.callTool({ name: 'greet' })).content)
await client.close()

async function fetchToken(): Promise<string> {
  valid = 'token-2'
  return valid
}
valid = 'another'
//#region refresh
let current = 'token-1'
const refreshing = httpClient({
  url,
  auth: {
    token: () => current,
    onUnauthorized: async () => {
      current = await fetchToken()
    },
  },
})
//#endregion
const second = new Client({ name: 'demo', version: '1.0.0' })
await second.connect(refreshing)
console.log('refreshed:', (await second.callTool({ name: 'greet' })).content)
await second.close()
await listener.close()
