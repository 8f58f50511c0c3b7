import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { isTransportError, type TransportError } from '@mcpwire/core'
import { afterAll, expect, test } from 'vitest'
import { encryptedKey } from '../../../tooling/certificates.js'
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

/** The options, the option that is to be named, and what else the error is to say. */
const wrong: readonly [what: string, tls: unknown, option: string, words: string][] = [
  ['no certificate', {}, 'tls.cert', 'a server shows a certificate'],
  ['no key', { cert }, 'tls.key', 'together with tls.cert'],
  ['a key alone', { keyFile }, 'tls.cert', `together with tls.keyFile (${keyFile})`],
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
  ['no authorities at all', { cert, key, ca: [] }, 'tls.ca', 'at least one'],
  ['the key of another', { cert, key: aliceCredential.key }, 'tls.key', 'the private key of tls.cert'],
  [
    'the file of another key',
    { certFile, key: aliceCredential.key },
    'tls.key',
    `tls.certFile (${certFile})`,
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
    `the one that opens tls.keyFile (${encryptedFile})`,
  ],
  [
    'a passphrase that is a number',
    { cert, key: encrypted, passphrase: 4_711_815 },
    'tls.passphrase',
    'a string',
  ],
  ['a passphrase for nothing', { passphrase: 'open barley' }, 'tls.passphrase', 'no key'],
  ['a key where its file belongs', { cert, keyFile: key }, 'tls.keyFile', 'content goes into tls.key'],
  ['a number for a file', { cert, keyFile: 3 }, 'tls.keyFile', 'the path of a file'],
  ['a number for a key', { cert, key: 4_711_815 }, 'tls.key', 'text or bytes'],
  ['content and file', { cert, certFile, key }, 'tls.cert', 'left out where tls.certFile is given'],
  ['source and content', { source, cert }, 'tls.cert', 'left out where tls.source is given'],
  ['a source that is none', { source: {} }, 'tls.source', 'a TlsSource'],
  [
    'a source that throws',
    { source: { ...source, current: () => JSON.parse('no') } },
    'tls.source',
    'does not throw',
  ],
  [
    'a source of nothing',
    { source: { ...source, current: () => undefined } },
    'tls.source',
    'yields material',
  ],
  ['a version that is none', { cert, key, minVersion: 'TLSv1' }, 'tls.minVersion', 'TLSv1.2'],
  [
    'certificates wanted without authorities',
    { cert, key, clientCertificates: 'required' },
    'tls.ca',
    'given',
  ],
  ['a word that is none', { cert, key, clientCertificates: 'yes' }, 'tls.clientCertificates', 'required'],
  ['no time', { cert, key, handshakeTimeoutMs: 0 }, 'tls.handshakeTimeoutMs', 'from 1'],
]

test.each(wrong)('%s is one INVALID_OPTION at construction', (_what, options, option, words) => {
  const failure = failureOf(() => tcpServer({ port: 0, tls: options as never }))
  expect(failure.details).toMatchObject({ option })
  expect(failure.message).toContain(words)
  expectNoSecretIn(failure)
})

const onlyOfServers = [
  'no certificate',
  'certificates wanted without authorities',
  'a word that is none',
  'no time',
]

test.each(wrong.filter(([what]) => !onlyOfServers.includes(what)))(
  '%s is refused to a client alike',
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
])('%s works', async (_what, options) => {
  const { port } = await listening({ tls: options })
  const ca = new X509Certificate(authority.cert).raw
  const { transport } = clientOf({ port, tls: { ca } })
  await transport.start()
  expect(transport.peer?.tls?.authorized).toBe(true)
})

test('neither transport nor listener shows its secrets when inspected', async () => {
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
