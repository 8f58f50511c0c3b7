/** Codes of failures that keep a request from a server: no address, no connection, no agreement on TLS. */
const BEFORE_SENDING =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_[A-Z]+|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|ENOENT|UND_ERR_CONNECT_TIMEOUT|CERT_[A-Z_]+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_[A-Z_]+|ERR_TLS_CERT_ALTNAME_INVALID|INVALID_PURPOSE|HOSTNAME_MISMATCH|ERR_SSL_[A-Z0-9_]*ALERT_[A-Z_]*CERTIFICATE[A-Z_]*|ERR_SSL_[A-Z0-9_]*ALERT_UNKNOWN_CA|ERR_SSL_WRONG_VERSION_NUMBER)$/

/** How deep an error is looked into. */
const MAX_CAUSES = 8

/** Whether a failure of which only an error is known can have left anything at the server. */
export function deliveryOf(cause: unknown): 'none' | 'unknown' {
  let error = cause
  for (let depth = 0; depth < MAX_CAUSES && typeof error === 'object' && error !== null; depth++) {
    const { code, cause: deeper } = error as { code?: unknown; cause?: unknown }
    if (typeof code === 'string' && BEFORE_SENDING.test(code)) return 'none'
    error = deeper
  }
  return 'unknown'
}
