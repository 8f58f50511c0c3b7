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

/** One part of the material, and the option that it came from. */
interface Part {
  readonly option: string
  readonly file?: string
  readonly content: Buffer
}

const partNames = ['cert', 'key', 'ca'] as const

/** The names of the options that hold a part. */
export function givenParts(options: TlsMaterialOptions): string[] {
  const names = partNames.flatMap((part) => [part, `${part}File`] as const)
  return [...names, 'passphrase' as const].filter((name) => options[name] !== undefined)
}

/**
 * Reads the material and checks that it is complete and consistent.
 *
 * @throws TransportError `INVALID_OPTION` naming the option, and the file where there is one
 */
export function checkedMaterial(options: TlsMaterialOptions): SecureContextOptions {
  const [cert] = partsOf(options, 'cert')
  const [key] = partsOf(options, 'key')
  const cas = partsOf(options, 'ca')
  if (cert && !key) rejectOption('tls.key', `given, or option "tls.keyFile", together with ${nameOf(cert)}`)
  if (key && !cert) rejectOption('tls.cert', `given, or option "tls.certFile", together with ${nameOf(key)}`)
  if (options.passphrase !== undefined && !key) rejectOption('tls.passphrase', 'left out without a key')
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
  if (!chain[0]?.checkPrivateKey(privateKey)) rejectPart(key, `the private key of ${nameOf(cert)}`)
  return { cert: chain.join(''), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) }
}

/** The content of one part, or none. `ca` may be a list. */
function partsOf(options: TlsMaterialOptions, name: (typeof partNames)[number]): readonly Part[] {
  const option = `tls.${name}`
  const content = options[name]
  const file = options[`${name}File`]
  if (file !== undefined) {
    if (content !== undefined) rejectOption(option, `left out when option "${option}File" is given`)
    return [filePart(`${option}File`, file)]
  }
  if (content === undefined) return []
  const contents: readonly unknown[] = name === 'ca' && Array.isArray(content) ? content : [content]
  // An empty list would select the authorities of Node.
  if (contents.length === 0) rejectOption(option, 'at least one authority (CA)')
  return contents.map((each) => contentPart(option, each))
}

function contentPart(option: string, content: unknown): Part {
  if (typeof content !== 'string' && !(content instanceof Uint8Array)) rejectOption(option, 'text or bytes')
  return { option, content: Buffer.from(content as Uint8Array) }
}

function filePart(option: string, file: unknown): Part {
  if (typeof file !== 'string' || file === '') rejectOption(option, 'the path of a file')
  if (file.includes('-----BEGIN') || file.includes('\n'))
    rejectOption(option, `the path of a file; content belongs in option "${option.slice(0, -'File'.length)}"`)
  try {
    return { option, file, content: readFileSync(file) }
  } catch (cause) {
    return rejectOption(option, `a file that can be read: ${(cause as Error).message}`, cause)
  }
}

const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END [A-Z0-9 ]+-----/g

/** The certificates in a part, at least one. */
function certificatesIn(part: Part): X509Certificate[] {
  const contents: readonly (string | Buffer)[] = part.content.toString('latin1').match(PEM_CERTIFICATE) ?? [
    part.content,
  ]
  try {
    return contents.map((content) => new X509Certificate(content))
  } catch (cause) {
    return rejectPart(part, 'a certificate in PEM or DER', cause)
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
    if (isEncrypted) rejectOption('tls.passphrase', `the passphrase of ${nameOf(part)}`, cause)
    return rejectPart(part, 'a private key in PEM or DER', cause)
  }
}

function derKey(key: Buffer): KeyObject {
  for (const type of ['sec1', 'pkcs1'] as const) {
    try {
      return createPrivateKey({ key, format: 'der', type })
    } catch {
      // Another type of key may fit.
    }
  }
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

function nameOf({ option, file }: Part): string {
  const name = `option "${option}"`
  return file === undefined ? name : `${name} (${file})`
}

function rejectPart({ option, file }: Part, needed: string, cause?: unknown): never {
  return rejectOption(option, file === undefined ? needed : `${needed}; ${file} is not`, cause)
}
