// A server of both eras that tells its callers apart by a token, where the file's permissions do not.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Gate, serve, type Transport } from '@mcpwire/core'
import { unixClient, unixServer } from '@mcpwire/unix'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

function newServer(caller: string): McpServer {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: `hello, ${caller}` }] }))
  return server
}

const folder = await mkdtemp(join(tmpdir(), 'greeter-'))
const path = join(folder, 'mcp.sock')
//#region token
const gate: Gate = {
  admit: ({ headers }) =>
    headers['authorization'] === 'Bearer 4f1c'
      ? { admit: true, authInfo: { token: '4f1c', clientId: 'Ada', scopes: [] } }
      : { admit: false, status: 401, reason: 'a token is required' },
}
const listener = await serve(unixServer({ path, mode: 0o660, gate, preamble: {} }), (connection) => {
  serveStdio(() => newServer(connection.peer?.authInfo?.clientId ?? 'nobody'), { transport: connection })
})

function connectWith(token: string): Transport {
  return unixClient({ path, preamble: { headers: () => ({ authorization: `Bearer ${token}` }) } })
}
//#endregion

const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await client.connect(connectWith('4f1c'))
console.log((await client.callTool({ name: 'greet' })).content)
await client.close()

const stranger = connectWith('guessed')
await stranger.start()
console.log((await stranger.closed)?.message.replace(path, '…'))
await listener.close()
await rm(folder, { recursive: true })
