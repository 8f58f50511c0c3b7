import type { SecureContextOptions } from 'node:tls'
import {
  defaultsOf,
  integer,
  type OptionalRule,
  type OptionDefaults,
  type OptionRules,
  type OptionSettings,
  type OptionTable,
  oneOf,
  optional,
  options,
  rejectOption,
  rule,
  text,
} from '../authoring.js'
import type { TlsClientOptions, TlsEndOptions, TlsMaterial, TlsSource, TlsVersion } from '../index.js'
import { checkedMaterial, givenParts } from './tls-material.js'

/** Options of the server side of TLS. */
export interface TlsServerOptions extends TlsEndOptions {
  /**
   * Whether clients present a certificate: never, if they have one, or always. It must come from one of the
   * authorities. The default is `required` with authorities, and `none` without.
   * @defaultValue undefined
   */
  clientCertificates?: 'none' | 'optional' | 'required' | undefined
  /**
   * Longest TLS handshake, in milliseconds. A longer one closes the connection.
   * @defaultValue 10_000
   */
  handshakeTimeoutMs?: number | undefined
}

type MaterialOption = 'cert' | 'certFile' | 'key' | 'keyFile' | 'passphrase' | 'ca' | 'caFile'
type OptionalTlsOption = MaterialOption | 'source'

/** `checkedMaterial` checks the parts of the material together. Its errors contain no content. */
const checkedLater: OptionalRule<never> = optional<never>(rule(() => {}))

const endRules: OptionRules<TlsEndOptions, OptionalTlsOption> = {
  cert: checkedLater,
  certFile: checkedLater,
  key: checkedLater,
  keyFile: checkedLater,
  passphrase: checkedLater,
  ca: checkedLater,
  caFile: checkedLater,
  source: checkedLater,
  minVersion: oneOf<TlsVersion, TlsVersion>(['TLSv1.2', 'TLSv1.3'], 'TLSv1.3'),
}

/** The option `tls` of a client. */
export const tlsClientOptions: OptionTable<TlsClientOptions, OptionalTlsOption | 'serverName'> = options<
  TlsClientOptions,
  OptionalTlsOption | 'serverName'
>({ ...endRules, serverName: optional(text()) })

/** The option `tls` of a server. */
export const tlsServerOptions: OptionTable<TlsServerOptions, OptionalTlsOption | 'clientCertificates'> =
  options<TlsServerOptions, OptionalTlsOption | 'clientCertificates'>({
    ...endRules,
    clientCertificates: optional(oneOf(['none', 'optional', 'required'])),
    handshakeTimeoutMs: integer(1, 2 ** 31 - 1, 10_000),
  })

/** Defaults of the client side of TLS. */
export const tlsClientDefaults: OptionDefaults<TlsClientOptions, OptionalTlsOption | 'serverName'> =
  /* @__PURE__ */ defaultsOf(tlsClientOptions)

/** Defaults of the server side of TLS. */
export const tlsServerDefaults: OptionDefaults<TlsServerOptions, OptionalTlsOption | 'clientCertificates'> =
  /* @__PURE__ */ defaultsOf(tlsServerOptions)

/** The protocol that both ends negotiate in the TLS handshake (ALPN, RFC 7301). */
export const ALPN_PROTOCOL = 'mcp'

/** TLS settings of one end, after their checks. */
export interface TlsEnd {
  /** The current material, checked. Throws `INVALID_OPTION` when a source returns invalid material. */
  readonly current: () => SecureContextOptions
  readonly source: TlsSource | undefined
  readonly minVersion: TlsVersion
}

/** TLS settings of a server, after their checks. */
export interface TlsServerEnd extends TlsEnd {
  readonly clientCertificates: 'none' | 'optional' | 'required'
  readonly handshakeTimeoutMs: number
}

/**
 * Reads and checks the TLS options of a client.
 *
 * @throws TransportError `INVALID_OPTION` with the option and the file
 * @example
 * ```ts
 * const tls = loadTlsEnd({ caFile: 'ca.pem' })
 * connect({ host, port, ...tls.current(), minVersion: tls.minVersion })
 * ```
 */
export function loadTlsEnd(given: TlsClientOptions): TlsEnd {
  return endOf(tlsClientOptions.read(given, 'tls'))
}

type EndSettings = OptionSettings<TlsEndOptions, OptionalTlsOption>

function endOf(options: EndSettings): TlsEnd {
  const { minVersion, source } = options
  if (source === undefined) {
    const fixed = checkedMaterial(options)
    return { current: () => fixed, source, minVersion }
  }
  if (typeof source?.current !== 'function' || typeof source.onChange !== 'function')
    rejectOption('tls.source', 'a TlsSource')
  const [part] = givenParts(options)
  if (part !== undefined) rejectOption(`tls.${part}`, 'left out when option "tls.source" is given')
  const current = (): SecureContextOptions => checkedMaterial(materialOf(source))
  current()
  return { current, source, minVersion }
}

function materialOf(source: TlsSource): TlsMaterial {
  let material: TlsMaterial
  try {
    material = source.current()
  } catch (cause) {
    return rejectOption('tls.source', 'a TlsSource whose current() does not throw', cause)
  }
  if (typeof material !== 'object' || material === null)
    rejectOption('tls.source', 'a TlsSource whose current() returns material')
  return material
}

/**
 * Reads and checks the TLS options of a server, which needs a certificate.
 *
 * @throws TransportError `INVALID_OPTION` with the option and the file
 * @example
 * ```ts
 * const tls = loadTlsServer({ certFile: 'server.pem', keyFile: 'server.key' })
 * const server = createServer({ ...tls.current(), minVersion: tls.minVersion })
 * ```
 */
export function loadTlsServer(given: TlsServerOptions): TlsServerEnd {
  const settings = tlsServerOptions.read(given, 'tls')
  const end = endOf(settings)
  const { clientCertificates = end.current().ca ? 'required' : 'none', handshakeTimeoutMs } = settings
  const current = (): SecureContextOptions => {
    const material = end.current()
    if (!material.cert)
      rejectOption('tls.cert', 'given, or option "tls.certFile": a server needs a certificate')
    // Without authorities of its own, Node would accept client certificates from any public authority.
    if (clientCertificates !== 'none' && !material.ca)
      rejectOption('tls.ca', 'given, or option "tls.caFile", to verify client certificates')
    return material
  }
  current()
  return { ...end, current, clientCertificates, handshakeTimeoutMs }
}
