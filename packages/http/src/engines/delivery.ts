/** Codes of failures that keep a request from a server: no address, no connection, no agreement on TLS. */
const KEPT_FROM_SERVER: readonly RegExp[] = [
  /^(?:ENOTFOUND|EAI_[A-Z]+|CONNECT_TIMEOUT)$/,
  /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/,
  /^(?:CERT_|UNABLE_TO_(?:GET|VERIFY)_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|INVALID_PURPOSE$)/,
  /^ERR_(?:TLS_CERT_ALTNAME_INVALID|SSL_WRONG_VERSION_NUMBER)$/,
  // The server ended the handshake over the certificate of this end.
  /^ERR_SSL_.*ALERT_(?:.*CERTIFICATE|UNKNOWN_CA)/,
]

/** How deep an error is looked into. */
const MAX_CAUSES = 8

/** Whether a failure of which only an error is known can have left anything at the server. */
export function deliveryOf(cause: unknown): 'none' | 'unknown' {
  let error = cause
  for (let depth = 0; depth < MAX_CAUSES && typeof error === 'object' && error !== null; depth++) {
    const { code, cause: deeper } = error as { code?: unknown; cause?: unknown }
    if (typeof code === 'string' && KEPT_FROM_SERVER.some((pattern) => pattern.test(code))) return 'none'
    error = deeper
  }
  return 'unknown'
}
