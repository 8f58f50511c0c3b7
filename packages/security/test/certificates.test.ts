import { createPrivateKey } from 'node:crypto'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { tcpServer } from '@mcpwire/tcp'
import { createAuthority, encryptedKey } from '@mcpwire/test-support/certificates'
import { fakeClock } from '@mcpwire/test-support/fake-clock'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type CertificatesOptions, certificates } from '../src/node/index.js'
import { authority, filesIn, issued, sourceOf, written } from './support/certificate-files.js'

const DAY_MS = 86_400_000

function rejection(options: CertificatesOptions): unknown {
  try {
    certificates(options)[Symbol.dispose]()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

function invalid(option: string, text: RegExp): object {
  return { code: 'INVALID_OPTION', details: { option }, message: expect.stringMatching(text) }
}

test('returns the certificate, its key and the authorities', async () => {
  const server = issued('server')
  const { source } = sourceOf(await written(server))
  expect(source.current()).toEqual({ cert: server.cert, key: server.key, ca: [authority.cert] })
})

test('reads a certificate and its key from one file', async () => {
  const server = issued('server')
  const { certFile } = await written({ cert: `comment\n${server.cert}${server.key}`, key: '' })
  const clock = fakeClock(Date.now())
  const { source } = sourceOf({ certFile, keyFile: certFile, clock })
  expect(source.current().cert).toBe(server.cert)
  const secured = tcpServer({ port: 0, tls: { source } })
  onTestFinished(() => secured.close())
  await secured.start()
})

test('returns authorities alone, for a client without a certificate', async () => {
  const { caFile } = await written(issued('server'))
  expect(sourceOf({ caFile }).source.current()).toEqual({ ca: [authority.cert] })
})

test('reads an encrypted key with its passphrase', async () => {
  const server = issued('server')
  const encrypted = { cert: server.cert, key: encryptedKey(createPrivateKey(server.key), 'secret phrase') }
  const files = await written(encrypted)
  expect(sourceOf({ ...files, passphrase: 'secret phrase' }).source.current()).toMatchObject({
    ...encrypted,
    passphrase: 'secret phrase',
  })
  expect(rejection(files)).toMatchObject(
    invalid('passphrase', /^option "passphrase" must be given: .*tls\.key/),
  )
  const wrong = rejection({ ...files, passphrase: 'other phrase' })
  expect(wrong).toMatchObject(invalid('passphrase', /must be the passphrase of the key/))
  expect(String(wrong)).not.toContain('other phrase')
})

test.each([
  [{}, 'certFile'],
  [{ certFile: '/x' }, 'keyFile'],
  [{ keyFile: '/x' }, 'certFile'],
  [{ caFile: '/x', passphrase: 'x' }, 'passphrase'],
  [{ certFile: 1 as never, keyFile: '/x' }, 'certFile'],
  [{ caFile: '/x', checkIntervalMs: 0 }, 'checkIntervalMs'],
  [{ caFile: '/x', settleMs: 0 }, 'settleMs'],
  [{ caFile: '/x', expiryWarningMs: -1 }, 'expiryWarningMs'],
  [{ caFile: '/x', onError: 'log' as never }, 'onError'],
  [{ caFile: '/x', certfile: '/y' } as never, 'certfile'],
])('rejects the options %j', (options, option) => {
  expect(rejection(options)).toMatchObject({ code: 'INVALID_OPTION', details: { option } })
})

describe('a file', () => {
  test.each(['certFile', 'keyFile', 'caFile'] as const)(
    'that does not exist is named: %s',
    async (option) => {
      const files = { ...(await written(issued('server'))), [option]: '/nowhere/file.pem' }
      expect(rejection(files)).toMatchObject(invalid(option, /ENOENT.*\/nowhere\/file\.pem/))
    },
  )

  test('with another content is named', async () => {
    const files = await written(issued('server'))
    await writeFile(files.certFile, 'no certificate')
    expect(rejection(files)).toMatchObject(invalid('certFile', /certificates in PEM .*tls\.crt/))
    await writeFile(files.certFile, authority.cert.replace(/\n.{20}/, '\n'))
    expect(rejection(files)).toMatchObject(invalid('certFile', /invalid certificate at position 1 of 1/))
    const others = await written({ ...issued('server'), key: authority.cert })
    expect(rejection(others)).toMatchObject(invalid('keyFile', /private key in PEM .*tls\.key/))
  })

  test('that is too large, or is a folder, is not read', async () => {
    const files = await written(issued('server'))
    await truncate(files.caFile, 4_194_305)
    expect(rejection(files)).toMatchObject(invalid('caFile', /4194305 bytes.*limit \(4194304\)/))
    const folder = await temporaryFolder()
    await mkdir(filesIn(folder).caFile)
    expect(rejection({ caFile: filesIn(folder).caFile })).toMatchObject(
      invalid('caFile', /not a regular file/),
    )
  })
})

describe('a certificate', () => {
  test('of another key is rejected', async () => {
    const files = await written({ ...issued('server'), key: issued('other').key })
    expect(rejection(files)).toMatchObject(
      invalid('keyFile', /tls\.key is not the key of CN=server in .*tls\.crt/),
    )
  })

  test('that has expired, or is not valid yet, is rejected', async () => {
    const now = Date.now()
    const clock = fakeClock(now)
    const expired = await written(issued('server', { validTo: now - 1_000 }))
    expect(rejection({ ...expired, clock })).toMatchObject(
      invalid('certFile', /expired certificate: CN=server expired on 2\d+-/),
    )
    const later = await written(issued('server', { validFrom: now + DAY_MS, validTo: now + 2 * DAY_MS }))
    expect(rejection({ ...later, clock })).toMatchObject(
      invalid('certFile', /not valid yet: CN=server, until 2/),
    )
  })

  test('with an RSA key of 1024 bits, or a signature with SHA-1, is rejected', async () => {
    const rsa = await written(issued('server', { weakness: 'rsa-1024' }))
    expect(rejection(rsa)).toMatchObject(
      invalid('certFile', /weak certificate: CN=server: its RSA key has 1024 bits, fewer than 2048/),
    )
    const sha1 = await written(issued('server', { weakness: 'sha1' }))
    expect(rejection(sha1)).toMatchObject(
      invalid('certFile', /weak certificate: CN=server: it is signed with SHA-1 with ECDSA/),
    )
  })

  test('that is self-signed is accepted', async () => {
    const own = createAuthority('self-signed server')
    const { certFile, keyFile } = await written(own)
    const clock = fakeClock(Date.now())
    const { errors } = sourceOf({ certFile, keyFile, clock })
    await clock.advance(0)
    expect(errors).toEqual([])
  })
})

describe('a chain', () => {
  const intermediate = authority.intermediate('intermediate')
  const issuing = intermediate.intermediate('issuing')
  const server = issuing.issue({ name: 'server', names: ['127.0.0.1'] })
  const chainOf = (...certs: string[]): { cert: string; key: string } => ({
    key: server.key,
    cert: certs.join(''),
  })

  async function outcome(
    credential: { cert: string; key: string },
    withAuthority: boolean,
  ): Promise<unknown> {
    const { caFile, ...files } = await written(credential)
    const clock = fakeClock(Date.now())
    try {
      const { errors } = sourceOf({ ...files, ...(withAuthority && { caFile }), clock })
      await clock.advance(0)
      return errors.map(String)
    } catch (error) {
      return (error as Error).message
    }
  }

  test('in the right order is accepted, with or without its root', async () => {
    const chain = [server.cert, issuing.cert, intermediate.cert]
    expect(await outcome(chainOf(...chain), true)).toEqual([])
    expect(await outcome(chainOf(...chain, authority.cert), false)).toEqual([])
  })

  test('that lacks an intermediate at its end is reported with the name of that certificate', async () => {
    const reports = [
      expect.stringMatching(
        /lacks the certificate of the issuer CN=intermediate \(key identifier [\dA-F:]{59}\) of CN=issuing/,
      ),
    ]
    expect(await outcome(chainOf(server.cert, issuing.cert), true)).toEqual(reports)
    expect(await outcome(chainOf(server.cert, issuing.cert), false)).toEqual(reports)
  })

  test('with a gap is rejected with the name of the missing certificate', async () => {
    expect(await outcome(chainOf(server.cert, intermediate.cert), true)).toMatch(
      /incomplete chain: CN=intermediate follows CN=server, in place of its issuer CN=issuing \(key identifier/,
    )
  })

  test('in the wrong order is rejected', async () => {
    expect(await outcome(chainOf(issuing.cert, server.cert), true)).toMatch(
      /must start with the certificate of the key.* CN=server is at position 2 of 2/,
    )
    expect(await outcome(chainOf(server.cert, intermediate.cert, issuing.cert), true)).toMatch(
      /wrong order: CN=intermediate follows CN=server, in place of its issuer CN=issuing/,
    )
    const own = createAuthority('own')
    expect(await outcome({ key: own.key, cert: own.cert + authority.cert }, true)).toMatch(
      /wrong order: CN=test authority follows CN=own, which is self-signed/,
    )
  })

  test('with an expired intermediate is rejected', async () => {
    const expired = authority.intermediate('expired', { isExpired: true })
    const { cert, key } = expired.issue({ name: 'server' })
    expect(await outcome({ key, cert: cert + expired.cert }, true)).toMatch(/CN=expired expired on/)
  })
})

test('a server that starts later reports the present problems', async () => {
  const { certFile, keyFile } = await written(issued('server'))
  const clock = fakeClock(Date.now())
  const { source, errors } = sourceOf({ certFile, keyFile, clock })
  await clock.advance(0)
  expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('CN=test authority') })])
  const later: Error[] = []
  source.onError((error) => later.push(error))
  await clock.advance(0)
  expect(later).toEqual(errors)
})
