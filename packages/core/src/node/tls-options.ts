import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import {
  invalidOption,
  requireInteger,
  requireOneOf,
  resolveOptions,
  type TlsBlob,
  type TlsMaterial,
  type TlsSource,
} from '../index.js'

/** The versions of TLS that may be asked for. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** What either end of a TLS connection shows and accepts. Give each part once: as content or as a file. */
export interface TlsEndOptions extends TlsMaterial {
  /**
   * File with the certificate this end shows, with its chain, in PEM.
   * @defaultValue undefined
   */
  certFile?: string | undefined
  /**
   * File with its private key, in PEM.
   * @defaultValue undefined
   */
  keyFile?: string | undefined
  /**
   * File with the authorities whose certificates are accepted from the other end, in PEM.
   * @defaultValue undefined
   */
  caFile?: string | undefined
  /**
   * Where the material comes from when it may change; instead of all of the above.
   * @defaultValue undefined
   */
  source?: TlsSource | undefined
  /**
   * Oldest version of TLS to speak.
   * @defaultValue 'TLSv1.3'
   */
  minVersion?: TlsVersion | undefined
}

/** TLS as a client sees it. Without authorities of its own it trusts those that Node ships. */
export interface TlsClientOptions extends TlsEndOptions {
  /**
   * The name the server's certificate must have; the host that is connected to without it.
   * @defaultValue undefined
   */
  serverName?: string | undefined
}

/** TLS as a server offers it. */
export interface TlsServerOptions extends TlsEndOptions {
  /**
   * Whether callers show a certificate: never, if they have one, or always. What they show must come from one of
   * the authorities. `required` where authorities are given, else `none`.
   * @defaultValue undefined
   */
  clientCertificates?: 'none' | 'optional' | 'required' | undefined
  /**
   * How long a TLS handshake may take, in milliseconds.
   * @defaultValue 10_000
   */
  handshakeTimeoutMs?: number | undefined
}

/** What either end of TLS uses for options that are not given. */
export const tlsEndDefaults: { readonly minVersion: 'TLSv1.3' } = { minVersion: 'TLSv1.3' }

/** What the client side of TLS uses for options that are not given. */
export const tlsClientDefaults: typeof tlsEndDefaults = tlsEndDefaults

/** What the server side of TLS uses for options that are not given. */
export const tlsServerDefaults: { readonly handshakeTimeoutMs: 10_000 } & typeof tlsEndDefaults = {
  handshakeTimeoutMs: 10_000,
  ...tlsEndDefaults,
}

/** The protocol that both ends name in the TLS handshake (ALPN, RFC 7301). */
export const ALPN_PROTOCOL = 'mcp'

/** TLS settings that were read and found to fit together. */
export interface TlsEnd {
  /** The material as it is now, checked. Throws `INVALID_OPTION` where a source yields what cannot work. */
  readonly current: () => SecureContextOptions
  readonly source: TlsSource | undefined
  readonly minVersion: TlsVersion
}

/** TLS settings of a server that were read and found to fit together. */
export interface TlsServerEnd extends TlsEnd {
  readonly clientCertificates: 'none' | 'optional' | 'required'
  readonly handshakeTimeoutMs: number
}

/**
 * Reads and checks the TLS options of either end.
 *
 * @throws TransportError `INVALID_OPTION` naming the option, and the file where there is one
 */
export function loadTlsEnd(options: TlsEndOptions): TlsEnd {
  const { minVersion } = resolveOptions(tlsEndDefaults, options)
  requireOneOf('tls.minVersion', minVersion, ['TLSv1.2', 'TLSv1.3'])
  const { source } = options
  if (source) refuseBoth(options)
  const fixed = source ? undefined : checkedMaterial(options)
  if (source) checkedMaterial(source.current())
  return { current: () => fixed ?? checkedMaterial((source as TlsSource).current()), source, minVersion }
}

/**
 * Reads and checks the TLS options of a server, which must show a certificate.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function loadTlsServer(options: TlsServerOptions): TlsServerEnd {
  const end = loadTlsEnd(options)
  const material = end.current()
  if (!material.cert)
    invalidOption('tls.cert', undefined, 'given, or tls.certFile: a server shows a certificate')
  const { clientCertificates = material.ca ? 'required' : 'none' } = options
  const { handshakeTimeoutMs } = resolveOptions(tlsServerDefaults, options)
  requireOneOf('tls.clientCertificates', clientCertificates, ['none', 'optional', 'required'])
  requireInteger('tls.handshakeTimeoutMs', handshakeTimeoutMs, 1, 2 ** 31 - 1)
  if (clientCertificates !== 'none' && !material.ca) {
    invalidOption('tls.ca', undefined, 'given, or tls.caFile, to accept certificates of clients')
  }
  return { ...end, clientCertificates, handshakeTimeoutMs }
}

const fileOptions = ['cert', 'key', 'ca'] as const

function refuseBoth(options: TlsEndOptions): void {
  for (const part of fileOptions) {
    if (options[part] === undefined && options[`${part}File`] === undefined) continue
    invalidOption('tls.source', options.source, `given without tls.${part} and tls.${part}File`)
  }
}

/** A part of the material, and how an error about it is to name where it came from. */
interface Part {
  readonly option: string
  readonly content: TlsBlob
}

function checkedMaterial(options: TlsEndOptions): SecureContextOptions {
  const cert = partOf(options, 'cert')
  const key = partOf(options, 'key')
  const cas = caPartsOf(options)
  if (cert && !key) invalidOption('tls.key', undefined, `given, or tls.keyFile, together with ${cert.option}`)
  if (key && !cert)
    invalidOption('tls.cert', undefined, `given, or tls.certFile, together with ${key.option}`)
  if (cert && key) checkPair(cert, key, options.passphrase)
  for (const ca of cas) checkCertificates(ca)
  const material: SecureContextOptions = {
    ...(cert && { cert: bufferOf(cert.content) }),
    ...(key && { key: bufferOf(key.content) }),
    ...(options.passphrase !== undefined && { passphrase: options.passphrase }),
    ...(cas.length > 0 && { ca: cas.map(({ content }) => bufferOf(content)) }),
  }
  attempted('tls', () => createSecureContext(material), 'material that OpenSSL accepts')
  return material
}

function partOf(options: TlsEndOptions, part: 'cert' | 'key'): Part | undefined {
  const content = options[part]
  return content === undefined ? filePartOf(options, part) : { option: `tls.${part}`, content }
}

function caPartsOf(options: TlsEndOptions): readonly Part[] {
  const { ca } = options
  if (ca === undefined) return [filePartOf(options, 'ca')].filter((part) => part !== undefined)
  const contents: readonly TlsBlob[] = typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : ca
  return contents.map((content) => ({ option: 'tls.ca', content }))
}

function filePartOf(options: TlsEndOptions, part: (typeof fileOptions)[number]): Part | undefined {
  const file = options[`${part}File`]
  if (file === undefined) return undefined
  const option = `tls.${part}File`
  const content = attempted(option, () => readFileSync(file), 'a file that can be read', file)
  return { option: `${option} (${file})`, content }
}

function checkPair(cert: Part, key: Part, passphrase: string | undefined): void {
  const [leaf] = checkCertificates(cert)
  const loaded: KeyObject = attempted(
    key.option,
    () => createPrivateKey({ key: bufferOf(key.content), ...(passphrase !== undefined && { passphrase }) }),
    'a private key in PEM, with tls.passphrase where it is encrypted',
  )
  if (!leaf?.checkPrivateKey(loaded))
    invalidOption(key.option, undefined, `the private key of ${cert.option}`)
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** Every certificate in it; there must be one. */
function checkCertificates({ option, content }: Part): X509Certificate[] {
  const pem = bufferOf(content).toString('latin1').match(PEM_CERTIFICATE)
  const contents: (string | Buffer)[] = pem ?? [bufferOf(content)]
  return contents.map((each) =>
    attempted(option, () => new X509Certificate(each), 'a certificate in PEM or DER'),
  )
}

/** What is received is left out of the error: it may be a secret. */
function attempted<T>(option: string, call: () => T, needed: string, received?: string): T {
  try {
    return call()
  } catch (cause) {
    return invalidOption(option, received, needed, cause)
  }
}

function bufferOf(content: TlsBlob): Buffer {
  return Buffer.from(content as Uint8Array)
}
