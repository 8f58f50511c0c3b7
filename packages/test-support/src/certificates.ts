import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
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
  /** The start of its validity, in milliseconds since the epoch. 30 days ago by default. */
  readonly validFrom?: number
  /** The end of its validity, in milliseconds since the epoch. In 30 days by default. */
  readonly validTo?: number
  /** A weakness: an RSA key of 1024 bits, or a signature with SHA-1. */
  readonly weakness?: 'rsa-1024' | 'sha1'
}

/** A certificate authority. */
export interface Authority extends Credential {
  issue(subject: Subject): Credential
  /** Makes an authority whose certificate comes from this one. */
  intermediate(name: string, validity?: Pick<Subject, 'isExpired' | 'validTo'>): Authority
}

const DAY_MS = 86_400_000

/** Makes an authority in this process. Tests need no files and no programs for it. */
export function createAuthority(name: string): Authority {
  const pair = newPair()
  const self = { name: nameOf({ name }), key: pair.publicKey, privateKey: pair.privateKey }
  return authorityOf(self, certificate({ ...self, issuer: self, subject: self.name, isCa: true }))
}

/** The keys and the name of an authority. */
interface Issuer {
  readonly name: Buffer
  readonly key: KeyObject
  readonly privateKey: KeyObject
}

function authorityOf(issuer: Issuer, cert: string): Authority {
  return {
    cert,
    key: pemOf(issuer.privateKey),
    issue: (subject) => {
      const { publicKey, privateKey } =
        subject.weakness === 'rsa-1024' ? generateKeyPairSync('rsa', { modulusLength: 1_024 }) : newPair()
      return {
        cert: certificate({ ...subject, issuer, subject: nameOf(subject), key: publicKey }),
        key: pemOf(privateKey),
      }
    },
    intermediate: (name, validity) => {
      const { publicKey, privateKey } = newPair()
      const own = { name: nameOf({ name }), key: publicKey, privateKey }
      return authorityOf(
        own,
        certificate({ ...validity, issuer, subject: own.name, key: publicKey, isCa: true }),
      )
    },
  }
}

/** The key as encrypted PEM. */
export function encryptedKey(key: KeyObject, passphrase: string): string {
  return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
}

interface Content extends Omit<Subject, 'name' | 'organization'> {
  readonly issuer: Issuer
  readonly subject: Buffer
  readonly key: KeyObject
  readonly isCa?: boolean
}

/** RFC 5280, section 4.1. */
function certificate(content: Content): string {
  const { issuer, subject, key, isCa = false, isExpired = false, names = [], weakness } = content
  const now = Date.now()
  const { validFrom = now - 30 * DAY_MS, validTo = isExpired ? now - DAY_MS : now + 30 * DAY_MS } = content
  const extensions = [
    sequence(oid('2.5.29.19'), boolean(true), octets(isCa ? sequence(boolean(true)) : sequence())),
    sequence(oid('2.5.29.14'), octets(octets(identifierOf(key)))),
    sequence(oid('2.5.29.35'), octets(sequence(element(0x80, identifierOf(issuer.key))))),
    ...(names.length > 0
      ? [sequence(oid('2.5.29.17'), octets(sequence(...names.map(alternativeName))))]
      : []),
  ]
  const isSha1 = weakness === 'sha1'
  const algorithm = sequence(oid(isSha1 ? '1.2.840.10045.4.1' : '1.2.840.10045.4.3.2'))
  const body = sequence(
    element(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    issuer.name,
    sequence(time(validFrom), time(validTo)),
    subject,
    key.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(...extensions)),
  )
  const signature = element(0x03, Buffer.of(0), sign(isSha1 ? 'sha1' : 'sha256', body, issuer.privateKey))
  const base64 = sequence(body, algorithm, signature)
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
}

/** A hash of the public key (RFC 5280, section 4.2.1.2). */
function identifierOf(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
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
