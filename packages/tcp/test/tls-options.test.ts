import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { isTransportError, type TransportError } from '@mcpwire/core'
import { encryptedKey } from '@mcpwire/test-support/certificates'
import { afterAll, expect, test } from 'vitest'
import { tcpClient, tcpServer } from '../src/index.js'
import { aliceCredential, authority, serverCredential, tls } from './support/credentials.js'
import { clientOf, listening } from './support/ends.js'

const folder = mkdtempSync(join(tmpdir(), 'mcpwire-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const { cert, key } = serverCredential
const secretKey = createPrivateKey(key)
const encrypted = encryptedKey(secretKey, 'open sesame')
const certFile = file('cert.pem', cert)
const keyFile = file('key.pem', key)
const encryptedFile = file('encrypted.pem', encrypted)
const garbageFile = file('garbage.pem', 'nothing of the sort')
const missing = join(folder, 'missing.pem')
const source = { current: () => ({ cert, key }), onChange: () => ({ [Symbol.dispose]: () => {} }) }

/** The options, the option in the error, and a fragment of its text. */
const invalid: readonly [what: string, tls: unknown, option: string, fragment: string][] = [
  ['no certificate', {}, 'tls.cert', 'a server needs a certificate'],
  ['no key', { cert }, 'tls.key', 'together with option "tls.cert"'],
  ['a key alone', { keyFile }, 'tls.cert', `together with option "tls.keyFile" (${keyFile})`],
  ['a missing certificate', { certFile: missing, keyFile }, 'tls.certFile', missing],
  ['a missing key', { certFile, keyFile: missing }, 'tls.keyFile', missing],
  ['missing authorities', { certFile, keyFile, caFile: missing }, 'tls.caFile', missing],
  ['a malformed certificate', { certFile: garbageFile, keyFile }, 'tls.certFile', garbageFile],
  ['a malformed key', { certFile, keyFile: garbageFile }, 'tls.keyFile', garbageFile],
  ['malformed authorities', { certFile, keyFile, caFile: garbageFile }, 'tls.caFile', garbageFile],
  ['an empty certificate', { cert: '', key }, 'tls.cert', 'a certificate in PEM or DER'],
  [
    'a malformed key as content',
    { cert, key: 'nothing of the sort' },
    'tls.key',
    'a private key in PEM or DER',
  ],
  [
    'malformed authorities as content',
    { cert, key, ca: ['nothing'] },
    'tls.ca',
    'a certificate in PEM or DER',
  ],
  ['an empty list of authorities', { cert, key, ca: [] }, 'tls.ca', 'at least one'],
  [
    'the key of another certificate',
    { cert, key: aliceCredential.key },
    'tls.key',
    'the private key of option "tls.cert"',
  ],
  [
    'the file of another certificate',
    { certFile, key: aliceCredential.key },
    'tls.key',
    `option "tls.certFile" (${certFile})`,
  ],
  [
    'an encrypted key alone',
    { cert, keyFile: encryptedFile },
    'tls.passphrase',
    `(${encryptedFile}) is encrypted`,
  ],
  [
    'a wrong passphrase',
    { cert, keyFile: encryptedFile, passphrase: 'open barley' },
    'tls.passphrase',
    `the passphrase of option "tls.keyFile" (${encryptedFile})`,
  ],
  [
    'a passphrase that is a number',
    { cert, key: encrypted, passphrase: 4_711_815 },
    'tls.passphrase',
    'a string',
  ],
  ['a passphrase without a key', { passphrase: 'open barley' }, 'tls.passphrase', 'without a key'],
  ['content in place of a file', { cert, keyFile: key }, 'tls.keyFile', 'option "tls.key"'],
  ['a number for a file', { cert, keyFile: 3 }, 'tls.keyFile', 'the path of a file'],
  ['a number for a key', { cert, key: 4_711_815 }, 'tls.key', 'text or bytes'],
  ['content and file', { cert, certFile, key }, 'tls.cert', 'option "tls.certFile" is given'],
  ['source and content', { source, cert }, 'tls.cert', 'option "tls.source" is given'],
  ['a source that is not a TlsSource', { source: {} }, 'tls.source', 'a TlsSource'],
  ['a source with another onError', { source: { ...source, onError: 'log' } }, 'tls.source', 'a TlsSource'],
  [
    'a source that throws',
    { source: { ...source, current: () => JSON.parse('no') } },
    'tls.source',
    'does not throw',
  ],
  [
    'a source without material',
    { source: { ...source, current: () => undefined } },
    'tls.source',
    'returns material',
  ],
  ['an unsupported version', { cert, key, minVersion: 'TLSv1' }, 'tls.minVersion', 'TLSv1.2'],
  [
    'client certificates without authorities',
    { cert, key, clientCertificates: 'required' },
    'tls.ca',
    'given',
  ],
  [
    'an unknown value of clientCertificates',
    { cert, key, clientCertificates: 'yes' },
    'tls.clientCertificates',
    'required',
  ],
  ['a timeout of zero', { cert, key, handshakeTimeoutMs: 0 }, 'tls.handshakeTimeoutMs', 'from 1'],
]

test.each(invalid)('tcpServer() throws INVALID_OPTION for %s', (_what, options, option, fragment) => {
  const failure = failureOf(() => tcpServer({ port: 0, tls: options as never }))
  expect(failure.details).toMatchObject({ option })
  expect(failure.message).toContain(fragment)
  expectNoSecretIn(failure)
})

const onlyOfServers = [
  'no certificate',
  'client certificates without authorities',
  'an unknown value of clientCertificates',
  'a timeout of zero',
]

test.each(invalid.filter(([what]) => !onlyOfServers.includes(what)))(
  'tcpClient() throws INVALID_OPTION for %s',
  (_what, options, option) => {
    const failure = failureOf(() => tcpClient({ port: 7_000, tls: options as never }))
    expect(failure.details).toMatchObject({ option })
    expectNoSecretIn(failure)
  },
)

function failureOf(make: () => unknown): TransportError<'INVALID_OPTION'> {
  try {
    make()
  } catch (error) {
    if (isTransportError(error, 'INVALID_OPTION')) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function expectNoSecretIn(value: unknown): void {
  const shown = inspect(value, { depth: 10, showHidden: true })
  const body = (pem: string): string => pem.split('\n')[1] ?? ''
  for (const secret of [
    'open sesame',
    'open barley',
    '4711815',
    body(key),
    body(aliceCredential.key),
    body(encrypted),
  ])
    expect(shown).not.toContain(secret)
}

test.each([
  ['PEM in files', { certFile, keyFile }],
  ['an encrypted key with its passphrase', { cert, keyFile: encryptedFile, passphrase: 'open sesame' }],
  ['bytes of PEM', { cert: Buffer.from(cert), key: new Uint8Array(Buffer.from(key)) }],
  ['DER', { cert: new X509Certificate(cert).raw, key: secretKey.export({ type: 'pkcs8', format: 'der' }) }],
  ['a key in SEC1 DER', { cert, key: secretKey.export({ type: 'sec1', format: 'der' }) }],
])('a server with %s admits a client', async (_what, options) => {
  const { port } = await listening({ tls: options })
  const ca = new X509Certificate(authority.cert).raw
  const { transport } = clientOf({ port, tls: { ca } })
  await transport.start()
  expect(transport.peer?.tls?.authorized).toBe(true)
})

test('inspect() of a transport or listener shows no secrets', async () => {
  const headers = (): { authorization: string } => ({ authorization: 'Bearer open sesame' })
  const server = tcpServer({
    port: 0,
    tls: { cert, key: encrypted, passphrase: 'open sesame' },
    preamble: {},
  })
  const client = tcpClient({ port: 7_000, tls: { ...tls.client, ...aliceCredential }, preamble: { headers } })
  expectNoSecretIn(server)
  expectNoSecretIn(client)
})
