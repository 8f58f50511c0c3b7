import { inspect } from 'node:util'
import { createFakeClock, describeGate } from '@mcpwire/compliance'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { describe, expect, test } from 'vitest'
import { apiKey } from '../src/node/index.js'
import { admissionOf, httpCaller, refusalOf } from './support/handshakes.js'

const CI = 'ci-key-0123456789abcdef'
const OLD = 'laptop-old-0123456789abcdef'
const NEW = 'laptop-new-0123456789abcdef'
const WRONG = 'wrong-key-0123456789abcdef'

const withKey = (key: string) => httpCaller({ 'x-api-key': key })

describeGate('apiKey', {
  gate: () => apiKey({ ci: CI, laptop: [OLD, NEW] }),
  admits: { 'one key': withKey(CI), 'an old key': withKey(OLD), 'a new key': withKey(NEW) },
  refuses: { 'another key': withKey(WRONG), 'no key': httpCaller(), 'an empty key': withKey('') },
  secrets: [CI, OLD, NEW, WRONG],
})

test('identifies callers by the name of the key, so that a new key changes nothing', async () => {
  const gate = apiKey({ laptop: [OLD, NEW] })
  for (const key of [OLD, NEW])
    expect(await admissionOf(gate, withKey(key))).toEqual({
      admit: true,
      authInfo: { token: 'laptop', clientId: 'laptop', scopes: [], extra: { sub: 'laptop' } },
    })
})

test('gives each key its scopes and its end', async () => {
  const clock = createFakeClock(1_000_000)
  const keys = [
    { name: 'ci', key: CI, scopes: ['read'], expiresAt: 1_060_500 },
    { name: 'ci', key: NEW },
  ]
  const gate = apiKey(keys, { clock })
  expect(await admissionOf(gate, withKey(CI))).toMatchObject({
    authInfo: { clientId: 'ci', scopes: ['read'], expiresAt: 1_060 },
    expiresAt: 1_060_500,
  })
  await clock.advance(60_500)
  expect(await refusalOf(gate, withKey(CI))).toMatchObject({ status: 401, reason: 'the API key has expired' })
  expect(await admissionOf(gate, withKey(NEW))).not.toHaveProperty('expiresAt')
})

test.each([
  ['a key that begins like it', `${CI}0`],
  ['the beginning of a key', CI.slice(0, -1)],
  ['another case', CI.toUpperCase()],
  ['two values', `${CI}, ${CI}`],
  ['a blank', ` ${CI}`],
  ['the name of a key', 'ci'],
  ['the name of an inherited member', 'constructor'],
])('refuses %s with 401', async (_what, key) => {
  expect(await refusalOf(apiKey({ ci: CI }), withKey(key))).toEqual({
    admit: false,
    status: 401,
    reason: 'the API key is not valid',
    challenge: 'ApiKey header="x-api-key"',
  })
})

describe('the place of the key', () => {
  test('is another header by option', async () => {
    const gate = apiKey({ ci: CI }, { header: 'X-MCP-Key' })
    expect((await admissionOf(gate, httpCaller({ 'x-mcp-key': CI }))).authInfo?.clientId).toBe('ci')
    expect(await refusalOf(gate, withKey(CI))).toMatchObject({
      reason: 'an API key is required in the header x-mcp-key',
    })
  })

  test('is Authorization only by option', async () => {
    const caller = httpCaller({ authorization: `Bearer ${CI}` })
    expect(await refusalOf(apiKey({ ci: CI }), caller)).toMatchObject({ status: 401 })
    expect((await admissionOf(apiKey({ ci: CI }, { acceptBearer: true }), caller)).authInfo?.clientId).toBe(
      'ci',
    )
    expect(await refusalOf(apiKey({ ci: CI }, { acceptBearer: true }), httpCaller())).toMatchObject({
      challenge: 'Bearer',
    })
  })

  test.each(['Basic', 'Bearer', `Bearer ${CI}, Bearer ${CI}`, `Bearer ${CI} x`, CI])(
    'is not the Authorization %s',
    async (authorization) => {
      expect(
        await refusalOf(apiKey({ ci: CI }, { acceptBearer: true }), httpCaller({ authorization })),
      ).toMatchObject({ status: 401 })
    },
  )

  test('is never the query', async () => {
    expect(
      await refusalOf(apiKey({ ci: CI }), httpCaller({}, { path: `/mcp?x-api-key=${CI}` })),
    ).toMatchObject({ status: 401 })
  })

  test('is no member that the headers inherit', async () => {
    expect(await refusalOf(apiKey({ ci: CI }), httpCaller(Object.create({ 'x-api-key': CI })))).toMatchObject(
      { status: 401 },
    )
    expect(await refusalOf(apiKey({ ci: CI }, { header: 'constructor' }), httpCaller())).toMatchObject({
      status: 401,
    })
  })
})

test('takes __proto__ in parsed JSON for a name', async () => {
  const gate = apiKey(JSON.parse(`{"__proto__":"${CI}","constructor":"${NEW}"}`))
  expect((await admissionOf(gate, withKey(CI))).authInfo?.clientId).toBe('__proto__')
  expect((await admissionOf(gate, withKey(NEW))).authInfo?.clientId).toBe('constructor')
})

test('does not follow later changes of the keys that were given', async () => {
  const scopes = ['read']
  const keys = [{ name: 'ci', key: CI, scopes }]
  const gate = apiKey(keys)
  scopes.push('admin')
  keys.push({ name: 'other', key: NEW, scopes: [] })
  const admission = await admissionOf(gate, withKey(CI))
  expect(admission.authInfo?.scopes).toEqual(['read'])
  admission.authInfo?.scopes.push('admin')
  expect((await admissionOf(gate, withKey(CI))).authInfo?.scopes).toEqual(['read'])
  expect(await refusalOf(gate, withKey(NEW))).toMatchObject({ status: 401 })
})

test.each<[string, unknown, string]>([
  ['no keys', {}, 'keys'],
  ['no list', [], 'keys'],
  ['nothing', undefined, 'keys'],
  ['a text', CI, 'keys'],
  ['a short key', { ci: 'short-s3cret' }, 'keys["ci"]'],
  ['an empty key', { ci: '' }, 'keys["ci"]'],
  ['no key', { ci: undefined }, 'keys["ci"]'],
  ['a short key beside a long one', { ci: [CI, 'short-s3cret'] }, 'keys["ci"]'],
  ['a blank in a key', { ci: 's3cret s3cret s3cret' }, 'keys["ci"]'],
  ['a line break in a key', { ci: 's3cret-s3cret-s3cret\n' }, 'keys["ci"]'],
  ['letters beyond ASCII in a key', { ci: 's3crét-s3cret-s3cret' }, 'keys["ci"]'],
  ['a name with a blank', { 'a b': CI }, 'keys["a b"]'],
  ['an empty name', { '': CI }, 'keys[""]'],
  ['a list of texts', [CI], 'keys[0]'],
  ['a short key in a list', [{ name: 'ci', key: 'short-s3cret' }], 'keys[0]'],
  ['scopes that are none', [{ name: 'ci', key: CI, scopes: ['a b'] }], 'keys[0].scopes'],
  ['an end that is none', [{ name: 'ci', key: CI, expiresAt: '2030' }], 'keys[0].expiresAt'],
  ['the same key for two names', { ci: CI, laptop: CI }, 'keys'],
])('rejects %s, and shows no key', (_what, keys, option) => {
  const error = failureOf(() => apiKey(keys as never))
  expect(error).toMatchObject(refused(option))
  const shown = `${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}`
  expect(shown).not.toMatch(/s3cr|0123456789abcdef/)
})

test.each([
  [{ header: 'x api key' }, 'header'],
  [{ header: '' }, 'header'],
  [{ header: 'Authorization' }, 'header'],
  [{ acceptBearer: 'yes' }, 'acceptBearer'],
])('rejects the options %o', (options, option) => {
  expect(failureOf(() => apiKey({ ci: CI }, options as never))).toMatchObject(refused(option))
})

test('holds no key where inspect or JSON can find it', async () => {
  const gate = apiKey({ ci: CI })
  const admission = await admissionOf(gate, withKey(CI))
  for (const value of [gate, admission])
    expect(inspect(value, { depth: 20, showHidden: true }) + JSON.stringify(value)).not.toContain(CI)
})
