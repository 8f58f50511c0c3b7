import type { TLSSocket } from 'node:tls'
import type { TlsFacts } from '../index.js'
import type { ErrorDescription } from './system-errors.js'

const OTHER_AUTHORITY =
  'its certificate comes from an unknown authority: if you trust it, add the certificate of the authority to option "tls.ca"'
const NO_TLS = 'it does not speak TLS'
const NO_ALPN = 'it does not support the protocol "mcp" (ALPN)'
const CERTIFICATE_REJECTED = 'it does not accept the certificate of this end'

/** The reason for each code of Node and OpenSSL. An option in the text is the one to change. */
const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    CERT_HAS_EXPIRED: 'its certificate has expired',
    CERT_NOT_YET_VALID: 'its certificate is not valid yet',
    CERT_REVOKED: 'its certificate was revoked',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed: if you trust it, add it to option "tls.ca"',
    ERR_SSL_NO_APPLICATION_PROTOCOL: NO_ALPN,
    ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'it shares no TLS version or cipher with this end',
    ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: NO_ALPN,
    ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION:
      'it does not accept the TLS versions of this end: see option "tls.minVersion"',
    ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the authority of the certificate of this end',
    ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it requires a certificate of this end in option "tls.cert"',
    ERR_SSL_UNSUPPORTED_PROTOCOL: 'it supports only TLS versions older than option "tls.minVersion"',
    ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
    ERR_SSL_HTTP_REQUEST: 'it does not speak TLS, but HTTP',
    ERR_SSL_NO_SHARED_CIPHER: 'it shares no cipher with this end',
    ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
    ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'it reports that the certificate of this end has expired',
    ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: CERTIFICATE_REJECTED,
    ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: CERTIFICATE_REJECTED,
    ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names than option "tls.serverName"',
    ERR_TLS_HANDSHAKE_TIMEOUT: 'its TLS handshake timed out',
    INVALID_PURPOSE: 'its certificate is for another purpose (extended key usage)',
    SELF_SIGNED_CERT_IN_CHAIN: OTHER_AUTHORITY,
    UNABLE_TO_GET_ISSUER_CERT: OTHER_AUTHORITY,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OTHER_AUTHORITY,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: OTHER_AUTHORITY,
  }),
)

/**
 * Why TLS failed, where "it" is the peer. Nothing for a cause without a known code.
 *
 * @param cause an error, or its code
 */
export function describeTlsError(cause: unknown): ErrorDescription | undefined {
  const code = typeof cause === 'string' ? cause : tlsCodeOf(cause as NodeJS.ErrnoException | null)
  // OpenSSL 3.2 renamed its alerts.
  const reason = REASONS.get(String(code).replace('SSL/TLS_ALERT', 'SSLV3_ALERT'))
  const option = reason && /option "(.+)"/.exec(reason)?.[1]
  return reason ? { reason, ...(option && { option }) } : undefined
}

/** Where writing fails, Node has the text of OpenSSL in the message and no code for it. */
function tlsCodeOf(cause: NodeJS.ErrnoException | null): unknown {
  const text = cause?.code === 'EPROTO' ? /:SSL routines:[^:]*:([^:]+):/.exec(cause.message)?.[1] : undefined
  return text === undefined ? cause?.code : `ERR_SSL_${text.toUpperCase().replaceAll(' ', '_')}`
}

/** The facts that TLS established about the peer of a socket whose handshake is done. */
export function tlsFactsOf(socket: TLSSocket): TlsFacts {
  const certificate = socket.getPeerX509Certificate()
  const facts = {
    protocol: socket.getProtocol() ?? 'unknown',
    // Undefined once the socket is destroyed, in spite of its type.
    cipher: socket.getCipher()?.name ?? 'unknown',
    authorized: socket.authorized,
  }
  if (!certificate) return Object.freeze(facts)
  return Object.freeze({
    ...facts,
    ...subjectOf(certificate),
    ...(certificate.subjectAltName !== undefined && { altNames: namesIn(certificate.subjectAltName) }),
    fingerprint256: certificate.fingerprint256,
  })
}

/** A certificate with alternative names only has no subject (RFC 5280, section 4.1.2.6), in spite of Node's type. */
function subjectOf({ subject }: { readonly subject?: string | undefined }): { readonly subject?: string } {
  return subject === undefined || subject === '' ? {} : { subject: subject.split('\n').join(', ') }
}

/** Splits `DNS:a, IP Address:127.0.0.1, URI:"with, comma"` into names. */
function namesIn(subjectAltName: string): readonly string[] {
  const names = subjectAltName.match(/[^:,]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? []
  return Object.freeze(names.map((name) => name.trim()))
}
