// Client certificates for agents, and tokens for all others, on one TCP server.
import { rm } from 'node:fs/promises'
//#region any-of
import { serve } from '@mcpwire/core'
import { anyOf, bearer, mutualTls, TokenError } from '@mcpwire/security'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { folder } from './support/certificates.js'

const users = new Map([['4f1c', 'ada']])
const verify = (token: string) => {
  const clientId = users.get(token)
  if (clientId === undefined) throw new TokenError('invalid_token', 'the token is not known')
  return { authInfo: { token, clientId, scopes: [] } }
}
const gate = anyOf(mutualTls({ names: ['*.agents.example'] }), bearer({ verify }))
const files = { certFile: 'server.pem', keyFile: 'server.key', caFile: 'ca.pem' }
const tls = { ...files, clientCertificates: 'optional' } as const
const listener = await serve(tcpServer({ port: 0, gate, preamble: {}, tls }), (connection) => {
  console.log(connection.peer?.authInfo?.clientId)
  return connection.start()
})
//#endregion

const port = Number(new URL(listener.url).port)
const certificate = { certFile: 'agent.pem', keyFile: 'agent.key' }
const transports = [
  tcpClient({ port, tls: { caFile: 'ca.pem', ...certificate }, preamble: { headers: () => ({}) } }),
  tcpClient({
    port,
    tls: { caFile: 'ca.pem' },
    preamble: { headers: () => ({ authorization: 'Bearer 4f1c' }) },
  }),
]
const other = tcpClient({ port, tls: { caFile: 'ca.pem' }, preamble: { headers: () => ({}) } })
for (const transport of [...transports, other]) await transport.start()
console.log((await other.closed)?.message.replace(/:\d+/, ''))
while (listener.connections.size < 2) await new Promise(setImmediate)
for (const transport of transports) await transport.close()
await listener.close()
await rm(folder, { recursive: true })
