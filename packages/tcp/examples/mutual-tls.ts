// A server of both eras that knows its callers by their certificates.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Gate, serve } from '@mcpwire/core'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createAuthority } from '../../../tooling/certificates.js'

function newServer(caller: string): McpServer {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: `hello, ${caller}` }] }))
  return server
}

const folder = await mkdtemp(join(tmpdir(), 'greeter-'))
const file = (name: string): string => join(folder, name)
const authority = createAuthority('Greeter authority')
const serverCredential = authority.issue({ name: 'greeter', names: ['localhost', '127.0.0.1'] })
const ada = authority.issue({ name: 'Ada' })
await Promise.all([
  writeFile(file('ca.pem'), authority.cert),
  writeFile(file('server.pem'), serverCredential.cert),
  writeFile(file('server.key'), serverCredential.key),
  writeFile(file('ada.pem'), ada.cert),
  writeFile(file('ada.key'), ada.key),
])
//#region mutual-tls
const gate: Gate = {
  admit: ({ tls }) => {
    const clientId = /^CN=([^,]+)/.exec(tls?.subject ?? '')?.[1]
    return clientId === undefined
      ? { admit: false, status: 403, reason: 'a certificate with a name is required' }
      : { admit: true, authInfo: { token: '', clientId, scopes: [] } }
  },
}
const tls = { certFile: file('server.pem'), keyFile: file('server.key'), caFile: file('ca.pem') }
const listener = await serve(tcpServer({ port: 0, tls, gate }), (connection) => {
  serveStdio(() => newServer(connection.peer?.authInfo?.clientId ?? 'nobody'), { transport: connection })
})
const transport = tcpClient({
  port: Number(new URL(listener.address ?? '').port),
  tls: { certFile: file('ada.pem'), keyFile: file('ada.key'), caFile: file('ca.pem') },
})
//#endregion

const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await client.connect(transport)
console.log((await client.callTool({ name: 'greet' })).content, transport.peer?.tls?.protocol)
await client.close()
await listener.close()
await rm(folder, { recursive: true })
