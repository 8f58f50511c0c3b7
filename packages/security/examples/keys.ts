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
console.log(transport.state)
await listener.close()
//#endregion
