import { generateKeyPairSync, sign } from 'node:crypto'
import { systemClock } from '@mcpwire/core'

/** A certificate and its private key, in PEM. */
export interface Credential {
  readonly cert: string
  readonly key: string
}

const DAY_MS = 86_400_000
const ECDSA_WITH_SHA256 = '06082a8648ce3d040302'
const COMMON_NAME = '0603550403'
const SUBJECT_ALTERNATIVE_NAME = '0603551d11'
const VERSION_3 = 'a003020102'
const SERIAL_1 = '020101'

/**
 * Creates a self-signed certificate for 127.0.0.1 that is valid for a day (RFC 5280, section 4.1). Node cannot create
 * certificates, and a tool for it may not be installed.
 *
 * @example
 * ```ts
 * const { cert, key } = selfSigned('test server')
 * ```
 */
export function selfSigned(name: string): Credential {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(hex(ECDSA_WITH_SHA256))
  const self = sequence(element(0x31, sequence(hex(COMMON_NAME), element(0x0c, Buffer.from(name)))))
  const now = systemClock.epochNow()
  const address = sequence(element(0x87, Buffer.of(127, 0, 0, 1)))
  const names = sequence(hex(SUBJECT_ALTERNATIVE_NAME), element(0x04, address))
  const content = sequence(
    hex(VERSION_3),
    hex(SERIAL_1),
    algorithm,
    self,
    sequence(time(now - DAY_MS), time(now + DAY_MS)),
    self,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(names)),
  )
  const signature = element(0x03, Buffer.of(0), sign('sha256', content, privateKey))
  const lines =
    sequence(content, algorithm, signature)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return {
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function time(ms: number): Buffer {
  return element(0x18, Buffer.from(new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, '')))
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, ...parts)
}

/** Tag, length, value (X.690, section 8.1). */
function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts)
  const long = value.length < 0x100 ? [0x81, value.length] : [0x82, value.length >> 8, value.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...(value.length < 0x80 ? [value.length] : long)]), value])
}
