//#region oauth-v1
import { type HttpAuth, httpClient } from '@mcpwire/http'
import {
  auth,
  extractWWWAuthenticateParams,
  type OAuthClientProvider,
  UnauthorizedError,
} from '@modelcontextprotocol/sdk/client/auth.js'
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { clientId, clientSecret, protectedServer } from './support/protected-server.js'

/** The OAuth flow of the v1 SDK, as the credentials of our client. */
function oauth(provider: OAuthClientProvider): HttpAuth {
  const authorize: NonNullable<HttpAuth['onUnauthorized']> = async ({ response, serverUrl, fetchFn }) => {
    const challenge = extractWWWAuthenticateParams(response)
    if ((await auth(provider, { serverUrl, fetchFn, ...challenge })) !== 'AUTHORIZED')
      throw new UnauthorizedError()
  }
  return {
    token: async () => (await provider.tokens())?.access_token,
    onUnauthorized: authorize,
    onInsufficientScope: authorize,
  }
}
//#endregion

const server = await protectedServer()
const provider = new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: server.issuer })
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(httpClient({ url: server.url, auth: oauth(provider) }))
console.log((await client.callTool({ name: 'greet' })).content)
await client.close()
await server.close()
