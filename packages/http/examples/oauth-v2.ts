//#region oauth-v2
import { httpClient, oauth } from '@mcpwire/http'
import { auth, Client, ClientCredentialsProvider } from '@modelcontextprotocol/client'
import { clientId, clientSecret, protectedServer } from './support/protected-server.js'

const server = await protectedServer()
const provider = new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: server.issuer })
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(httpClient({ url: server.url, auth: oauth(provider, auth) }))
console.log((await client.callTool({ name: 'greet' })).content)
//#endregion

server.revoke()
await Promise.all([1, 2, 3].map(() => client.callTool({ name: 'greet' })))
console.log(`${server.tokens()} tokens were requested`)
if (server.tokens() !== 2) throw new Error('requests that are refused together share one token')
await client.close()
await server.close()
