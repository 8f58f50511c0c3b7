import type { SecureContextOptions } from 'node:tls'
import {
  type KnownOptions,
  rejectOption,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  resolveOptions,
} from '../authoring.js'
import type { TlsMaterial, TlsSource } from '../index.js'
import { checkedMaterial, givenParts } from './tls-material.js'

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
export const tlsClientDefaults: typeof tlsEndDefaults = { ...tlsEndDefaults }

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

const knownEndOptions: KnownOptions<TlsEndOptions> = {
  ...tlsEndDefaults,
  cert: 1,
  certFile: 1,
  key: 1,
  keyFile: 1,
  passphrase: 1,
  ca: 1,
  caFile: 1,
  source: 1,
}
const knownClientOptions: KnownOptions<TlsClientOptions> = { ...knownEndOptions, serverName: 1 }
const knownServerOptions: KnownOptions<TlsServerOptions> = {
  ...knownEndOptions,
  ...tlsServerDefaults,
  clientCertificates: 1,
}

/**
 * Reads and checks the TLS options of a client, with defaults of its own where it has some.
 *
 * @throws TransportError `INVALID_OPTION` naming the option, and the file where there is one
 */
export function loadTlsEnd(
  options: TlsClientOptions,
  defaults: { readonly minVersion: TlsVersion } = tlsEndDefaults,
): TlsEnd {
  requireKnownOptions(options, knownClientOptions, 'tls')
  return endOf(options, defaults)
}

function endOf(options: TlsEndOptions, defaults: { readonly minVersion: TlsVersion }): TlsEnd {
  const { minVersion } = resolveOptions(defaults, options)
  requireOneOf('tls.minVersion', minVersion, ['TLSv1.2', 'TLSv1.3'])
  const { source } = options
  if (source === undefined) {
    const fixed = checkedMaterial(options)
    return { current: () => fixed, source, minVersion }
  }
  if (typeof source?.current !== 'function' || typeof source.onchange !== 'function')
    rejectOption('tls.source', 'a TlsSource')
  const [beside] = givenParts(options)
  if (beside !== undefined) rejectOption(`tls.${beside}`, 'left out where tls.source is given')
  const current = (): SecureContextOptions => checkedMaterial(materialOf(source))
  current()
  return { current, source, minVersion }
}

function materialOf(source: TlsSource): TlsMaterial {
  let material: TlsMaterial
  try {
    material = source.current()
  } catch (cause) {
    return rejectOption('tls.source', 'one whose current() does not throw', cause)
  }
  if (typeof material !== 'object' || material === null)
    rejectOption('tls.source', 'one whose current() yields material')
  return material
}

/**
 * Reads and checks the TLS options of a server, which must show a certificate.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function loadTlsServer(options: TlsServerOptions): TlsServerEnd {
  requireKnownOptions(options, knownServerOptions, 'tls')
  const end = endOf(options, tlsEndDefaults)
  const { clientCertificates = end.current().ca ? 'required' : 'none' } = options
  const { handshakeTimeoutMs } = resolveOptions(tlsServerDefaults, options)
  requireOneOf('tls.clientCertificates', clientCertificates, ['none', 'optional', 'required'])
  requireInteger('tls.handshakeTimeoutMs', handshakeTimeoutMs, 1, 2 ** 31 - 1)
  const current = (): SecureContextOptions => {
    const material = end.current()
    if (!material.cert) rejectOption('tls.cert', 'given, or tls.certFile: a server shows a certificate')
    // Without authorities of its own, Node would take those of the public for authorities over callers.
    if (clientCertificates !== 'none' && !material.ca)
      rejectOption('tls.ca', 'given, or tls.caFile, to accept certificates of clients')
    return material
  }
  current()
  return { ...end, current, clientCertificates, handshakeTimeoutMs }
}
