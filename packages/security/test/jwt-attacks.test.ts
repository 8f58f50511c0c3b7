import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import {
  AUDIENCE,
  claims,
  ISSUER,
  NOW,
  otherRsa,
  rawToken,
  rsa,
  signedWithPublicKey,
  tokenOf,
  unsignedToken,
} from './support/tokens.js'
import { refusal, verifierOf, verify } from './support/verify.js'

/** The claims, followed by one of them with another value. The last one counts (RFC 7519, section 4). */
const twice = (name: string, value: string): string =>
  `${JSON.stringify(claims).slice(0, -1)},"${name}":${JSON.stringify(value)}}`

const withClaims = (payload: string): string => rawToken('{"alg":"RS256"}', payload)

const attacks: readonly (readonly [string, string, string])[] = [
  ['is signed with the public key as a secret', signedWithPublicKey(), 'algorithm'],
  ...['none', 'None', 'NONE', 'nOnE'].map(
    (alg) => [`has alg ${alg} and no signature`, unsignedToken(alg), 'no signed JWT'] as const,
  ),
  ...['none', 'None', ''].map((alg) => [`has alg ${alg}`, `${unsignedToken(alg)}AAAA`, 'algorithm'] as const),
  ['has alg none, and then another', rawToken('{"alg":"RS256","alg":"none"}'), 'algorithm'],
  ['has no algorithm', rawToken('{"typ":"at+jwt"}'), 'algorithm'],
  ['has an algorithm that is no text', rawToken('{"alg":["RS256"]}'), 'algorithm'],
  ['has the algorithm __proto__', rawToken('{"alg":"__proto__"}'), 'algorithm'],
  ['has the algorithm of another kind of key', rawToken('{"alg":"ES256"}'), 'key that is not known'],
  ['is signed with another key', tokenOf({}, {}, otherRsa.privateKey), 'signature'],
  ['has an empty signature', tokenOf().replace(/[^.]+$/, ''), 'no signed JWT'],
  ['has four parts', `${tokenOf()}.AAAA`, 'no signed JWT'],
  ['has blanks around it', ` ${tokenOf()}`, 'no signed JWT'],
  ['has expired', tokenOf({ exp: NOW }), 'expired'],
  ['has no end', tokenOf({ exp: undefined }), 'no end'],
  ['has an end that is a text', withClaims(JSON.stringify({ ...claims, exp: '9999999999' })), 'no number'],
  ['is not valid yet', tokenOf({ nbf: NOW + 31 }), 'not valid yet'],
  ['has another audience', tokenOf({ aud: 'https://other.example' }), 'audience'],
  ['has an audience that begins alike', tokenOf({ aud: `${AUDIENCE}.evil.example` }), 'audience'],
  ['has no audience', tokenOf({ aud: undefined }), 'audience'],
  ['has our audience, and then another', withClaims(twice('aud', 'https://other.example')), 'audience'],
  ['has another issuer', tokenOf({ iss: 'https://evil.example' }), 'issuer'],
  ['has an issuer that begins alike', tokenOf({ iss: `${ISSUER}.evil.example` }), 'issuer'],
  ['has no issuer', tokenOf({ iss: undefined }), 'issuer'],
  ['has a critical extension', rawToken('{"alg":"RS256","crit":["exp"]}'), 'crit'],
  ['has b64 false', rawToken('{"alg":"RS256","b64":false}'), 'crit'],
  ['has another type', tokenOf({}, { typ: 'dpop+jwt' }), 'type'],
  ['has a type that is no text', rawToken('{"alg":"RS256","typ":1}'), 'type'],
  ['has a key id that is an object', rawToken('{"alg":"RS256","kid":{"a":1}}'), 'key id'],
  ['has a long key id', rawToken(JSON.stringify({ alg: 'RS256', kid: '../'.repeat(100) })), 'key id'],
  ['has a header that is no JSON', rawToken('{'), 'header'],
  ['has a header that is an array', rawToken('[]'), 'header'],
  ['has claims that are a text', withClaims('"alice"'), ''],
  ['has claims that are no JSON', withClaims('{'), ''],
  ['names no client', tokenOf({ sub: undefined, client_id: undefined }), 'names no client'],
  ['is too long', tokenOf({ pad: 'x'.repeat(20_000) }), 'longer than'],
  ['is empty', '', 'no signed JWT'],
  ['is bound to a key by DPoP', tokenOf({ cnf: { jkt: 'x' } }), 'DPoP'],
  ['is bound in an unknown way', tokenOf({ cnf: { kid: 'x' } }), 'not supported'],
  ['is bound twice', tokenOf({ cnf: { 'x5t#S256': 'x', jkt: 'y' } }), 'DPoP'],
  ['is bound to nothing', tokenOf({ cnf: {} }), 'not supported'],
]

describe('a token', () => {
  test.each(attacks)('that %s is refused', async (_title, token, why) => {
    const error = await refusal(token)
    expect(error.code).toBe('invalid_token')
    expect(error.message).toContain(why)
    if (token !== '') expect(inspect(error, { depth: 9 })).not.toContain(token)
  })

  test('that names its own key is verified with ours', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch')
    const { publicKey, privateKey } = otherRsa
    const jwk = publicKey.export({ format: 'jwk' })
    const header = { jku: 'https://evil.example/jwks', jwk, x5u: 'https://evil.example/x' }
    await refusal(tokenOf({}, header, privateKey))
    await expect(verify(tokenOf({}, header))).resolves.toBeDefined()
    expect(fetched).not.toHaveBeenCalled()
  })

  test.each(['../../etc/passwd', "x' OR 1=1 --", '__proto__', 'constructor', ''])(
    'with the key id %j is verified with the key that fits',
    async (kid) => {
      await expect(verify(tokenOf({}, { kid }))).resolves.toBeDefined()
      const jwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'one' }
      const { message } = await refusal(tokenOf({}, { kid }), verifierOf({ publicKeys: jwk }))
      expect(message).toContain('not known')
    },
  )

  test('with __proto__ among its claims changes nothing', async () => {
    const payload = `{"__proto__":{"scope":"admin","polluted":true},${JSON.stringify(claims).slice(1)}`
    const { authInfo } = await verify(withClaims(payload))
    expect(authInfo.scopes).toEqual(['mcp:read', 'mcp:write'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    const inherited = `{"__proto__":{"client_id":"x","sub":"y"},"iss":"${ISSUER}","aud":"${AUDIENCE}","exp":${NOW + 9}}`
    await refusal(withClaims(inherited))
  })
})
