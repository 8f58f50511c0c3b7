// An OAuth resource server: it verifies the tokens of an authorization server.
//#region resource
import { allOf, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { bearer, protectedResource, requireScopes } from '@mcpwire/security'
import { discoverKeySet, jwtVerifier } from '@mcpwire/security/node'

const issuer = 'https://login.example.com'
const publicUrl = 'https://mcp.example.com/mcp'
const resource = protectedResource({ publicUrl, authorizationServers: [issuer] })
const { audience, challenge, hooks } = resource
const verifier = jwtVerifier({ issuer, audience, keys: discoverKeySet(issuer) })
const scopes = requireScopes({ tools: { edit_page: 'wiki:write' }, challenge })
const gate = allOf(bearer(verifier, { challenge }), scopes)
const listener = await serve(httpServer({ port: 0, gate, hooks }), (connection) => connection.start())
//#endregion

const response = await fetch(listener.url, { method: 'POST' })
console.log(response.status, response.headers.get('www-authenticate'))
const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', listener.url))
console.log(await metadata.json())
await listener.close()
