import { oauth } from '@mcpwire/http'
import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
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
    const credentials = authorizes ? oauth(provider, auth, () => provider.takeAnswer()) : undefined
    await client.connect(overHttp(url, credentials))
    return client
  }
}
