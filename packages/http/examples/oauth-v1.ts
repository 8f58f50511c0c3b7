//#region oauth-v1
import { httpClient, oauth } from '@mcpwire/http'
import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { clientId, clientSecret, protectedServer } from './support/protected-server.js'

const server = await protectedServer()
const provider = new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: server.issuer })
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(httpClient({ url: server.url, auth: oauth(provider, auth) }))
console.log((await client.callTool({ name: 'greet' })).content)
//#endregion
await client.close()
await server.close()
