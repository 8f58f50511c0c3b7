import { isTransportError, type Transport } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { bearer, TokenError } from '../src/index.js'
import { apiKey } from '../src/node/index.js'
import { type Credentials, type Served, type Wire, wires } from './support/wires.js'

const [http] = wires
const PLANTED = 'planted-token-77aa31'
const metadata = 'https://mcp.example/.well-known/oauth-protected-resource/mcp'

const tokens = bearer(
  {
    verify: (token) => {
      if (token.startsWith('narrow')) return { authInfo: { token, clientId: 'ada', scopes: [] } }
      throw new TokenError('invalid_token', `the token "${token}" is not known\r\nx-injected: 1`)
    },
  },
  { requiredScopes: ['mcp'], challenge: { resource_metadata: metadata } },
)

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
} as const

test.each([
  ['no token', {}, 401, `Bearer scope="mcp", resource_metadata="${metadata}"`],
  [
    'an unknown token',
    { authorization: `Bearer ${PLANTED}` },
    401,
    `Bearer error="invalid_token", error_description="the token '[redacted]' is not known x-injected: 1", scope="mcp", resource_metadata="${metadata}"`,
  ],
  [
    'two tokens in one header',
    { authorization: 'Bearer a, Bearer b' },
    400,
    `Bearer error="invalid_request", error_description="the Authorization header must have one bearer token", scope="mcp", resource_metadata="${metadata}"`,
  ],
  [
    'a token without the scope',
    { authorization: 'Bearer narrow' },
    403,
    `Bearer error="insufficient_scope", error_description="the token needs the scopes: mcp", scope="mcp", resource_metadata="${metadata}"`,
  ],
])('a response over HTTP to %s has the challenge', async (_what, credentials, status, challenge) => {
  const { listener } = await (http as Wire).serve(tokens)
  const response = await fetch(listener.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(credentials as Record<string, string>),
    },
    body: JSON.stringify(initialize),
  })
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([status, challenge])
  expect(response.headers.has('x-injected')).toBe(false)
  expect(await response.text()).not.toContain(PLANTED)
})

async function errorOf({ client }: Served, credentials: Credentials = {}): Promise<Error | undefined> {
  const transport: Transport = client(credentials)
  await transport.start().catch(() => {})
  await transport.send(initialize).catch(() => {})
  return await transport.closed
}

test.each(wires.filter(({ name }) => name !== 'http'))(
  'the error of a client over $name has the challenge',
  async ({ serve }) => {
    for (const [gate, challenge] of [
      [tokens, `Bearer scope="mcp", resource_metadata="${metadata}"`],
      [apiKey({ ci: 'key-of-ci-0123456789abcdef' }), 'ApiKey header="x-api-key"'],
    ] as const) {
      const error = await errorOf(await serve(gate))
      expect(isTransportError(error, 'AUTH_REQUIRED')).toBe(true)
      expect(error).toMatchObject({ details: { status: 401, challenge } })
    }
  },
)
