import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { rejectOption } from '../authoring.js'
import type { TlsMaterial } from '../index.js'

/** Certificates and keys, each as content or as a file. */
export type TlsMaterialOptions = {
  readonly [K in keyof TlsMaterial | 'certFile' | 'keyFile' | 'caFile']?:
    | (K extends keyof TlsMaterial ? TlsMaterial[K] : string)
    | undefined
}

/** One part of the material, and where it came from. */
interface Part {
  readonly option: string
  readonly file?: string
  readonly content: Buffer
}

const partNames = ['cert', 'key', 'ca'] as const

/** The parts that were given, by the names of their options. */
export function givenParts(options: TlsMaterialOptions): string[] {
  const names = partNames.flatMap((part) => [part, `${part}File`] as const)
  return [...names, 'passphrase' as const].filter((name) => options[name] !== undefined)
}

/**
 * Reads the material and makes sure that it is complete and fits together.
 *
 * @throws TransportError `INVALID_OPTION` naming the option, and the file where there is one
 */
export function checkedMaterial(options: TlsMaterialOptions): SecureContextOptions {
  const cert = partOf(options, 'cert')
  const key = partOf(options, 'key')
  const cas = caPartsOf(options)
  if (cert && !key) rejectOption('tls.key', `given, or tls.keyFile, together with ${nameOf(cert)}`)
  if (key && !cert) rejectOption('tls.cert', `given, or tls.certFile, together with ${nameOf(key)}`)
  if (options.passphrase !== undefined && !key)
    rejectOption('tls.passphrase', 'left out where there is no key')
  const material: SecureContextOptions = {
    ...(cert && key && pairOf(cert, key, options.passphrase)),
    ...(cas.length > 0 && { ca: cas.flatMap((ca) => certificatesIn(ca).map(String)) }),
  }
  try {
    createSecureContext(material)
  } catch (cause) {
    rejectOption('tls', `material that OpenSSL accepts: ${(cause as Error).message}`, cause)
  }
  return material
}

function pairOf(cert: Part, key: Part, passphrase: unknown): SecureContextOptions {
  const chain = certificatesIn(cert)
  const privateKey = privateKeyIn(key, passphrase)
  if (!chain[0]?.checkPrivateKey(privateKey)) refusePart(key, `the private key of ${nameOf(cert)}`)
  return { cert: chain.join(''), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) }
}

function partOf(options: TlsMaterialOptions, part: (typeof partNames)[number]): Part | undefined {
  const content = options[part]
  const file = options[`${part}File`]
  if (content !== undefined && file !== undefined)
    rejectOption(`tls.${part}`, `left out where tls.${part}File is given`)
  if (file !== undefined) return filePart(`tls.${part}File`, file)
  return content === undefined ? undefined : contentPart(`tls.${part}`, content)
}

function caPartsOf(options: TlsMaterialOptions): readonly Part[] {
  const { ca } = options
  if (!Array.isArray(ca)) return [partOf(options, 'ca')].filter((part) => part !== undefined)
  if (options.caFile !== undefined) rejectOption('tls.ca', 'left out where tls.caFile is given')
  // Without this, nobody to trust would mean whom Node trusts.
  if (ca.length === 0) rejectOption('tls.ca', 'at least one authority')
  return ca.map((content) => contentPart('tls.ca', content))
}

function contentPart(option: string, content: unknown): Part {
  if (typeof content !== 'string' && !(content instanceof Uint8Array)) rejectOption(option, 'text or bytes')
  return { option, content: Buffer.from(content as Uint8Array) }
}

function filePart(option: string, file: unknown): Part {
  if (typeof file !== 'string' || file === '') rejectOption(option, 'the path of a file')
  if (file.includes('-----BEGIN') || file.includes('\n'))
    rejectOption(option, `the path of a file; content goes into ${option.slice(0, -'File'.length)}`)
  try {
    return { option, file, content: readFileSync(file) }
  } catch (cause) {
    return rejectOption(option, `a file that can be read: ${(cause as Error).message}`, cause)
  }
}

const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END [A-Z0-9 ]+-----/g

/** Every certificate in it; there is at least one. */
function certificatesIn(part: Part): X509Certificate[] {
  const contents: readonly (string | Buffer)[] = part.content.toString('latin1').match(PEM_CERTIFICATE) ?? [
    part.content,
  ]
  try {
    return contents.map((each) => new X509Certificate(each))
  } catch (cause) {
    return refusePart(part, 'a certificate in PEM or DER', cause)
  }
}

const SEQUENCE = 0x30
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m

function privateKeyIn(part: Part, passphrase: unknown): KeyObject {
  if (passphrase !== undefined && typeof passphrase !== 'string') rejectOption('tls.passphrase', 'a string')
  const { content } = part
  const isEncrypted = ENCRYPTED.test(content.toString('latin1'))
  if (isEncrypted && passphrase === undefined)
    rejectOption('tls.passphrase', `given: ${nameOf(part)} is encrypted`)
  try {
    if (content[0] === SEQUENCE) return derKey(content)
    return createPrivateKey({ key: content, ...(passphrase !== undefined && { passphrase }) })
  } catch (cause) {
    if (isEncrypted) rejectOption('tls.passphrase', `the one that opens ${nameOf(part)}`, cause)
    return refusePart(part, 'a private key in PEM or DER', cause)
  }
}

function derKey(key: Buffer): KeyObject {
  for (const type of ['sec1', 'pkcs1'] as const) {
    try {
      return createPrivateKey({ key, format: 'der', type })
    } catch {
      // Of the types of keys, another one may fit.
    }
  }
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

function nameOf({ option, file }: Part): string {
  return file === undefined ? option : `${option} (${file})`
}

function refusePart({ option, file }: Part, needed: string, cause?: unknown): never {
  return rejectOption(option, file === undefined ? needed : `${needed}, which ${file} is not`, cause)
}
