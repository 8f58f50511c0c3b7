// API keys: a client with a key of its own, and one without.
//#region keys
import { allOf, serve } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { hostIn } from '@mcpwire/security'
import { apiKey } from '@mcpwire/security/node'

const keys = { ci: 'a2f6-ci-example-key', laptop: ['51d0-old-example-key', '9be3-new-example-key'] }
const gate = allOf(hostIn(['127.0.0.1']), apiKey(keys))
const listener = await serve(httpServer({ port: 0, gate }), (connection) => {
  console.log(`admitted: ${connection.peer?.authInfo?.clientId}`)
  return connection.start()
})
const headers = { 'x-api-key': '9be3-new-example-key' }
const transport = httpClient({ url: listener.url, headers })
//#endregion

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'demo', version: '1' } },
} as const
await transport.start()
const other = httpClient({ url: listener.url })
await other.start()
listener.onrefused = ({ status, reason }) => console.log(`refused: ${status} ${reason}`)
const sending = transport.send(initialize)
await other.send(initialize).catch(() => {})
await Promise.allSettled([transport.close(), other.close(), listener.close(), sending])
