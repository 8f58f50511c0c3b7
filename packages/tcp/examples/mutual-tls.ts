// A server of all protocol eras that identifies its clients by their certificates.
//#region mutual-tls
import { type Gate, serve } from '@mcpwire/core'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

const gate: Gate = {
  admit: ({ tls }) => {
    const clientId = /^CN=([^,]+)/.exec(tls?.subject ?? '')?.[1]
    return clientId === undefined
      ? { admit: false, status: 403, reason: 'a certificate with a name is required' }
      : { admit: true, authInfo: { token: '', clientId, scopes: [] } }
  },
}
const tls = { certFile: 'server.pem', keyFile: 'server.key', caFile: 'ca.pem' }
const listener = await serve(tcpServer({ port: 0, tls, gate }), (connection) => {
  const name = `greeter of ${connection.peer?.authInfo?.clientId}`
  serveStdio(() => new McpServer({ name, version: '1.0.0' }), { transport: connection })
})
const transport = tcpClient({
  port: Number(new URL(listener.url).port),
  tls: { certFile: 'ada.pem', keyFile: 'ada.key', caFile: 'ca.pem' },
})

//#endregion

import { rm } from 'node:fs/promises'
import { Client } from '@modelcontextprotocol/client'
import { folder } from './support/certificates.js'

const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await client.connect(transport)
console.log(client.getServerVersion()?.name, transport.peer?.tls?.protocol)
await client.close()
await listener.close()
await rm(folder, { recursive: true })
