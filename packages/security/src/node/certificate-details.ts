import type { X509Certificate } from 'node:crypto'

/** Signature algorithms with MD2, MD5 or SHA-1, by the bytes of their object identifier. */
const WEAK_SIGNATURES: ReadonlyMap<string, string> = new Map([
  ['2a864886f70d010102', 'MD2 with RSA'],
  ['2a864886f70d010104', 'MD5 with RSA'],
  ['2a864886f70d010105', 'SHA-1 with RSA'],
  ['2a8648ce3d0401', 'SHA-1 with ECDSA'],
  ['2a8648ce380403', 'SHA-1 with DSA'],
])

/** NIST SP 800-131A, section 3: fewer bits are not allowed. */
const MIN_RSA_BITS = 2_048

const AUTHORITY_KEY_IDENTIFIER = '551d23'
const EXTENSIONS_TAG = 0xa3
const KEY_IDENTIFIER_TAG = 0x80

/** The reason why a certificate is weak, or nothing. `publicKey` and the signature are checked. */
export function weaknessOf(certificate: X509Certificate): string | undefined {
  const { asymmetricKeyType = '', asymmetricKeyDetails: { modulusLength = Infinity } = {} } =
    certificate.publicKey
  if (asymmetricKeyType.startsWith('rsa') && modulusLength < MIN_RSA_BITS)
    return `its RSA key has ${modulusLength} bits, fewer than ${MIN_RSA_BITS}`
  // The signature of a root is not verified.
  const signature = isSelfSigned(certificate)
    ? undefined
    : WEAK_SIGNATURES.get(signatureAlgorithm(certificate))
  return signature === undefined ? undefined : `it is signed with ${signature}`
}

/** Whether a certificate is signed with its own key. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey)
}

/** Whether `issuer` signed the certificate. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** The subject of a certificate as one line. Its names or its serial number where it has no subject. */
export function nameOf({ subject, subjectAltName, serialNumber }: X509Certificate): string {
  return oneLine(subject) ?? subjectAltName ?? `serial number ${serialNumber}`
}

/** The issuer of a certificate, with the identifier of its key where there is one (RFC 5280, section 4.2.1.1). */
export function issuerOf(certificate: X509Certificate): string {
  const name = oneLine(certificate.issuer) ?? 'an authority without a name'
  const identifier = authorityKeyIdentifier(certificate)
  return identifier === undefined ? name : `${name} (key identifier ${identifier})`
}

/** The end of the validity, in milliseconds since the epoch. */
export function expiryOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo)
}

/** The start of the validity, in milliseconds since the epoch. */
export function startOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validFrom)
}

/** Node has one line for each attribute, and `undefined` for an empty name, in spite of its types. */
function oneLine(name: string | undefined): string | undefined {
  return name === undefined || name === '' ? undefined : name.split('\n').join(', ')
}

/** One element of DER (X.690, section 8.1). */
interface Element {
  readonly tag: number
  readonly content: Buffer
}

function signatureAlgorithm({ raw }: X509Certificate): string {
  const [, algorithm] = elementsIn(firstIn(raw))
  return algorithm === undefined ? '' : firstIn(algorithm.content).toString('hex')
}

function authorityKeyIdentifier({ raw }: X509Certificate): string | undefined {
  const extensions = elementsIn(firstIn(firstIn(raw))).find(({ tag }) => tag === EXTENSIONS_TAG)
  if (extensions === undefined) return undefined
  for (const { content } of elementsIn(firstIn(extensions.content))) {
    const parts = elementsIn(content)
    if (parts[0]?.content.toString('hex') !== AUTHORITY_KEY_IDENTIFIER) continue
    const members = elementsIn(firstIn(parts.at(-1)?.content))
    const identifier = members.find(({ tag }) => tag === KEY_IDENTIFIER_TAG)?.content.toString('hex')
    return identifier?.toUpperCase().match(/../g)?.join(':')
  }
  return undefined
}

/** The content of the first element. */
function firstIn(bytes: Buffer = Buffer.alloc(0)): Buffer {
  return elementsIn(bytes)[0]?.content ?? Buffer.alloc(0)
}

/** The elements in bytes that OpenSSL has parsed before. */
function elementsIn(bytes: Buffer): Element[] {
  const elements: Element[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const first = bytes.readUInt8(at + 1)
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
    const start = at + 2 + lengthBytes
    elements.push({ tag: bytes.readUInt8(at), content: bytes.subarray(start, start + length) })
    at = start + length
  }
  return elements
}
