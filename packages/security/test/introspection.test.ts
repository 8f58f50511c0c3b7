import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { TokenError, type TokenVerifier } from '../src/index.js'
import { type IntrospectionOptions, introspection } from '../src/node/index.js'
import { type JsonServer, jsonServer } from './support/json-server.js'
import { AUDIENCE, context, handshake, NOW } from './support/tokens.js'
import { clockAtNow, refusal, verify } from './support/verify.js'

const active = {
  active: true,
  aud: AUDIENCE,
  sub: 'alice',
  client_id: 'editor',
  scope: 'a b',
  exp: NOW + 600,
}

function verifierFor({ origin }: JsonServer, options: Partial<IntrospectionOptions> = {}): TokenVerifier {
  return introspection({
    url: `${origin}/introspect`,
    clientId: 'mcp server',
    clientSecret: 'hunter2:+',
    audience: AUDIENCE,
    clock: clockAtNow(),
    ...options,
  })
}

test('the server is asked once about a token, with the credentials of this server', async () => {
  const asked: unknown[] = []
  const server = await jsonServer(({ headers }, body) => {
    asked.push([headers.authorization, body])
    return active
  })
  const verifier = verifierFor(server)
  const [first, second] = await Promise.all([verify('t0ken', verifier), verify('t0ken', verifier)])
  await verify('t0ken', verifier)
  const credentials = Buffer.from('mcp+server:hunter2%3A%2B').toString('base64')
  expect(asked).toEqual([[`Basic ${credentials}`, 'token=t0ken&token_type_hint=access_token']])
  expect(first).toEqual(second)
  expect(first).toMatchObject({
    authInfo: { clientId: 'editor', scopes: ['a', 'b'], extra: { sub: 'alice' } },
    expiresAt: (NOW + 600) * 1_000,
  })
})

describe('a response', () => {
  test.each<[string, object]>([
    ['that is not active', { active: false }],
    ['without active', { ...active, active: undefined }],
    ['with active as a text', { ...active, active: 'true' }],
    ['with active 1', { ...active, active: 1 }],
    ['for another audience', { ...active, aud: 'https://other.example' }],
    ['without an audience', { ...active, aud: undefined }],
    ['from another issuer', { ...active, iss: 'https://evil.example' }],
    ['that has expired', { ...active, exp: NOW - 1 }],
    ['that is not valid yet', { ...active, nbf: NOW + 1 }],
    ['with an end that is a text', { ...active, exp: `${NOW + 600}` }],
    ['with a start that is a text', { ...active, nbf: `${NOW - 1}` }],
    ['for a token with DPoP', { ...active, cnf: { jkt: 'x' } }],
    ['for a token that is bound to a certificate', { ...active, cnf: { 'x5t#S256': 'x' } }],
    ['without a client', { ...active, client_id: undefined, sub: undefined }],
  ])('%s refuses the token', async (_title, response) => {
    const server = await jsonServer(() => response)
    const error = await refusal('t0ken', verifierFor(server, { issuer: 'https://login.example.com' }))
    expect(error.code).toBe('invalid_token')
  })

  test('without a required scope refuses the token', async () => {
    const server = await jsonServer(() => active)
    const verifier = verifierFor(server, { requiredScopes: ['c'] })
    expect(await refusal('t0ken', verifier)).toMatchObject({ code: 'insufficient_scope' })
  })

  test('is stored for cacheMs, also one that refuses', async () => {
    let response: object = active
    const clock = clockAtNow()
    const server = await jsonServer(() => response)
    const verifier = verifierFor(server, { clock, cacheMs: 1_000 })
    await verify('t0ken', verifier)
    response = { active: false }
    await verify('t0ken', verifier)
    await clock.advance(1_001)
    await refusal('t0ken', verifier)
    response = active
    await refusal('t0ken', verifier)
    expect(server.requests).toHaveLength(2)
  })

  test('that accepts a token is stored in spite of many that refuse others', async () => {
    const server = await jsonServer((_request, body) =>
      body.includes('token=t0ken&') ? active : { active: false },
    )
    const verifier = verifierFor(server, { maxCachedTokens: 2 })
    await verify('t0ken', verifier)
    for (const token of ['a', 'b', 'c']) await refusal(token, verifier)
    await verify('t0ken', verifier)
    expect(server.requests).toHaveLength(4)
  })

  test.each<[string, Parameters<typeof jsonServer>[0]]>([
    ['status 401', (_request, _body, response) => void response.writeHead(401).end('t0ken')],
    ['a redirect', (_request, _body, response) => void response.writeHead(307, { location: '/x' }).end()],
    ['no JSON', (_request, _body, response) => void response.end('t0ken')],
    ['too many bytes', () => ({ ...active, pad: 'x'.repeat(70_000) })],
  ])('with %s decides nothing, and quotes no secret', async (_title, answer) => {
    const server = await jsonServer(answer)
    const verifier = verifierFor(server)
    const error: unknown = await verify('t0ken', verifier).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toBeInstanceOf(TokenError)
    expect(inspect(error, { depth: 9 })).not.toMatch(/t0ken|hunter2/)
    expect(server.requests).toHaveLength(1)
  })
})

test('no response within timeoutMs decides nothing', async () => {
  const clock = clockAtNow()
  const server = await jsonServer(() => undefined)
  const verifying = verify('t0ken', verifierFor(server, { clock, timeoutMs: 300 }))
  verifying.catch(() => {})
  await vi.waitFor(() => expect(server.requests).toHaveLength(1))
  await clock.advance(300)
  await expect(verifying).rejects.toThrow('timeoutMs (300 ms)')
})

test('many tokens at once are limited', async () => {
  const server = await jsonServer(() => active)
  const verifier = verifierFor(server, { maxRequests: 2 })
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((token) => verify(token, verifier)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  await expect(verify('c', verifier)).resolves.toBeDefined()
})

test('a token is too long before it is sent', async () => {
  const server = await jsonServer(() => active)
  expect((await refusal('x'.repeat(20_000), verifierFor(server))).message).toContain('longer than')
  expect(server.requests).toEqual([])
})

test('the verifier shows neither its secret nor tokens', async () => {
  const server = await jsonServer(() => active)
  const verifier = verifierFor(server)
  await verifier.verify('t0ken', { ...context, handshake })
  expect(inspect(verifier, { depth: 9, showHidden: true })).not.toMatch(/t0ken|hunter2/)
})
