import { describeGate } from '@mcpwire/compliance'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { describe, expect, test } from 'vitest'
import { bearer, TokenError, type TokenVerifier, type VerifiedToken } from '../src/index.js'
import { admissionOf, httpCaller, refusalOf, verdictOf } from './support/handshakes.js'

const GOOD = 'good-token-4f1c9b'
const PLANTED = 'planted-token-77aa31'
const with_ = (authorization: string) => httpCaller({ authorization })

const verifier: TokenVerifier = {
  verify: (token) => {
    if (token !== GOOD) throw new TokenError('invalid_token', 'the token is not known')
    return { authInfo: { token, clientId: 'ada', scopes: ['mcp'] } }
  },
}

function failing(error: unknown): TokenVerifier {
  return { verify: () => Promise.reject(error) }
}

describeGate('bearer', {
  gate: () => bearer(verifier),
  admits: { 'a valid token': with_(`Bearer ${GOOD}`), 'a scheme in lower case': with_(`bearer ${GOOD}`) },
  refuses: { 'another token': with_(`Bearer ${PLANTED}`), 'no token': httpCaller() },
  secrets: [GOOD, PLANTED],
})

test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('accepts the scheme %s', async (scheme) => {
  expect((await admissionOf(bearer(verifier), with_(`${scheme} ${GOOD}`))).authInfo?.clientId).toBe('ada')
})

test.each([
  ['no header', httpCaller()],
  ['an empty header', with_('')],
  ['another scheme', with_('Basic dXNlcjpwYXNz')],
  ['a scheme that begins like it', with_(`Bearers ${GOOD}`)],
  ['a token in the path', httpCaller({}, { path: `/mcp?access_token=${GOOD}` })],
  ['a token in another header', httpCaller({ 'x-access-token': GOOD })],
])('refuses %s with 401 and a challenge without an error', async (_what, caller) => {
  expect(await refusalOf(bearer(verifier), caller)).toMatchObject({ status: 401, challenge: 'Bearer' })
})

test.each([
  ['the scheme alone', 'Bearer'],
  ['the scheme and a blank', 'Bearer '],
  ['two tokens', `Bearer ${GOOD} ${GOOD}`],
  ['two headers', `Bearer ${GOOD}, Bearer ${GOOD}`],
  ['two headers, the second of another scheme', `Bearer ${GOOD}, Basic x`],
  ['quotes', `Bearer "${GOOD}"`],
  ['a line break', `Bearer ${GOOD}\r\nx: y`],
  ['characters beyond ASCII', `Bearer ${GOOD}ü`],
  ['an equals sign within', `Bearer a=${GOOD}`],
])('refuses a header with %s with 400', async (_what, header) => {
  expect(await refusalOf(bearer(verifier), with_(header))).toMatchObject({
    status: 400,
    challenge: expect.stringMatching(/^Bearer error="invalid_request", error_description="[^"]+"$/),
  })
})

test.each([
  ['invalid_request', 400],
  ['invalid_token', 401],
  ['insufficient_scope', 403],
] as const)('maps the TokenError %s to %i', async (code, status) => {
  const gate = bearer(failing(new TokenError(code, 'the reason')))
  expect(await refusalOf(gate, with_(`Bearer ${GOOD}`))).toEqual({
    admit: false,
    status,
    reason: 'the reason',
    challenge: `Bearer error="${code}", error_description="the reason"`,
  })
})

test('writes a description that cannot end the header or the quoted string', async () => {
  const gate = bearer(
    failing(new TokenError('invalid_token', `a" x="\\\r\nset-cookie: y; ü ${PLANTED} ${'z'.repeat(999)}`)),
  )
  const { challenge = '', reason } = await refusalOf(gate, with_(`Bearer ${PLANTED}`))
  expect(challenge).toMatch(
    /^Bearer error="invalid_token", error_description="[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}"$/,
  )
  expect(challenge + reason).not.toContain(PLANTED)
})

describe('a verifier that fails', () => {
  test('throws its error without the token, and with its causes', async () => {
    const inner = Object.assign(new Error(`connect ECONNREFUSED ${PLANTED}`), { code: 'ECONNREFUSED' })
    const error = Object.assign(new Error(`cannot check ${PLANTED}`, { cause: inner }), {
      request: { headers: { authorization: `Bearer ${PLANTED}` } },
    })
    const thrown = await Promise.resolve(verdictOf(bearer(failing(error)), with_(`Bearer ${PLANTED}`))).catch(
      (each: unknown) => each as Error,
    )
    expect(thrown).toMatchObject({
      message: 'cannot check [redacted]',
      cause: { message: 'connect ECONNREFUSED [redacted]', code: 'ECONNREFUSED' },
    })
    const { inspect } = await import('node:util')
    expect(inspect(thrown, { depth: 20, showHidden: true })).not.toContain(PLANTED)
  })

  test.each([
    ['nothing', undefined],
    ['no identity', {}],
    ['an identity without scopes', { authInfo: { token: 'x', clientId: 'a' } }],
    [
      'an end that is not a number',
      { authInfo: { token: 'x', clientId: 'a', scopes: [] }, expiresAt: Number.NaN },
    ],
    ['an end that is a text', { authInfo: { token: 'x', clientId: 'a', scopes: [] }, expiresAt: '2030' }],
    [
      'an end in the identity that is a text',
      { authInfo: { token: 'x', clientId: 'a', scopes: [], expiresAt: '9' } },
    ],
  ])('does not admit with %s', async (_what, result) => {
    const gate = bearer({ verify: () => result as unknown as VerifiedToken })
    await expect(verdictOf(gate, with_(`Bearer ${GOOD}`))).rejects.toThrow(/the verifier returned/)
  })

  test('has a TokenError of another copy of this package mapped too', async () => {
    const foreign = Object.assign(new Error('old'), { name: 'TokenError', code: 'invalid_token' })
    expect(await refusalOf(bearer(failing(foreign)), with_(`Bearer ${GOOD}`))).toMatchObject({ status: 401 })
  })
})

test.each([
  ['milliseconds', { expiresAt: 5_500 }, {}, 5, 5_500],
  ['seconds', {}, { expiresAt: 5 }, 5, 5_000],
  ['both, the earlier in seconds', { expiresAt: 9_000 }, { expiresAt: 5 }, 5, 5_000],
  ['both, the earlier in milliseconds', { expiresAt: 4_000 }, { expiresAt: 5 }, 4, 4_000],
])('ends with the token: %s', async (_what, verified, info, seconds, milliseconds) => {
  const authInfo = Object.freeze({ token: GOOD, clientId: 'ada', scopes: [], ...info })
  const admission = await admissionOf(
    bearer({ verify: () => ({ authInfo, ...verified }) }),
    with_(`Bearer ${GOOD}`),
  )
  expect(admission.authInfo?.expiresAt).toBe(seconds)
  expect(admission.expiresAt).toBe(milliseconds)
})

test('passes on the revocation, and an identity without an end', async () => {
  const { signal } = new AbortController()
  const authInfo = { token: GOOD, clientId: 'ada', scopes: [] }
  const admission = await admissionOf(
    bearer({ verify: () => ({ authInfo, revoked: signal }) }),
    with_(`Bearer ${GOOD}`),
  )
  expect(admission).toEqual({ admit: true, authInfo, revoked: signal })
})

test('gives the verifier the token, the caller and the signal', async () => {
  const seen: unknown[] = []
  const gate = bearer({
    verify: (token, context) => {
      seen.push(token, context)
      return { authInfo: { token, clientId: 'ada', scopes: [] } }
    },
  })
  const handshake = with_(`Bearer ${GOOD}`)
  const { signal } = new AbortController()
  await gate.admit(handshake, signal)
  expect(seen).toEqual([GOOD, { handshake, signal }])
})

describe('required scopes', () => {
  test('are needed for each caller, and named in the challenge', async () => {
    const gate = bearer(verifier, { requiredScopes: ['mcp', 'admin'] })
    expect(await refusalOf(gate, with_(`Bearer ${GOOD}`))).toMatchObject({
      status: 403,
      challenge:
        'Bearer error="insufficient_scope", error_description="the token needs the scopes: mcp admin", scope="mcp admin"',
    })
    expect((await refusalOf(gate, httpCaller())).challenge).toBe('Bearer scope="mcp admin"')
  })

  test('are satisfied by a token with more', async () => {
    await admissionOf(bearer(verifier, { requiredScopes: ['mcp'] }), with_(`Bearer ${GOOD}`))
  })
})

test('adds the parameters of the application to the challenge', async () => {
  const parameters = {
    resource_metadata: 'https://mcp.example/.well-known/oauth-protected-resource',
    scope: 'a b',
  }
  const expected =
    'Bearer scope="a b", resource_metadata="https://mcp.example/.well-known/oauth-protected-resource"'
  for (const challenge of [parameters, () => parameters])
    expect((await refusalOf(bearer(verifier, { challenge }), httpCaller())).challenge).toBe(expected)
})

test('calls a function for the challenge with the caller', async () => {
  const gate = bearer(verifier, { challenge: ({ host }) => ({ realm: String(host) }) })
  expect((await refusalOf(gate, httpCaller())).challenge).toBe('Bearer realm="mcp.example"')
})

test.each([
  [{ requiredScopes: ['a b'] }, 'requiredScopes[0]'],
  [{ requiredScopes: [''] }, 'requiredScopes[0]'],
  [{ requiredScopes: 'mcp' }, 'requiredScopes'],
  [{ challenge: { realm: 'a"b' } }, 'challenge.realm'],
  [{ challenge: { scope: 'a\r\nb' } }, 'challenge.scope'],
  [{ challenge: { error: 'x' } }, 'challenge.error'],
  [{ challenge: 'Bearer' }, 'challenge'],
])('rejects the options %o', (options, option) => {
  expect(failureOf(() => bearer(verifier, options as never))).toMatchObject(refused(option))
})

test.each([undefined, {}, () => {}])('rejects %o as the verifier', (value) => {
  expect(failureOf(() => bearer(value as never))).toMatchObject(refused('verifier'))
})
