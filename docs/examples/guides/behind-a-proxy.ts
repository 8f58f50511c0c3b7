//#region server
import { serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { remoteIn, trustedProxies } from '@mcpwire/security'
import { newServer } from '../support/new-server.js'

const { resolveCaller } = trustedProxies(['127.0.0.1'])
const gate = remoteIn(['192.0.2.0/24'])
const listener = await serve(httpServer({ port: 0, resolveCaller, gate }), (connection) =>
  newServer().connect(connection),
)

//#endregion

import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/client'

listener.onrefused = ({ address, reason }) => console.log('refused:', address, reason)

/** A client as a proxy passes it on. */
async function connectedFrom(forwardedFor: string): Promise<string> {
  const client = new Client({ name: 'demo', version: '1.0.0' })
  const headers = { 'x-forwarded-for': forwardedFor }
  try {
    await client.connect(httpClient({ url: listener.url, headers }))
    return 'connected'
  } catch {
    return 'not connected'
  } finally {
    await client.close()
  }
}

console.log('192.0.2.7:', await connectedFrom('192.0.2.7'))
console.log('forged:', await connectedFrom('192.0.2.7, 203.0.113.9'))
await listener.close()

//#region tcp
import { proxyProtocol } from '@mcpwire/security/node'
import { tcpServer } from '@mcpwire/tcp'

const tcp = await serve(
  tcpServer({ port: 0, proxyProtocol: proxyProtocol(['127.0.0.1']), gate }),
  (connection) => newServer().connect(connection),
)
//#endregion

console.log('tcp:', tcp.url.startsWith('tcp://'))
await tcp.close()
