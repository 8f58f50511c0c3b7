import { X509Certificate } from 'node:crypto'
import { until } from '@mcpwire/compliance'
import { type FakeClock, fakeClock } from '@mcpwire/test-support/fake-clock'
import { expect, test } from 'vitest'
import type { CertificatesOptions, ExpiringCertificate } from '../src/node/index.js'
import { authority, issued, sourceOf, write, written } from './support/certificate-files.js'

const TIMEOUT_MS = 30_000
const DAY_MS = 86_400_000
/** The longest interval, so that few checks pass many days. */
const checkIntervalMs = DAY_MS
/** Times in certificates are whole seconds. */
const NOW = Math.floor(Date.now() / 1_000) * 1_000

function lasting(name: string, days: number): ReturnType<typeof issued> {
  return issued(name, { validFrom: NOW, validTo: NOW + days * DAY_MS })
}

interface Watched extends ReturnType<typeof sourceOf> {
  readonly clock: FakeClock
  /** The reports, and the day of each. */
  readonly reports: (ExpiringCertificate & { readonly day: number })[]
}

async function watched(files: CertificatesOptions, options: CertificatesOptions = {}): Promise<Watched> {
  const clock = fakeClock(NOW)
  const reports: Watched['reports'] = []
  const onExpiring = (certificate: ExpiringCertificate): void => {
    reports.push({ ...certificate, day: (clock.epochNow() - NOW) / DAY_MS })
  }
  const sources = sourceOf({ ...files, clock, checkIntervalMs, onExpiring, ...options })
  await clock.advance(0)
  return { ...sources, clock, reports }
}

test('a certificate is reported once 30 days before it expires, and once when it has expired', async () => {
  const server = lasting('server', 365)
  const files = await written(server)
  const { clock, reports, errors } = await watched(files)
  await clock.advance(334 * DAY_MS)
  expect(reports).toEqual([])
  await clock.advance(DAY_MS)
  const { fingerprint256, serialNumber } = new X509Certificate(server.cert)
  const about = {
    subject: 'CN=server',
    serialNumber,
    fingerprint256,
    file: files.certFile,
    expiresAt: NOW + 365 * DAY_MS,
  }
  expect(reports).toEqual([{ ...about, isExpired: false, day: 335 }])
  await clock.advance(29 * DAY_MS)
  expect({ count: reports.length, errors }).toEqual({ count: 1, errors: [] })
  await clock.advance(DAY_MS)
  expect(reports[1]).toEqual({ ...about, isExpired: true, day: 365 })
  expect(errors).toMatchObject([
    {
      code: 'INVALID_OPTION',
      details: { option: 'certFile' },
      message: expect.stringMatching(/in use: CN=server expired on 2/),
    },
  ])
  await clock.advance(10 * DAY_MS)
  expect({ reports: reports.length, errors: errors.length }).toEqual({ reports: 2, errors: 1 })
})

test('a certificate is reported at expiryWarningMs, and a short-lived one after two thirds of its lifetime', async () => {
  const late = await watched(await written(lasting('server', 365)), { expiryWarningMs: 2 * DAY_MS })
  await late.clock.advance(364 * DAY_MS)
  expect(late.reports).toMatchObject([{ day: 363 }])
  const short = await watched(await written(lasting('server', 6)))
  await short.clock.advance(5 * DAY_MS)
  expect(short.reports).toMatchObject([{ day: 4 }])
})

test('an intermediate that expires earlier is reported, and a root in the file is not', async () => {
  const validTo = NOW + 100 * DAY_MS
  const issuing = authority.intermediate('issuing', { validTo })
  const { cert, key } = issuing.issue({ name: 'server', validTo: NOW + 300 * DAY_MS })
  const files = await written({ key, cert: cert + issuing.cert + authority.cert })
  const { clock, reports } = await watched(files)
  await clock.advance(80 * DAY_MS)
  expect(reports).toMatchObject([{ subject: 'CN=issuing', expiresAt: validTo }])
})

test('a renewed certificate has reports of its own', async () => {
  const files = await written(lasting('first', 60))
  const { clock, reports, changes } = await watched(files)
  await clock.advance(45 * DAY_MS)
  expect(reports).toMatchObject([{ subject: 'CN=first', day: 40 }])
  await write(files, lasting('second', 100))
  const step = async (): Promise<boolean> => {
    if (clock.pending === 2) await clock.advance(1_000)
    return changes.length > 0
  }
  await until(step, 'the renewed certificate is in use', TIMEOUT_MS)
  await clock.advance(50 * DAY_MS)
  expect(reports).toMatchObject([{ subject: 'CN=first' }, { subject: 'CN=second', isExpired: false }])
})

test('a callback that throws does not end the checks', async () => {
  let calls = 0
  const onExpiring = (): void => {
    calls++
    throw new Error('the callback failed')
  }
  const { clock } = await watched(await written(lasting('server', 90)), { onExpiring })
  await clock.advance(90 * DAY_MS)
  expect(calls).toBe(2)
})
