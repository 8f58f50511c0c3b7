/** What the codes of Node and OpenSSL mean to somebody who configures an end of a connection. */
const meanings: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed, and not one of tls.ca',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'it does not speak the protocol "mcp" (ALPN)',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'it shares no TLS version or cipher with this end',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'it does not speak the protocol "mcp" (ALPN)',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it does not accept the TLS versions of this end (tls.minVersion)',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the authority of the certificate of this end',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it requires a certificate of this end (tls.cert)',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks only TLS versions older than tls.minVersion',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_HTTP_REQUEST: 'it does not speak TLS, but HTTP',
  ERR_SSL_NO_SHARED_CIPHER: 'it shares no cipher with this end',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'it says the certificate of this end has expired',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'it does not accept the certificate of this end',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not accept the certificate of this end',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names (tls.serverName)',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it took too long over the TLS handshake',
  INVALID_PURPOSE: 'its certificate is for another purpose (extended key usage)',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not one of tls.ca',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that is not one of tls.ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not one of tls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not one of tls.ca',
}

/** A sentence for what went wrong with TLS, or nothing where the cause is another or not known here. */
export function tlsMeaningOf(cause: unknown): string | undefined {
  const code = typeof cause === 'string' ? cause : codeIn(cause as NodeJS.ErrnoException | null)
  // OpenSSL 3.2 renamed its alerts.
  return typeof code === 'string' ? meanings[code.replace('SSL/TLS_ALERT', 'SSLV3_ALERT')] : undefined
}

/** Where writing is what fails, Node has OpenSSL's words in the message and no code for them. */
function codeIn(cause: NodeJS.ErrnoException | null): unknown {
  const said = cause?.code === 'EPROTO' ? /:SSL routines:[^:]*:([^:]+):/.exec(cause.message)?.[1] : undefined
  return said === undefined ? cause?.code : `ERR_SSL_${said.toUpperCase().replaceAll(' ', '_')}`
}
