//#region oauth-v2
import { type HttpAuth, httpClient } from '@mcpwire/http'
import {
  auth,
  Client,
  ClientCredentialsProvider,
  computeScopeUnion,
  extractWWWAuthenticateParams,
  isStrictScopeSuperset,
  type OAuthClientProvider,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { clientId, clientSecret, protectedServer } from './support/protected-server.js'

/** The OAuth flow of the v2 SDK, as the credentials of our client. */
function oauth(provider: OAuthClientProvider): HttpAuth {
  async function authorize(options: Parameters<typeof auth>[1]): Promise<void> {
    if ((await auth(provider, options)) !== 'AUTHORIZED') throw new UnauthorizedError()
  }
  return {
    token: async () => (await provider.tokens())?.access_token,
    onUnauthorized: ({ response, serverUrl, fetchFn }) =>
      authorize({ serverUrl, fetchFn, ...extractWWWAuthenticateParams(response) }),
    onInsufficientScope: async ({ response, serverUrl, fetchFn }) => {
      const challenge = extractWWWAuthenticateParams(response)
      const granted = (await provider.tokens())?.scope
      const scope = computeScopeUnion(granted, challenge.scope)
      const forceReauthorization = isStrictScopeSuperset(scope, granted)
      await authorize({ serverUrl, fetchFn, ...challenge, forceReauthorization, ...(scope && { scope }) })
    },
  }
}
//#endregion

const server = await protectedServer()
const provider = new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: server.issuer })
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(httpClient({ url: server.url, auth: oauth(provider) }))
console.log((await client.callTool({ name: 'greet' })).content)

server.revoke()
await Promise.all([1, 2, 3].map(() => client.callTool({ name: 'greet' })))
console.log(`${server.tokens()} tokens were asked for`)
if (server.tokens() !== 2) throw new Error('requests that are refused together share one token')
await client.close()
await server.close()
