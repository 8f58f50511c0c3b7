import { describeGate } from '@mcpwire/compliance'
import type { TlsFacts } from '@mcpwire/core'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { type MutualTlsOptions, mutualTls } from '../src/index.js'
import { admissionOf, httpCaller, refusalOf, verdictOf } from './support/handshakes.js'

const FINGERPRINT = Array.from({ length: 32 }, (_, at) => (at + 160).toString(16).toUpperCase()).join(':')
const OTHER = FINGERPRINT.replace('A0', 'FF')

function certified(more: Partial<TlsFacts> = {}) {
  const tls: TlsFacts = {
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    authorized: true,
    subject: 'CN=alice, O=Wonderland',
    altNames: ['DNS:alice.test', 'URI:spiffe://test/alice'],
    fingerprint256: FINGERPRINT,
    ...more,
  }
  return httpCaller({}, { tls })
}

const plainTls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', authorized: false }

describeGate('mutualTls', {
  gate: () => mutualTls({ names: ['alice.test'] }),
  admits: { alice: certified() },
  refuses: {
    'no TLS': httpCaller(),
    'no certificate': httpCaller({}, { tls: plainTls }),
    'an unverified certificate': certified({ authorized: false }),
    'another certificate': certified({ altNames: ['DNS:bob.test'] }),
  },
})

test.each([
  ['no TLS', httpCaller()],
  ['TLS without a certificate', httpCaller({}, { tls: plainTls })],
  [
    'TLS that counts as verified, without a certificate',
    httpCaller({}, { tls: { ...plainTls, authorized: true } }),
  ],
  ['a certificate that was not verified', certified({ authorized: false })],
  [
    'a certificate in a header',
    httpCaller({ 'x-forwarded-client-cert': 'Subject="CN=alice"', 'x-ssl-verify': 'SUCCESS' }),
  ],
])('refuses a caller with %s with 401', async (_what, caller) => {
  for (const options of [{ anyCertificate: true }, { subjects: ['CN=alice, O=Wonderland'] }])
    expect(await refusalOf(mutualTls(options), caller)).toMatchObject({ status: 401 })
})

test.each<[string, MutualTlsOptions]>([
  ['any certificate', { anyCertificate: true }],
  ['the subject', { subjects: ['CN=alice, O=Wonderland'] }],
  ['the subject in another order', { subjects: ['O=Wonderland,CN=alice'] }],
  ['the subject with other types', { subjects: ['cn = alice , o = Wonderland'] }],
  ['a name', { names: ['alice.test'] }],
  ['a name with its type', { names: ['DNS:ALICE.test'] }],
  ['a wildcard', { names: ['*.test'] }],
  ['a URI', { names: ['URI:spiffe://test/alice'] }],
  ['the fingerprint', { fingerprints: [FINGERPRINT] }],
  ['the fingerprint in another form', { fingerprints: [FINGERPRINT.replaceAll(':', '').toLowerCase()] }],
  ['one of several', { subjects: ['CN=bob', 'CN=alice, O=Wonderland'] }],
  ['one of each', { subjects: ['CN=alice, O=Wonderland'], names: ['*.test'], fingerprints: [FINGERPRINT] }],
])('admits a certificate by %s', async (_what, options) => {
  expect(await verdictOf(mutualTls(options), certified())).toMatchObject({ admit: true })
})

test.each<[string, MutualTlsOptions]>([
  ['a part of the subject', { subjects: ['CN=alice'] }],
  ['more than the subject', { subjects: ['CN=alice, O=Wonderland, OU=x'] }],
  ['another value', { subjects: ['CN=alice, O=wonderland'] }],
  ['another name', { names: ['bob.test'] }],
  ['a name below it', { names: ['a.alice.test'] }],
  ['a wildcard for another label', { names: ['*.alice.test'] }],
  ['a URI that begins like it', { names: ['URI:spiffe://test/alic'] }],
  ['another fingerprint', { fingerprints: [OTHER] }],
  ['a name, but another fingerprint', { names: ['alice.test'], fingerprints: [OTHER] }],
  ['a fingerprint, but another subject', { subjects: ['CN=bob'], fingerprints: [FINGERPRINT] }],
])('refuses a certificate by %s with 403', async (_what, options) => {
  expect(await refusalOf(mutualTls(options), certified())).toMatchObject({ status: 403 })
})

test.each([
  ['a common name that contains another attribute', 'CN=alice\\, O=Wonderland'],
  ['a common name that contains a line break', 'CN=alice\\0AO=Wonderland'],
  ['a name of two parts', 'CN=alice + O=Wonderland'],
  ['an attribute twice', 'CN=alice, O=Wonderland, CN=alice'],
  ['a blank at the end of a value', 'CN=alice, O=Wonderland\\ '],
  ['nothing', ''],
])('does not take %s for the subject', async (_what, subject) => {
  const gate = mutualTls({ subjects: ['CN=alice, O=Wonderland'] })
  expect(await refusalOf(gate, certified({ subject }))).toMatchObject({ status: 403 })
})

test('admits a subject with a comma by its escaped form', async () => {
  const gate = mutualTls({ subjects: ['O=Wonderland\\, Inc., CN=alice'] })
  expect(await verdictOf(gate, certified({ subject: 'CN=alice, O=Wonderland\\, Inc.' }))).toMatchObject({
    admit: true,
  })
})

test.each([
  ['a wildcard in the certificate', ['DNS:*.test']],
  ['two labels', ['DNS:a.b.test']],
  ['no label', ['DNS:test', 'DNS:.test']],
  ['another type', ['URI:alice.test', 'email:alice.test', 'IP Address:127.0.0.1']],
  ['a quoted name with a second one in it', ['DNS:"evil.example\\u002c DNS:alice.test"']],
  ['a name with a null character', ['DNS:"alice.test\\u0000.evil.example"']],
  ['invalid quotes', ['DNS:"alice.test']],
  ['none', []],
])('does not take %s for a name', async (_what, altNames) => {
  const gate = mutualTls({ names: ['*.test', 'alice.test'] })
  expect(await refusalOf(gate, certified({ altNames }))).toMatchObject({ status: 403 })
})

const { subject: _subject, altNames: _altNames, ...nameless } = certified().tls as TlsFacts
test.each<[string, MutualTlsOptions, TlsFacts, string]>([
  [
    'the matching name',
    { names: ['URI:spiffe://test/alice'] },
    certified().tls as TlsFacts,
    'spiffe://test/alice',
  ],
  ['the subject', { fingerprints: [FINGERPRINT] }, certified().tls as TlsFacts, 'CN=alice, O=Wonderland'],
  ['the first name', { anyCertificate: true }, { ...nameless, altNames: ['DNS:alice.test'] }, 'alice.test'],
  ['the fingerprint', { anyCertificate: true }, nameless, FINGERPRINT],
])('identifies the caller by %s', async (_what, options, tls, clientId) => {
  const { authInfo } = await admissionOf(mutualTls(options), httpCaller({}, { tls }))
  expect(authInfo).toMatchObject({
    clientId,
    scopes: [],
    token: FINGERPRINT,
    extra: { sub: clientId, fingerprint256: FINGERPRINT },
  })
})

test.each([
  [{}, 'subjects'],
  [{ anyCertificate: false }, 'subjects'],
  [{ names: [] }, 'names'],
  [{ subjects: ['alice'] }, 'subjects[0]'],
  [{ subjects: ['CN='] }, 'subjects[0]'],
  [{ subjects: ['CN=alice,'] }, 'subjects[0]'],
  [{ names: ['alice.test:80'] }, 'names[0]'],
  [{ names: ['*'] }, 'names[0]'],
  [{ names: ['a.*.test'] }, 'names[0]'],
  [{ names: ['[::1]'] }, 'names[0]'],
  [{ fingerprints: ['AA:BB'] }, 'fingerprints[0]'],
  [{ anyCertificate: true, names: ['a.test'] }, 'anyCertificate'],
])('rejects the options %o', (options, option) => {
  expect(failureOf(() => mutualTls(options))).toMatchObject(refused(option))
})
