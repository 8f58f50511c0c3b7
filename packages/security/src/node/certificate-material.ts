import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext, rootCertificates } from 'node:tls'
import type { TlsMaterial, TransportError } from '@mcpwire/core'
import { optionError } from '@mcpwire/core/authoring'
import {
  expiryOf,
  isIssuedBy,
  isSelfSigned,
  issuerOf,
  nameOf,
  startOf,
  weaknessOf,
} from './certificate-details.js'

/** A file with certificates or a key. */
export interface MaterialFile {
  /** The option that names the file. */
  readonly option: string
  readonly file: string
  readonly content: string
}

/** The contents of the files of one end. */
export interface MaterialFiles {
  readonly cert?: MaterialFile | undefined
  readonly key?: MaterialFile | undefined
  readonly ca?: MaterialFile | undefined
}

/** The conditions of a check. */
export interface MaterialCheck {
  readonly passphrase: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The chain in use so far. */
  readonly before: readonly X509Certificate[]
}

/** Material that passed all checks. */
export interface CheckedMaterial {
  readonly material: TlsMaterial
  /** The certificate of this end and its intermediates. Empty where only authorities are given. */
  readonly chain: readonly X509Certificate[]
  /** The report that the chain may be incomplete: only clients know the authorities that they trust. */
  readonly warning: TransportError | undefined
}

/**
 * Checks certificates, their key and their authorities: their form, the validity, the key, the order of the chain, and
 * weak keys and signatures.
 *
 * @throws TransportError `INVALID_OPTION` with the option and the file
 */
export function checkMaterial({ cert, key, ca }: MaterialFiles, check: MaterialCheck): CheckedMaterial {
  const authorities = ca ? certificatesIn(ca) : []
  const given = cert ? certificatesIn(cert) : []
  if (cert && key) {
    checkKey(given, privateKeyIn(key, check.passphrase), { cert, key })
    checkOrder(given, cert)
  }
  // Clients ignore a root at the end of the chain (RFC 8446, section 4.4.2).
  const chain = given.filter((each, index) => index === 0 || !isSelfSigned(each))
  if (cert) for (const each of chain) checkCertificate(each, check.now, cert)
  const material: TlsMaterial = Object.freeze({
    ...(cert && { cert: given.join('') }),
    ...(key && { key: key.content }),
    ...(check.passphrase !== undefined && { passphrase: check.passphrase }),
    ...(ca && { ca: authorities.map(String) }),
  })
  try {
    createSecureContext(material as Parameters<typeof createSecureContext>[0])
  } catch (cause) {
    const { option, file } = (cert ?? ca) as MaterialFile
    throw optionError(option, `is not accepted by OpenSSL: ${(cause as Error).message} (${file})`, {}, cause)
  }
  return { material, chain, warning: cert && checkCompleteness(given, authorities, cert, check.before) }
}

const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END [A-Z0-9 ]+-----/g

/** The certificates in a file, at least one. */
function certificatesIn({ option, file, content }: MaterialFile): X509Certificate[] {
  const texts = content.match(PEM_CERTIFICATE) ?? []
  if (texts.length === 0) throw optionError(option, `must be a file with certificates in PEM (${file})`)
  return texts.map((text, index) => {
    try {
      return new X509Certificate(text)
    } catch (cause) {
      const fault = `has an invalid certificate at position ${index + 1} of ${texts.length} (${file})`
      throw optionError(option, fault, {}, cause)
    }
  })
}

const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m

function privateKeyIn({ option, file, content }: MaterialFile, passphrase: string | undefined): KeyObject {
  const isEncrypted = ENCRYPTED.test(content)
  if (isEncrypted && passphrase === undefined)
    throw optionError('passphrase', `must be given: the key is encrypted (${file})`)
  try {
    return createPrivateKey({ key: content, ...(passphrase !== undefined && { passphrase }) })
  } catch (cause) {
    if (isEncrypted) throw optionError('passphrase', `must be the passphrase of the key (${file})`, {}, cause)
    throw optionError(option, `must be a file with a private key in PEM (${file})`, {}, cause)
  }
}

function checkKey(
  given: readonly X509Certificate[],
  privateKey: KeyObject,
  { cert, key }: { readonly cert: MaterialFile; readonly key: MaterialFile },
): void {
  const position = given.findIndex((each) => each.checkPrivateKey(privateKey))
  if (position === 0) return
  const [leaf] = given as [X509Certificate]
  if (position < 0) {
    const fault = 'must be the private key of the certificate in option "certFile"'
    throw optionError(key.option, `${fault}: ${key.file} is not the key of ${nameOf(leaf)} in ${cert.file}`)
  }
  const own = nameOf(given[position] as X509Certificate)
  const where = `${own} is at position ${position + 1} of ${given.length}`
  throw optionError(
    cert.option,
    `must start with the certificate of the key, before its chain: ${where} (${cert.file})`,
  )
}

/** Each certificate must be followed by its issuer (RFC 8446, section 4.4.2; RFC 5246, section 7.4.2). */
function checkOrder(given: readonly X509Certificate[], { option, file }: MaterialFile): void {
  for (const [index, issuer] of given.entries()) {
    const subject = given[index - 1]
    if (subject === undefined) continue
    if (isIssuedBy(subject, issuer)) {
      if (issuer.ca) continue
      throw optionError(option, `has an issuer that is no authority: ${nameOf(issuer)} (${file})`)
    }
    const found = `${nameOf(issuer)} follows ${nameOf(subject)}`
    if (isSelfSigned(subject))
      throw optionError(option, `has a chain in the wrong order: ${found}, which is self-signed (${file})`)
    const isElsewhere = given.some((each) => isIssuedBy(subject, each))
    const fault = isElsewhere ? 'has a chain in the wrong order' : 'has an incomplete chain'
    throw optionError(option, `${fault}: ${found}, in place of its issuer ${issuerOf(subject)} (${file})`)
  }
}

function checkCertificate(certificate: X509Certificate, now: number, { option, file }: MaterialFile): void {
  const name = nameOf(certificate)
  const [start, expiry] = [startOf(certificate), expiryOf(certificate)]
  if (now >= expiry)
    throw optionError(option, `has an expired certificate: ${name} expired on ${textOf(expiry)} (${file})`)
  if (now < start)
    throw optionError(
      option,
      `has a certificate that is not valid yet: ${name}, until ${textOf(start)} (${file})`,
    )
  const weakness = weaknessOf(certificate)
  if (weakness !== undefined)
    throw optionError(option, `has a weak certificate: ${name}: ${weakness} (${file})`)
}

/**
 * Checks that the chain ends with a root, or with a certificate that a known root issued. Where the root is unknown, it
 * may be one that only clients have: the result is a warning. A renewal that lacks an intermediate of the chain before
 * is rejected.
 */
function checkCompleteness(
  given: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  { option, file }: MaterialFile,
  before: readonly X509Certificate[],
): TransportError | undefined {
  const last = given.at(-1) as X509Certificate
  const isIssuer = (each: X509Certificate): boolean => isIssuedBy(last, each)
  if (isSelfSigned(last)) return undefined
  const intermediate = before.slice(1).find(isIssuer)
  if (intermediate) {
    const fault = `has an incomplete chain: it lacks the intermediate certificate ${issuerOf(last)}`
    throw optionError(option, `${fault}, which the chain in use has (${file})`)
  }
  if (authorities.some(isIssuer) || publicRoots().some(isIssuer)) return undefined
  return optionError(
    option,
    `may have an incomplete chain: it lacks the certificate of the issuer ${issuerOf(last)} of ${nameOf(last)} (${file})`,
    { hint: 'append the intermediate certificates, or the certificate of a private authority' },
  )
}

let parsedRoots: readonly X509Certificate[] | undefined

/** The authorities that Node trusts. Parsed when they are first needed. */
function publicRoots(): readonly X509Certificate[] {
  parsedRoots ??= rootCertificates.map((root) => new X509Certificate(root))
  return parsedRoots
}

function textOf(epochMs: number): string {
  return new Date(epochMs).toISOString()
}
