import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import type { TlsFacts } from '@mcpwire/core'
import { describe, expect, test, vi } from 'vitest'
import { TokenError } from '../src/index.js'
import type { JwtVerifierOptions } from '../src/node/index.js'
import {
  context,
  ec,
  ed25519,
  ed25519Token,
  handshake,
  ISSUER,
  type KeyPair,
  NOW,
  pemOf,
  rsa,
  tokenOf,
} from './support/tokens.js'
import { clockAtNow, refusal, verifierOf, verify } from './support/verify.js'

describe('a valid token', () => {
  test('becomes the identity of the caller', async () => {
    const token = tokenOf()
    expect(await verify(token)).toEqual({
      authInfo: {
        token,
        clientId: 'editor',
        scopes: ['mcp:read', 'mcp:write'],
        expiresAt: NOW + 600,
        extra: { sub: 'alice', iss: ISSUER },
      },
      expiresAt: (NOW + 600) * 1_000,
    })
  })

  test.each<[string, KeyPair]>([
    ['RS256', rsa],
    ['PS384', rsa],
    ['ES256', ec],
  ])('may be signed with %s', async (alg, { publicKey, privateKey }) => {
    const token = tokenOf({}, { alg }, privateKey)
    const verifier = verifierOf({ publicKeys: pemOf(publicKey) })
    await expect(verify(token, verifier)).resolves.toBeDefined()
    await refusal(
      token.replace(/\.[^.]+$/, (signature) => `.${signature.slice(5)}AAAA`),
      verifier,
    )
  })

  test('may be signed with EdDSA, and its claims are checked', async () => {
    const verifier = verifierOf({ publicKeys: ed25519.publicKey })
    await expect(verify(ed25519Token(), verifier)).resolves.toMatchObject({
      authInfo: { clientId: 'editor' },
    })
    const faults = {
      aud: ['https://other.example', 'audience'],
      exp: [NOW - 60, 'expired'],
      iss: ['x', 'issuer'],
    }
    for (const [claim, [value, why]] of Object.entries(faults)) {
      expect((await refusal(ed25519Token({ [claim]: value }), verifier)).message).toContain(why)
    }
    expect((await refusal(ed25519Token({ exp: undefined }), verifier)).message).toContain('no end')
    expect((await refusal(ed25519Token({ nbf: NOW + 60 }), verifier)).message).toContain('not valid yet')
  })

  test('may be signed with any of several secrets', async () => {
    const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)]
    const verifier = verifierOf({ publicKeys: undefined, secrets: [first, second] })
    const signed = (secret: Buffer) => tokenOf({}, { alg: 'HS256' }, createSecretKey(secret))
    for (const secret of [first, second])
      await expect(verify(signed(secret), verifier)).resolves.toBeDefined()
    await refusal(signed(third), verifier)
  })

  test.each([
    ['scp as a list', { scope: undefined, scp: ['a', 'b', 7] }, ['a', 'b']],
    ['scp as a text', { scope: undefined, scp: 'a b' }, ['a', 'b']],
    ['no scopes', { scope: undefined }, []],
    ['blanks in its scope', { scope: ' a  b ' }, ['a', 'b']],
  ])('with %s has these scopes', async (_title, change, scopes) => {
    expect((await verify(tokenOf(change))).authInfo.scopes).toEqual(scopes)
  })

  test('without a required scope or claim is refused', async () => {
    const needsScope = verifierOf({ requiredScopes: ['mcp:admin'] })
    expect(await refusal(tokenOf(), needsScope)).toMatchObject({ code: 'insufficient_scope' })
    const needsClaim = verifierOf({ requiredClaims: ['tenant'] })
    expect((await refusal(tokenOf(), needsClaim)).message).toContain('"tenant"')
    await expect(verify(tokenOf({ tenant: 'a' }), needsClaim)).resolves.toBeDefined()
  })

  test('is accepted within the tolerance before its start, and not after its end', async () => {
    await expect(verify(tokenOf({ nbf: NOW + 29 }))).resolves.toBeDefined()
    await refusal(tokenOf({ nbf: NOW + 1 }), verifierOf({ clockToleranceSeconds: 0 }))
    await expect(verify(tokenOf({ exp: NOW + 1 }))).resolves.toBeDefined()
    expect((await refusal(tokenOf({ exp: NOW }))).message).toContain('expired')
    const verifier = verifierOf({ publicKeys: ed25519.publicKey })
    expect((await refusal(ed25519Token({ exp: NOW }), verifier)).message).toContain('expired')
  })

  test('that is bound to a certificate is accepted over connections with it only', async () => {
    const cnf = { 'x5t#S256': Buffer.from('ABCDEF01', 'hex').toString('base64url') }
    const facts: TlsFacts = {
      protocol: 'TLSv1.3',
      cipher: 'x',
      authorized: true,
      fingerprint256: 'AB:CD:EF:01',
    }
    const over = (tls?: TlsFacts) => ({ ...context, handshake: { ...handshake, ...(tls && { tls }) } })
    const verifier = verifierOf()
    const token = tokenOf({ cnf })
    expect((await refusal(token, verifier, over())).message).toContain('the caller has none')
    await expect(verify(token, verifier, over(facts))).resolves.toBeDefined()
    // It is stored now.
    const other = { ...facts, fingerprint256: 'AB:CD:EF:02' }
    expect((await refusal(token, verifier, over(other))).message).toContain('another certificate')
    await refusal(token, verifier, over())
    await expect(verify(token, verifier, over(facts))).resolves.toBeDefined()
  })
})

describe('a verified token', () => {
  test('is stored until it expires, and no longer than cacheMs', async () => {
    const clock = clockAtNow()
    const keysFor = vi.fn(() => [rsa.publicKey])
    const verifier = verifierOf({ publicKeys: undefined, keys: { keysFor }, clock, cacheMs: 60_000 })
    const token = tokenOf({ exp: NOW + 90 })
    await verify(token, verifier)
    await verify(token, verifier)
    expect(keysFor).toHaveBeenCalledTimes(1)
    await clock.advance(60_001)
    await verify(token, verifier)
    expect(keysFor).toHaveBeenCalledTimes(2)
    await clock.advance(60_001)
    expect((await refusal(token, verifier)).message).toContain('expired')
  })

  test('makes space for others when there are too many', async () => {
    const keysFor = vi.fn(() => [rsa.publicKey])
    const verifier = verifierOf({ publicKeys: undefined, keys: { keysFor }, maxCachedTokens: 2 })
    const [a = '', b = '', c = ''] = ['a', 'b', 'c'].map((sub) => tokenOf({ sub }))
    for (const token of [a, b, a, c, a]) await verify(token, verifier)
    expect(keysFor).toHaveBeenCalledTimes(3)
    await verify(b, verifier)
    expect(keysFor).toHaveBeenCalledTimes(4)
  })

  test('is not shown by its verifier', async () => {
    const verifier = verifierOf()
    const token = tokenOf()
    await verify(token, verifier)
    expect(inspect(verifier, { depth: 9, showHidden: true })).not.toContain(token)
  })
})

test('a source of keys that fails is no refusal of the token', async () => {
  const keys = { keysFor: () => Promise.reject(new Error('no keys')) }
  const verifying = verify(tokenOf(), verifierOf({ publicKeys: undefined, keys }))
  await expect(verifying).rejects.not.toBeInstanceOf(TokenError)
})

describe('options', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  const der = rsa.publicKey.export({ type: 'spki', format: 'der' })
  const pkcs1 = rsa.publicKey.export({ type: 'pkcs1', format: 'der' })
  const jwk = JSON.stringify(rsa.publicKey.export({ format: 'jwk' }))

  test.each<[string, object, string]>([
    ['no keys', { publicKeys: undefined }, 'keys'],
    ['two kinds of keys', { secrets: 'x'.repeat(32) }, 'keys'],
    ['a weak RSA key', { publicKeys: weak.publicKey }, 'publicKeys'],
    ['a short secret', { publicKeys: undefined, secrets: 's'.repeat(31) }, 'secrets'],
    ['a public key as a secret', { publicKeys: undefined, secrets: pemOf(rsa.publicKey) }, 'secrets'],
    ['a public key in DER as a secret', { publicKeys: undefined, secrets: der }, 'secrets'],
    ['a public key in PKCS #1 as a secret', { publicKeys: undefined, secrets: pkcs1 }, 'secrets'],
    ['a JWK as a secret', { publicKeys: undefined, secrets: jwk }, 'secrets'],
    [
      'a public key in a KeyObject for secrets',
      { publicKeys: undefined, secrets: createSecretKey(Buffer.from(pemOf(rsa.publicKey))) },
      'secrets',
    ],
    ['a secret as a public key', { publicKeys: createSecretKey(randomBytes(32)) }, 'publicKeys'],
    ['a key that is no key', { publicKeys: 'hunter2' }, 'publicKeys'],
    ['an empty list of keys', { publicKeys: [] }, 'publicKeys'],
    ['alg none', { algorithms: ['none'] }, 'algorithms'],
    ['HS256 for public keys', { algorithms: ['RS256', 'HS256'] }, 'algorithms'],
    ['no algorithm', { algorithms: [] }, 'algorithms'],
    ['no audience', { audience: [] }, 'audience'],
    ['an empty issuer', { issuer: '' }, 'issuer'],
    ['an unknown option', { audiences: ['x'] }, 'audiences'],
    ['a large tolerance', { clockToleranceSeconds: 601 }, 'clockToleranceSeconds'],
  ])('%s is an error', (_title, options, option) => {
    let thrown: unknown
    try {
      verifierOf(options as Partial<JwtVerifierOptions>)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'INVALID_OPTION', details: { option } })
    expect(inspect(thrown, { depth: 9 })).not.toMatch(/hunter2|sssss|BEGIN/)
  })
})
