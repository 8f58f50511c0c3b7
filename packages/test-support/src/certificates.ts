import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate and its private key, in PEM. */
interface Credential {
  readonly cert: string
  readonly key: string
}

/** The content of a certificate. */
interface Subject {
  /** The common name. Empty for a certificate that has alternative names only. */
  readonly name: string
  readonly organization?: string
  /** Its alternative names: host names and addresses. */
  readonly names?: readonly string[]
  /** Whether its validity has ended. */
  readonly isExpired?: boolean
}

/** A certificate authority. */
export interface Authority extends Credential {
  issue(subject: Subject): Credential
}

const DAY_MS = 86_400_000

/** Makes an authority in this process. Tests need no files and no programs for it. */
export function createAuthority(name: string): Authority {
  const pair = newPair()
  const self = nameOf({ name })
  const cert = certificate({
    issuer: self,
    subject: self,
    issuerKey: pair.privateKey,
    key: pair.publicKey,
    isCa: true,
  })
  return {
    cert,
    key: pemOf(pair.privateKey),
    issue: (subject) => {
      const { publicKey, privateKey } = newPair()
      return {
        cert: certificate({
          issuer: self,
          subject: nameOf(subject),
          issuerKey: pair.privateKey,
          key: publicKey,
          names: subject.names ?? [],
          isExpired: subject.isExpired ?? false,
        }),
        key: pemOf(privateKey),
      }
    },
  }
}

/** The key as encrypted PEM. */
export function encryptedKey(key: KeyObject, passphrase: string): string {
  return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
}

interface Content {
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly issuerKey: KeyObject
  readonly key: KeyObject
  readonly isCa?: boolean
  readonly isExpired?: boolean
  readonly names?: readonly string[]
}

/** RFC 5280, section 4.1. */
function certificate(content: Content): string {
  const { issuer, subject, issuerKey, key, isCa = false, isExpired = false, names = [] } = content
  const now = Date.now()
  const validity = sequence(time(now - 30 * DAY_MS), time(isExpired ? now - DAY_MS : now + 30 * DAY_MS))
  const extensions = [
    sequence(oid('2.5.29.19'), boolean(true), octets(isCa ? sequence(boolean(true)) : sequence())),
    ...(names.length > 0
      ? [sequence(oid('2.5.29.17'), octets(sequence(...names.map(alternativeName))))]
      : []),
  ]
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
  const body = sequence(
    element(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    issuer,
    validity,
    subject,
    key.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(...extensions)),
  )
  const signature = element(0x03, Buffer.of(0), sign('sha256', body, issuerKey))
  const base64 = sequence(body, algorithm, signature)
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
}

function newPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function nameOf({ name, organization }: Subject): Buffer {
  const attribute = (type: string, value: string): Buffer =>
    element(0x31, sequence(oid(type), element(0x0c, Buffer.from(value))))
  return sequence(
    ...(name === '' ? [] : [attribute('2.5.4.3', name)]),
    ...(organization === undefined ? [] : [attribute('2.5.4.10', organization)]),
  )
}

function alternativeName(name: string): Buffer {
  if (isIP(name) === 4) return element(0x87, Buffer.from(name.split('.').map(Number)))
  if (isIP(name) === 6) return element(0x87, Buffer.concat([Buffer.alloc(15), Buffer.of(1)]))
  return element(0x82, Buffer.from(name))
}

function time(ms: number): Buffer {
  return element(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, '')}`))
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = rest.flatMap((part) => {
    const groups = [part & 0x7f]
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80)
    return groups
  })
  return element(0x06, Buffer.of(first * 40 + second, ...bytes))
}

function sequence(...parts: Buffer[]): Buffer {
  return element(0x30, ...parts)
}

function integer(bytes: Buffer): Buffer {
  return element(0x02, bytes)
}

function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.of(value ? 0xff : 0))
}

function octets(content: Buffer): Buffer {
  return element(0x04, content)
}

/** Tag, length, value (X.690, section 8.1). */
function element(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts)
  const length =
    value.length < 0x80
      ? [value.length]
      : value.length < 0x100
        ? [0x81, value.length]
        : [0x82, value.length >> 8, value.length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...length), value])
}
