import type { HttpAuth } from '@mcpwire/http'
import { auth, extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Connect } from './caller.js'
import type { OneUserProvider } from './one-user-provider.js'

import { overHttp } from './over-http.js'

/** Connects the client of `@modelcontextprotocol/sdk`. */
export function connectV1(provider: OneUserProvider): Connect {
  return async (url, { acceptsDefaults = false, authorizes = false }) => {
    const client = new Client(
      { name: 'everything-v1', version: '1.0.0' },
      { capabilities: acceptsDefaults ? { elicitation: { form: { applyDefaults: true } } } : {} },
    )
    if (acceptsDefaults) {
      client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' as const, content: {} }))
    }
    await client.connect(overHttp(url, authorizes ? authV1(provider) : undefined))
    return client
  }
}

/** The `auth` option of our client, with the OAuth flow of `@modelcontextprotocol/sdk`. */
function authV1(provider: OneUserProvider): HttpAuth {
  const authorize: NonNullable<HttpAuth['onUnauthorized']> = async ({ response, serverUrl }) => {
    const challenge = { serverUrl, ...extractWWWAuthenticateParams(response) }
    if ((await auth(provider, challenge)) === 'AUTHORIZED') return
    await auth(provider, { ...challenge, authorizationCode: provider.takeAnswer().code })
  }
  return {
    token: async () => provider.tokens()?.access_token,
    onUnauthorized: authorize,
    onInsufficientScope: authorize,
  }
}
