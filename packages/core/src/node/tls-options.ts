import type { SecureContextOptions } from 'node:tls'
import {
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

type MaterialOption = 'cert' | 'certFile' | 'key' | 'keyFile' | 'passphrase' | 'ca' | 'caFile'
type OptionalTlsOption = MaterialOption | 'source'

/** For parts of the material: `checkedMaterial` checks them together, and shows none of them. */
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

/** What the client side of TLS uses for options that are not given. */
export const tlsClientDefaults: OptionDefaults<TlsClientOptions, OptionalTlsOption | 'serverName'> =
  tlsClientOptions.defaults

/** What the server side of TLS uses for options that are not given. */
export const tlsServerDefaults: OptionDefaults<TlsServerOptions, OptionalTlsOption | 'clientCertificates'> =
  tlsServerOptions.defaults

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
 * Reads and checks the TLS options of a client, with defaults of its own where it has some.
 *
 * @throws TransportError `INVALID_OPTION` naming the option, and the file where there is one
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
export function loadTlsServer(given: TlsServerOptions): TlsServerEnd {
  const settings = tlsServerOptions.read(given, 'tls')
  const end = endOf(settings)
  const { clientCertificates = end.current().ca ? 'required' : 'none', handshakeTimeoutMs } = settings
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
