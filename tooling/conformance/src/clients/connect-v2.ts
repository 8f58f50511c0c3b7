import type { HttpAuth } from '@mcpwire/http'
import {
  auth,
  Client,
  type ClientOptions,
  computeScopeUnion,
  extractWWWAuthenticateParams,
  isStrictScopeSuperset,
} from '@modelcontextprotocol/client'
import type { Connect } from './caller.js'
import type { OneUserProvider } from './one-user-provider.js'

import { overHttp } from './over-http.js'

/** The client of `@modelcontextprotocol/client`. */
export function v2Client(options: ClientOptions = {}): Client {
  return new Client({ name: 'everything-v2', version: '1.0.0' }, options)
}

/** Connects the client of `@modelcontextprotocol/client`, in the era with sessions or in the era of the server. */
export function connectV2(provider: OneUserProvider, { modern }: { modern: boolean }): Connect {
  return async (url, { acceptsDefaults = false, authorizes = false }) => {
    const client = v2Client({
      capabilities: acceptsDefaults ? { elicitation: { form: { applyDefaults: true } } } : {},
      ...(modern && { versionNegotiation: { mode: 'auto' } }),
    })
    if (acceptsDefaults) {
      client.setRequestHandler('elicitation/create', () => ({ action: 'accept' as const, content: {} }))
    }
    await client.connect(overHttp(url, authorizes ? authV2(provider) : undefined))
    return client
  }
}

/** The `auth` option of our client, with the OAuth flow of `@modelcontextprotocol/client`. */
function authV2(provider: OneUserProvider): HttpAuth {
  return {
    token: async () => provider.tokens()?.access_token,
    onUnauthorized: async ({ response, serverUrl }) => {
      // A rejected token can mean a new authorization server. Only a new discovery finds it.
      provider.invalidateCredentials('discovery')
      await authorize(provider, { serverUrl, ...extractWWWAuthenticateParams(response) })
    },
    onInsufficientScope: async ({ response, serverUrl }) => {
      const challenge = extractWWWAuthenticateParams(response)
      const granted = provider.tokens()?.scope
      const scope = computeScopeUnion(granted, challenge.scope)
      const forceReauthorization = isStrictScopeSuperset(scope, granted)
      await authorize(provider, { serverUrl, ...challenge, forceReauthorization, ...(scope && { scope }) })
    },
  }
}

async function authorize(provider: OneUserProvider, challenge: Parameters<typeof auth>[1]): Promise<void> {
  if ((await auth(provider, challenge)) === 'AUTHORIZED') return
  const { code, iss } = provider.takeAnswer()
  await auth(provider, { ...challenge, authorizationCode: code, ...(iss !== undefined && { iss }) })
}
