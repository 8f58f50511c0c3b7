// A server of all protocol eras that identifies its clients by a token.
//#region token
import { type Gate, serve, type Transport } from '@mcpwire/core'
import { unixClient, unixServer } from '@mcpwire/unix'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

const path = 'mcp.sock'
const gate: Gate = {
  admit: ({ headers }) =>
    headers['authorization'] === 'Bearer 4f1c'
      ? { admit: true, authInfo: { token: '4f1c', clientId: 'Ada', scopes: [] } }
      : { admit: false, status: 401, reason: 'a token is required' },
}
const listener = await serve(unixServer({ path, mode: 0o660, gate, preamble: {} }), (connection) => {
  const name = `greeter of ${connection.peer?.authInfo?.clientId}`
  serveStdio(() => new McpServer({ name, version: '1.0.0' }), { transport: connection })
})

function connectWith(token: string): Transport {
  return unixClient({ path, preamble: { headers: () => ({ authorization: `Bearer ${token}` }) } })
}

//#endregion

import { rm } from 'node:fs/promises'
import { Client } from '@modelcontextprotocol/client'
import { folder } from './support/folder.js'

const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await client.connect(connectWith('4f1c'))
console.log(client.getServerVersion()?.name)
await client.close()

const other = connectWith('guessed')
await other.start()
console.log((await other.closed)?.message.replace(folder, '…'))
await listener.close()
await rm(folder, { recursive: true })
