import { X509Certificate } from 'node:crypto'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { expect, test } from 'vitest'

test('an authority issues certificates that it signed', () => {
  const authority = createAuthority('Test authority')
  const certificate = new X509Certificate(authority.issue({ name: 'server', names: ['localhost'] }).cert)
  expect(certificate.verify(new X509Certificate(authority.cert).publicKey)).toBe(true)
  expect(certificate.checkHost('localhost')).toBe('localhost')
})

test('an expired certificate has no validity left', () => {
  const { cert } = createAuthority('Test authority').issue({ name: 'server', isExpired: true })
  expect(Date.parse(new X509Certificate(cert).validTo)).toBeLessThan(Date.now())
})
