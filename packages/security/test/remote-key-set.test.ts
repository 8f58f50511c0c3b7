import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { TokenError } from '../src/index.js'
import { discoverKeySet, type RemoteKeySetOptions, remoteKeySet } from '../src/node/index.js'
import { jsonServer } from './support/json-server.js'
import { ec, ISSUER, otherRsa, rsa, tokenOf } from './support/tokens.js'
import { clockAtNow, refusal, verifierOf, verify } from './support/verify.js'

const jwkOf = (key: KeyObject, kid?: string, more: object = {}): object => ({
  ...key.export({ format: 'jwk' }),
  ...(kid !== undefined && { kid }),
  ...more,
})

const withKeys = (url: string, options: RemoteKeySetOptions = {}) =>
  verifierOf({ publicKeys: undefined, keys: remoteKeySet(url, options), maxCachedTokens: 0 })

test('the keys are read once for many tokens, and again for an unknown key id', async () => {
  const keys = [jwkOf(rsa.publicKey, 'old')]
  const server = await jsonServer(() => ({ keys }))
  const verifier = withKeys(`${server.origin}/jwks`, { cooldownMs: 0 })
  await Promise.all(Array.from({ length: 20 }, () => verify(tokenOf({}, { kid: 'old' }), verifier)))
  expect(server.requests).toEqual(['GET /jwks'])
  keys.push(jwkOf(otherRsa.publicKey, 'new'))
  await verify(tokenOf({}, { kid: 'new' }, otherRsa.privateKey), verifier)
  await verify(tokenOf({}, { kid: 'old' }), verifier)
  expect(server.requests).toHaveLength(2)
})

test('a key that was withdrawn counts no longer after cacheMs', async () => {
  let keys = [jwkOf(rsa.publicKey, 'a')]
  const server = await jsonServer(() => ({ keys }))
  const verifier = withKeys(`${server.origin}/jwks`, { cooldownMs: 0, cacheMs: 0 })
  await verify(tokenOf({}, { kid: 'a' }), verifier)
  keys = [jwkOf(otherRsa.publicKey, 'b')]
  await refusal(tokenOf({}, { kid: 'a' }), verifier)
})

test('a flood of unknown key ids causes one request', async () => {
  const server = await jsonServer(() => ({ keys: [jwkOf(rsa.publicKey, 'a')] }))
  const verifier = withKeys(`${server.origin}/jwks`)
  await verify(tokenOf({}, { kid: 'a' }), verifier)
  for (let n = 0; n < 50; n++) await refusal(tokenOf({}, { kid: `random-${n}` }), verifier)
  expect(server.requests).toHaveLength(1)
})

test('a flood of tokens causes one request in a second while the keys cannot be read', async () => {
  const clock = clockAtNow()
  let keys: object[] | undefined
  const server = await jsonServer((_request, _body, response) =>
    keys ? { keys } : void response.writeHead(500).end(),
  )
  const verifier = withKeys(`${server.origin}/jwks`, { clock })
  const flood = async () => {
    for (let n = 0; n < 20; n++) {
      const error: unknown = await verify(tokenOf({}, { kid: `${n}` }), verifier).catch((why: unknown) => why)
      expect(error).not.toBeInstanceOf(TokenError)
      expect(String(error)).toContain('status 500')
    }
  }
  await flood()
  expect(server.requests).toHaveLength(1)
  await clock.advance(1_000)
  await flood()
  expect(server.requests).toHaveLength(2)
  keys = [jwkOf(rsa.publicKey, 'a')]
  await clock.advance(1_000)
  await expect(verify(tokenOf({}, { kid: 'a' }), verifier)).resolves.toBeDefined()
})

test('a flood of tokens finds the metadata of an issuer once in a second while it cannot be read', async () => {
  const clock = clockAtNow()
  const server = await jsonServer((_request, _body, response) => void response.writeHead(500).end())
  const verifier = verifierOf({
    publicKeys: undefined,
    issuer: server.origin,
    keys: discoverKeySet(server.origin, { clock }),
  })
  const attempt = () => verify(tokenOf({ iss: server.origin }), verifier).catch(() => {})
  for (let n = 0; n < 20; n++) await attempt()
  const [...first] = server.requests
  expect(new Set(first).size).toBe(first.length)
  await clock.advance(1_000)
  await attempt()
  expect(server.requests).toEqual([...first, ...first])
})

test('a token without a key id is tried with each key that fits', async () => {
  const keys = [jwkOf(otherRsa.publicKey, 'a'), jwkOf(rsa.publicKey, 'b'), jwkOf(ec.publicKey, 'c')]
  const server = await jsonServer(() => ({ keys }))
  const verifier = withKeys(`${server.origin}/jwks`)
  await expect(verify(tokenOf(), verifier)).resolves.toBeDefined()
  await expect(verify(tokenOf({}, { alg: 'ES256' }, ec.privateKey), verifier)).resolves.toBeDefined()
})

test.each([
  ['for encryption', { use: 'enc' }],
  ['for another algorithm', { alg: 'PS512' }],
  ['without verification among its operations', { key_ops: ['encrypt'] }],
])('a key %s verifies nothing', async (_title, more) => {
  const server = await jsonServer(() => ({ keys: [jwkOf(rsa.publicKey, 'a', more)] }))
  await refusal(tokenOf({}, { kid: 'a' }), withKeys(`${server.origin}/jwks`))
})

test('a weak key and a secret in the key set verify nothing', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  const secret = { kty: 'oct', kid: 's', k: Buffer.alloc(32).toString('base64url') }
  const server = await jsonServer(() => ({ keys: [jwkOf(weak.publicKey, 'w'), secret] }))
  const verifier = withKeys(`${server.origin}/jwks`)
  await expect(verify(tokenOf({}, { kid: 'w' }, rsa.privateKey), verifier)).rejects.toThrow()
  await refusal(tokenOf({}, { kid: 's' }), verifier)
})

test.each<[string, Parameters<typeof jsonServer>[0], string]>([
  ['status 500', (_request, _body, response) => void response.writeHead(500).end('hunter2'), 'status 500'],
  ['a redirect', (_request, _body, response) => void response.writeHead(302, { location: '/x' }).end(), ''],
  ['too many bytes', () => ({ keys: [], pad: 'x'.repeat(100_000) }), '65536 bytes'],
  ['no JSON', (_request, _body, response) => void response.end('<html>'), 'JSON object'],
])('%s is no refusal of the token: nothing could be decided', async (_title, answer, why) => {
  const server = await jsonServer(answer)
  const verifier = withKeys(`${server.origin}/jwks`)
  const error: unknown = await verify(tokenOf(), verifier).catch((reason: unknown) => reason)
  expect(error).not.toBeInstanceOf(TokenError)
  expect(String((error as Error).message)).toContain(why)
  expect(String((error as Error).message)).not.toContain('hunter2')
})

test('a redirect is not followed, even to the keys', async () => {
  const server = await jsonServer(({ url }, _body, response) =>
    url === '/moved'
      ? { keys: [jwkOf(rsa.publicKey, 'a')] }
      : void response.writeHead(302, { location: '/moved' }).end(),
  )
  const verifying = verify(tokenOf({}, { kid: 'a' }), withKeys(`${server.origin}/jwks`))
  await expect(verifying).rejects.not.toBeInstanceOf(TokenError)
  expect(server.requests).toEqual(['GET /jwks'])
})

test('no response within timeoutMs decides nothing', async () => {
  const clock = clockAtNow()
  const server = await jsonServer(() => undefined)
  const verifying = verify(tokenOf(), withKeys(`${server.origin}/jwks`, { clock, timeoutMs: 300 }))
  verifying.catch(() => {})
  await vi.waitFor(() => expect(server.requests).toHaveLength(1))
  await clock.advance(300)
  await expect(verifying).rejects.not.toBeInstanceOf(TokenError)
})

test.each([Infinity, 1.5])('a timeoutMs of %d is a limit like others', async (timeoutMs) => {
  const server = await jsonServer(() => ({ keys: [jwkOf(rsa.publicKey, 'a')] }))
  const verifier = withKeys(`${server.origin}/jwks`, { timeoutMs, clock: clockAtNow() })
  await expect(verify(tokenOf({}, { kid: 'a' }), verifier)).resolves.toBeDefined()
})

test.each([
  ['http://login.example.com/jwks'],
  ['https://user:hunter2@login.example.com/jwks'],
  ['ftp://login.example.com/'],
  ['file:///etc/passwd'],
  ['jwks'],
])('the URL %s is an error that shows no password', (url) => {
  expect(() => remoteKeySet(url)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  expect(() => remoteKeySet(url)).not.toThrow(/hunter2/)
  expect(() => discoverKeySet(url)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
})

test('an issuer is found by its metadata', async () => {
  const paths: string[] = []
  const server = await jsonServer(({ url = '' }, _body, response) => {
    paths.push(url)
    if (url === '/jwks') return { keys: [jwkOf(rsa.publicKey, 'a')] }
    if (url === '/tenant/.well-known/openid-configuration')
      return { issuer: `${server.origin}/tenant`, jwks_uri: `${server.origin}/jwks` }
    return void response.writeHead(404).end()
  })
  const issuer = `${server.origin}/tenant`
  const verifier = verifierOf({ publicKeys: undefined, issuer, keys: discoverKeySet(issuer) })
  await verify(tokenOf({ iss: issuer }, { kid: 'a' }), verifier)
  await refusal(tokenOf({}, { kid: 'a' }), verifier)
  expect(paths).toEqual([
    '/.well-known/oauth-authorization-server/tenant',
    '/.well-known/openid-configuration/tenant',
    '/tenant/.well-known/openid-configuration',
    '/jwks',
  ])
})

test.each([
  ['another issuer', (origin: string) => ({ issuer: ISSUER, jwks_uri: `${origin}/jwks` })],
  [
    'a key set that is not https',
    (origin: string) => ({ issuer: origin, jwks_uri: 'http://login.example.com/' }),
  ],
  ['no key set', (origin: string) => ({ issuer: origin })],
])('metadata with %s decides nothing', async (_title, metadata) => {
  const server = await jsonServer(({ url }) =>
    url === '/jwks' ? { keys: [jwkOf(rsa.publicKey)] } : metadata(server.origin),
  )
  const verifier = verifierOf({
    publicKeys: undefined,
    issuer: server.origin,
    keys: discoverKeySet(server.origin),
  })
  const error: unknown = await verify(tokenOf({ iss: server.origin }), verifier).catch(
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(Error)
  expect(error).not.toBeInstanceOf(TokenError)
})

test('the metadata of an https issuer cannot name a key set on this host over http', async () => {
  const requested: string[] = []
  const fetch = (url: string) => {
    requested.push(url)
    const isMetadata = url.includes('/.well-known/')
    const metadata = { issuer: ISSUER, jwks_uri: 'http://127.0.0.1:9/keys' }
    return Promise.resolve(Response.json(isMetadata ? metadata : { keys: [] }))
  }
  const verifier = verifierOf({ publicKeys: undefined, keys: discoverKeySet(ISSUER, { fetch }) })
  const error: unknown = await verify(tokenOf(), verifier).catch((reason: unknown) => reason)
  expect(error).not.toBeInstanceOf(TokenError)
  expect(requested.every((url) => url.startsWith(`${ISSUER}/`))).toBe(true)
})
