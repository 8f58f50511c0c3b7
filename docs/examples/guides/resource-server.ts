import { Client } from '@modelcontextprotocol/client'
import { testIssuer } from '../support/test-issuer.js'

const { issuer, token, close } = await testIssuer()
const publicUrl = 'https://tools.example/mcp'

//#region server
import { allOf, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { bearer, protectedResource, requireScopes } from '@mcpwire/security'
import { discoverKeySet, jwtVerifier } from '@mcpwire/security/node'
import { newServer } from '../support/new-server.js'

const scopes = ['tools:use']
const resource = protectedResource({ publicUrl, authorizationServers: [issuer], scopes })
const { audience, challenge, hooks } = resource
const verifier = jwtVerifier({ issuer, audience, keys: discoverKeySet(issuer) })
const methods = { 'tools/call': 'tools:use' }
const gate = allOf(bearer(verifier, { challenge }), requireScopes({ methods, challenge }))
const listener = await serve(httpServer({ port: 0, gate, hooks }), (connection) =>
  newServer().connect(connection),
)

//#endregion

//#region client
import { httpClient } from '@mcpwire/http'

async function call(bearerToken: string): Promise<unknown> {
  const client = new Client({ name: 'demo', version: '1.0.0' })
  await client.connect(httpClient({ url: listener.url, auth: { token: () => bearerToken } }))
  try {
    return (await client.callTool({ name: 'greet' })).content
  } finally {
    await client.close()
  }
}
//#endregion

const refused = (error: Error): string => `refused: ${error.message}`
console.log(await call(await token(publicUrl, 'tools:use')))
console.log(await call(await token(publicUrl, 'profile')).catch(refused))
console.log(await call(await token('https://other.example', 'tools:use')).catch(refused))
await listener.close()
close()
