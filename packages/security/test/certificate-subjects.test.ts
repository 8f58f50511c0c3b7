import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { tlsFactsOf } from '@mcpwire/core/node'
import { createAuthority } from '@mcpwire/test-support/certificates'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mutualTls } from '../src/index.js'
import { httpCaller, verdictOf } from './support/handshakes.js'

const authority = createAuthority('test authority')

/** A caller with a certificate of these names, with the facts that Node has about it. */
function certified(name: string, organization: string) {
  const { cert } = authority.issue({ name, organization })
  const socket: Partial<TLSSocket> = {
    authorized: true,
    getProtocol: () => 'TLSv1.3',
    getCipher: () => ({ name: 'TLS_AES_256_GCM_SHA384', standardName: '', version: 'TLSv1.3' }),
    getPeerX509Certificate: () => new X509Certificate(cert),
  }
  return httpCaller({}, { tls: tlsFactsOf(socket as TLSSocket) })
}

const escaped = (value: string): string => value.replace(/[^a-z\d]/giu, (each) => `\\${each}`)

const value = fc
  .array(
    fc.constantFrom('a', 'b', ',', '+', '=', '\\', '"', ' ', 'O=', 'CN=', ';', '<', '#', 'ü', '\n', '0A'),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((parts) => parts.join(''))

test('a subject with any characters matches the certificate with it, and no other', async () => {
  await fc.assert(
    fc.asyncProperty(value, value, value, async (name, organization, other) => {
      const gate = mutualTls({ subjects: [`CN=${escaped(name)}, O=${escaped(organization)}`] })
      expect((await verdictOf(gate, certified(name, organization))).admit).toBe(true)
      expect((await verdictOf(gate, certified(other, organization))).admit).toBe(other === name)
      expect((await verdictOf(gate, certified(name, other))).admit).toBe(other === organization)
    }),
    { numRuns: 200 },
  )
})
