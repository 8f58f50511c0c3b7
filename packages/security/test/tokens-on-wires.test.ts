import { X509Certificate } from 'node:crypto'
import { inspect } from 'node:util'
import { until } from '@mcpwire/compliance'
import { allOf, type Gate } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/client'
import { describe, expect, test } from 'vitest'
import { bearer, requireScopes } from '../src/index.js'
import { type JwtVerifierOptions, jwtVerifier } from '../src/node/index.js'
import {
  AUDIENCE,
  ISSUER,
  NOW,
  otherRsa,
  rawToken,
  rsa,
  signedWithPublicKey,
  tokenOf,
  unsignedToken,
} from './support/tokens.js'
import { clockAtNow } from './support/verify.js'
import { type Credentials, certificates, type Served, type Wire, wires } from './support/wires.js'

const TIMEOUT_MS = 30_000

/** Starts a server for these tokens. Its clock and that of the verifier are the same. */
async function serveTokens(
  { serve }: Wire,
  options: Partial<JwtVerifierOptions> = {},
  more: { readonly gate?: Gate; readonly isSecure?: boolean } = {},
): Promise<Served> {
  const clock = clockAtNow()
  const keys = { publicKeys: rsa.publicKey, maxTokenLength: 1_000 }
  const tokens = bearer(jwtVerifier({ issuer: ISSUER, audience: AUDIENCE, clock, ...keys, ...options }))
  return await serve(more.gate ? allOf(tokens, more.gate) : tokens, { clock }, more.isSecure)
}

async function connect(served: Served, token: string, more: Credentials = {}): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(served.client({ headers: { authorization: `Bearer ${token}` }, ...more }))
  return client
}

/** The status of the refusal. No connection reaches the application, and no output has the token. */
async function statusOf(served: Served, token: string, more?: Credentials): Promise<number | undefined> {
  const before = served.refused.length
  const error: unknown = await connect(served, token, more).catch((reason: unknown) => reason)
  // Before the wait: an admitted caller is never reported.
  expect(error).toBeInstanceOf(Error)
  await until(() => served.refused.length > before, 'the refusal is reported', TIMEOUT_MS)
  const { refused, errors, connections } = served
  expect(connections).toEqual([])
  expect(inspect([error, refused, errors], { depth: 10, showHidden: true })).not.toContain(token)
  return refused.at(-1)?.status
}

const attacks: readonly (readonly [string, () => string])[] = [
  ['is signed with the public key as a secret', signedWithPublicKey],
  ['has alg none and no signature', () => unsignedToken('none')],
  ['has alg none and a signature', () => rawToken('{"alg":"none"}')],
  ['is signed with another key', () => tokenOf({}, {}, otherRsa.privateKey)],
  ['has expired', () => tokenOf({ exp: NOW })],
  ['is not valid yet', () => tokenOf({ nbf: NOW + 31 })],
  ['has another audience', () => tokenOf({ aud: 'https://other.example' })],
  ['has another issuer', () => tokenOf({ iss: 'https://evil.example' })],
  ['has another type', () => tokenOf({}, { typ: 'dpop+jwt' })],
  ['has a critical extension', () => rawToken('{"alg":"RS256","crit":["exp"]}')],
  ['has a key id that is no text', () => rawToken('{"alg":"RS256","kid":{"a":1}}')],
  ['is too long', () => tokenOf({ pad: 'x'.repeat(1_000) })],
  ['is bound to a key by DPoP', () => tokenOf({ cnf: { jkt: 'x' } })],
  ['is bound to a certificate, without TLS', () => tokenOf({ cnf: { 'x5t#S256': 'x' } })],
]

describe.each(wires)('over $name', (wire) => {
  test('a valid token identifies the caller', async () => {
    const served = await serveTokens(wire)
    const client = await connect(served, tokenOf())
    expect(client.getServerVersion()?.name).toBe('editor')
    expect([served.refused, served.errors]).toEqual([[], []])
  })

  test.each(attacks)('a token that %s is refused', async (_title, token) => {
    expect(await statusOf(await serveTokens(wire), token())).toBe(401)
  })

  test('a token is refused with 503 where the keys cannot be read', async () => {
    const keys = { keysFor: () => Promise.reject(new Error('the key set is out of reach')) }
    const served = await serveTokens(wire, { publicKeys: undefined, keys })
    expect(await statusOf(served, tokenOf())).toBe(503)
    expect(String(served.errors[0])).toContain('gate')
  })

  test('a tool requires its scopes in each call', async () => {
    const gate = requireScopes({ tools: { delete: 'mcp:admin', write: 'mcp:write' } })
    const served = await serveTokens(wire, {}, { gate })
    const reached: unknown[] = []
    const client = await connect(served, tokenOf())
    const [connection] = served.connections
    const receive = connection?.onmessage
    if (connection)
      connection.onmessage = (message, context) => {
        if ('params' in message) reached.push(message.params?.['name'])
        receive?.(message, context)
      }
    await expect(client.callTool({ name: 'delete' })).rejects.toThrow('mcp:admin')
    await expect(client.callTool({ name: 'write' })).resolves.toBeDefined()
    expect(reached).not.toContain('delete')
    expect(reached).toContain('write')
  })
})

test('a token that has just expired gets a challenge over HTTP', async () => {
  const [http] = wires
  const { listener } = await serveTokens(http as Wire)
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${tokenOf({ exp: NOW })}` }
  const response = await fetch(listener.url, { method: 'POST', headers, body: '{}' })
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
})

describe.each(wires.filter(({ hasTls }) => hasTls))('over $name with TLS', (wire) => {
  const fingerprint = new X509Certificate(certificates.alice.cert).fingerprint256.replaceAll(':', '')
  const bound = tokenOf({ cnf: { 'x5t#S256': Buffer.from(fingerprint, 'hex').toString('base64url') } })

  test('a token that is bound to a certificate is accepted with it only', async () => {
    const served = await serveTokens(wire, {}, { isSecure: true })
    expect(await statusOf(served, bound)).toBe(401)
    expect(await statusOf(served, bound, { certificate: certificates.mallory })).toBe(401)
    const client = await connect(served, bound, { certificate: certificates.alice })
    expect(client.getServerVersion()?.name).toBe('editor')
  })
})
