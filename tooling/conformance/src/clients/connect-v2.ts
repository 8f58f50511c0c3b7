import { type HttpAuth, oauth } from '@mcpwire/http'
import { auth, Client, type ClientOptions } from '@modelcontextprotocol/client'
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

/** The OAuth flow of `@modelcontextprotocol/client`, with a new discovery after each 401. */
function authV2(provider: OneUserProvider): HttpAuth {
  const adapted = oauth(provider, auth, () => provider.takeAnswer())
  return {
    ...adapted,
    onUnauthorized: (context) => {
      // A token that stopped working may mean another authorization server, which only a new discovery finds.
      provider.invalidateCredentials('discovery')
      return adapted.onUnauthorized(context)
    },
  }
}
