import { defaultsOf, type OptionDefaults, type OptionTable, optional, options, text } from '../authoring.js'
import type { TlsClientOptions } from '../index.js'
import { type OptionalTlsOption, type TlsEnd, tlsEndOf, tlsEndRules } from './tls-options.js'

/** The option `tls` of a client. */
export const tlsClientOptions: OptionTable<TlsClientOptions, OptionalTlsOption | 'serverName'> = options<
  TlsClientOptions,
  OptionalTlsOption | 'serverName'
>({ ...tlsEndRules, serverName: optional(text()) })

/** Defaults of the client side of TLS. */
export const tlsClientDefaults: OptionDefaults<TlsClientOptions, OptionalTlsOption | 'serverName'> =
  /* @__PURE__ */ defaultsOf(tlsClientOptions)

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
  return tlsEndOf(tlsClientOptions.read(given, 'tls'))
}
