import type { SecureContextOptions } from 'node:tls'
import {
  defaultsOf,
  integer,
  type OptionDefaults,
  type OptionTable,
  oneOf,
  optional,
  options,
  rejectOption,
} from '../authoring.js'
import type { TlsEndOptions } from '../index.js'
import { type OptionalTlsOption, type TlsEnd, tlsEndOf, tlsEndRules } from './tls-options.js'

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

/** The option `tls` of a server. */
export const tlsServerOptions: OptionTable<TlsServerOptions, OptionalTlsOption | 'clientCertificates'> =
  options<TlsServerOptions, OptionalTlsOption | 'clientCertificates'>({
    ...tlsEndRules,
    clientCertificates: optional(oneOf(['none', 'optional', 'required'])),
    handshakeTimeoutMs: integer(1, 2 ** 31 - 1, 10_000),
  })

/** Defaults of the server side of TLS. */
export const tlsServerDefaults: OptionDefaults<TlsServerOptions, OptionalTlsOption | 'clientCertificates'> =
  /* @__PURE__ */ defaultsOf(tlsServerOptions)

/** TLS settings of a server, after their checks. */
export interface TlsServerEnd extends TlsEnd {
  readonly clientCertificates: 'none' | 'optional' | 'required'
  readonly handshakeTimeoutMs: number
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
  const end = tlsEndOf(settings)
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
