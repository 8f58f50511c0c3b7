import { X509Certificate } from 'node:crypto'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peer, serve } from '@mcpwire/core'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { fakeClock } from '@mcpwire/test-support/fake-clock'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { expect, onTestFinished, test, vi } from 'vitest'
import { certificates, developmentCertificate } from '../src/node/index.js'

const DAY_MS = 86_400_000

test.each(['localhost', '127.0.0.1'])('secures a connection to %s', async (host) => {
  const development = await developmentCertificate()
  const listener = tcpServer({ port: 0, host, tls: development.server })
  onTestFinished(() => listener.close())
  await serve(listener, (connection) => peer(connection).start())
  const client = peer(tcpClient({ host, port: Number(new URL(listener.url).port), tls: development.client }))
  onTestFinished(() => client.close())
  await client.start()
  expect(await client.request('ping')).toEqual({})
})

test('is a self-signed certificate with a P-256 key for the names and days, and no authority', async () => {
  const clock = fakeClock(Math.floor(Date.now() / 1_000) * 1_000)
  const { server, client } = await developmentCertificate({
    names: ['*.dev.test', '192.0.2.1'],
    days: 3,
    clock,
  })
  const certificate = new X509Certificate(server.cert)
  const { subject, subjectAltName, ca } = certificate
  expect({ subject, subjectAltName, ca }).toEqual({
    subject: 'CN=mcpwire development certificate',
    subjectAltName: 'DNS:*.dev.test, IP Address:192.0.2.1',
    ca: false,
  })
  expect(Date.parse(certificate.validTo)).toBe(clock.epochNow() + 3 * DAY_MS)
  expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' })
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(client).toEqual({ ca: server.cert })
  const other = await developmentCertificate()
  expect(new X509Certificate(other.server.cert).subjectAltName).toBe(
    'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
})

test('keeps the certificate in a folder, in files for this user only', async () => {
  const folder = join(await temporaryFolder(), 'new', 'folder')
  const first = await developmentCertificate({ folder })
  expect((await readdir(folder)).sort()).toEqual(['development-cert.pem', 'development-key.pem'])
  for (const file of Object.values(first.files ?? {})) expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await readFile(String(first.files?.keyFile), 'utf8')).toBe(first.server.key)
  expect(await developmentCertificate({ folder })).toEqual(first)
  const { certFile, keyFile } = first.files as { certFile: string; keyFile: string }
  const source = certificates({ certFile, keyFile })
  onTestFinished(() => source[Symbol.dispose]())
  expect(source.current()).toMatchObject(first.server)
})

test('replaces a certificate that expires within a day, lacks a name, is damaged or was readable for others', async () => {
  const folder = await temporaryFolder()
  const seen = new Set<string>()
  const renewed = async (options: object = {}): Promise<boolean> => {
    const { server } = await developmentCertificate({ folder, ...options })
    const isNew = !seen.has(server.cert)
    seen.add(server.cert)
    return isNew
  }
  expect(await renewed()).toBe(true)
  expect(await renewed({ names: ['localhost'] })).toBe(false)
  expect(await renewed({ names: ['dev.test'] })).toBe(true)
  expect(await renewed({ names: ['dev.test'], clock: fakeClock(Date.now() + 28 * DAY_MS) })).toBe(false)
  expect(await renewed({ names: ['dev.test'], clock: fakeClock(Date.now() + 29.5 * DAY_MS) })).toBe(true)
  expect(await renewed()).toBe(true)
  expect(await renewed()).toBe(false)
  await chmod(join(folder, 'development-key.pem'), 0o644)
  expect(await renewed()).toBe(true)
  await writeFile(join(folder, 'development-cert.pem'), 'damaged')
  expect(await renewed()).toBe(true)
})

test.each([
  [{ names: [] }, 'names'],
  [{ names: ['exämple.test'] }, 'names[0]'],
  [{ names: 'localhost' as never }, 'names'],
  [{ days: 0 }, 'days'],
  [{ days: 398 }, 'days'],
  [{ folder: '' }, 'folder'],
  [{ folder: '/dev/null/folder' }, 'folder'],
  [{ name: 'localhost' } as never, 'name'],
])('rejects the options %j', async (options, option) => {
  await expect(developmentCertificate(options)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option },
  })
})

test('names the packages that it needs where they are not installed', async () => {
  vi.doMock('@peculiar/x509', () => {
    throw new Error('not found')
  })
  onTestFinished(() => void vi.doUnmock('@peculiar/x509'))
  await expect(developmentCertificate()).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('run npm install --save-dev @peculiar/x509 reflect-metadata'),
  })
})
