import { createPrivateKey, randomBytes, randomUUID, webcrypto, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { type Clock, type TlsMaterial, TransportError } from '@mcpwire/core'
import {
  clock,
  defaultsOf,
  integer,
  list,
  matching,
  type OptionDefaults,
  optional,
  optionError,
  options,
  rejectOption,
  rule,
  text,
  toError,
} from '@mcpwire/core/authoring'
import { expiryOf } from './certificate-details.js'

/** Options of `developmentCertificate`. */
export interface DevelopmentCertificateOptions {
  /**
   * Host names and addresses that the certificate is for.
   * @defaultValue ['localhost', '127.0.0.1', '::1']
   */
  names?: readonly string[] | undefined
  /**
   * Validity of a new certificate, in days. At most 397, the limit of browsers.
   * @defaultValue 30
   */
  days?: number | undefined
  /**
   * Folder to keep the certificate in, as `development-cert.pem` and `development-key.pem`. It is created if needed. A
   * certificate in it is used again while it is valid for another day and has the names.
   * @defaultValue undefined
   */
  folder?: string | undefined
  /**
   * Source of time.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** A self-signed certificate, for both ends of a connection. */
export interface DevelopmentCertificate {
  /** The certificate and its key, for the option `tls` of a server. */
  readonly server: { readonly cert: string; readonly key: string }
  /** The same certificate as an authority, for the option `tls` of a client. */
  readonly client: TlsMaterial & { readonly ca: string }
  /** The paths of the files, where a folder is given. */
  readonly files?: { readonly certFile: string; readonly keyFile: string }
}

const DAY_MS = 86_400_000
const MAX_DAYS = 397
const DEFAULT_NAMES = ['localhost', '127.0.0.1', '::1'] as const
/** Names are ASCII in certificates (RFC 5280, section 4.2.1.6). */
const NAME = /^[\w.:*-]+$/

const nameList = list<string>(
  matching((value) => typeof value === 'string' && NAME.test(value), 'a host name or an address'),
)

const table = options<DevelopmentCertificateOptions, 'folder'>({
  names: rule<readonly string[], readonly string[]>((option, value) => {
    nameList.check(option, value)
    if ((value as readonly string[]).length === 0) rejectOption(option, 'a list with at least one name')
  }, DEFAULT_NAMES),
  days: integer(1, MAX_DAYS, 30),
  folder: optional(text()),
  clock: clock(),
})

/** The defaults of `developmentCertificate`. */
export const developmentCertificateDefaults: OptionDefaults<DevelopmentCertificateOptions, 'folder'> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * Makes a self-signed certificate with an EC key (P-256) for development. It is no authority: its key can sign no other
 * certificate. Files of it are readable for this user only (mode 0600).
 *
 * It needs the packages `@peculiar/x509` and `reflect-metadata`, which are not installed with this one.
 *
 * Rejects with `INVALID_OPTION` for an invalid option, where the packages are missing, and where the folder cannot be
 * used.
 *
 * @example
 * ```ts
 * const development = await developmentCertificate()
 * const listener = tcpServer({ port: 7000, tls: development.server })
 * const transport = tcpClient({ port: 7000, tls: development.client })
 * ```
 */
export async function developmentCertificate(
  given: DevelopmentCertificateOptions = {},
): Promise<DevelopmentCertificate> {
  const settings = table.read(given)
  const { folder } = settings
  if (folder === undefined) return toEnds(await create(settings))
  const files = {
    certFile: resolve(folder, 'development-cert.pem'),
    keyFile: resolve(folder, 'development-key.pem'),
  }
  const kept = await read(files, settings)
  if (kept) return { ...toEnds(kept), files }
  const created = await create(settings)
  await store(created, files, folder)
  return { ...toEnds(created), files }
}

type Settings = ReturnType<typeof table.read>
type Files = NonNullable<DevelopmentCertificate['files']>
type Credential = DevelopmentCertificate['server']

function toEnds({ cert, key }: Credential): Omit<DevelopmentCertificate, 'files'> {
  return { server: { cert, key }, client: { ca: cert } }
}

async function create({ names, days, clock: { epochNow } }: Settings): Promise<Credential> {
  const {
    X509CertificateGenerator,
    BasicConstraintsExtension,
    ExtendedKeyUsage,
    ExtendedKeyUsageExtension,
    KeyUsageFlags,
    KeyUsagesExtension,
    SubjectAlternativeNameExtension,
  } = await x509()
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const now = epochNow()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // The first bit is the sign.
      serialNumber: `01${randomBytes(15).toString('hex')}`,
      name: 'CN=mcpwire development certificate',
      // Clocks may differ.
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + days * DAY_MS),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
        ),
      ],
    },
    webcrypto,
  )
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  return {
    cert: `${certificate.toString('pem')}\n`,
    key: String(key.export({ type: 'pkcs8', format: 'pem' })),
  }
}

async function x509(): Promise<typeof import('@peculiar/x509')> {
  try {
    // In this order: the second needs the first.
    await import('reflect-metadata')
    return await import('@peculiar/x509')
  } catch (cause) {
    throw new TransportError(
      'INVALID_OPTION',
      'developmentCertificate requires the packages @peculiar/x509 and reflect-metadata',
      {
        option: 'developmentCertificate',
        hint: 'run npm install --save-dev @peculiar/x509 reflect-metadata',
      },
      { cause },
    )
  }
}

/** The certificate in the folder, where it can be used. */
async function read({ certFile, keyFile }: Files, settings: Settings): Promise<Credential | undefined> {
  try {
    const { mode } = await stat(keyFile)
    // Another user may have read it.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) return undefined
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
    const certificate = new X509Certificate(cert)
    const isUsable =
      expiryOf(certificate) > settings.clock.epochNow() + DAY_MS &&
      certificate.checkPrivateKey(createPrivateKey(key)) &&
      settings.names.every((name) => isFor(certificate, name))
    return isUsable ? { cert, key } : undefined
  } catch {
    // Missing or damaged.
    return undefined
  }
}

function isFor(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
  // A wildcard is a name here, not a host that matches it.
  return certificate.subjectAltName?.split(', ').includes(`DNS:${name}`) ?? false
}

async function store({ cert, key }: Credential, { certFile, keyFile }: Files, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await replace(keyFile, key)
    await replace(certFile, cert)
  } catch (cause) {
    throw optionError('folder', `must be a folder to write to: ${toError(cause).message}`, {}, cause)
  }
}

/** Replaces a file in one step, with a file that only this user can read. */
async function replace(file: string, content: string): Promise<void> {
  const unique = join(file, '..', `.${randomUUID()}`)
  try {
    await writeFile(unique, content, { flag: 'wx', mode: 0o600 })
    await rename(unique, file)
  } catch (error) {
    await rm(unique, { force: true })
    throw error
  }
}
