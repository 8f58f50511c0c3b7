import { toError } from '@mcpwire/core/authoring'

/** Codes of failures before a request can reach the server: DNS, TCP, or the TLS handshake. */
const BEFORE_SERVER: readonly RegExp[] = [
  /^(?:ENOTFOUND|EAI_[A-Z]+|CONNECT_TIMEOUT)$/,
  /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/,
  /^(?:CERT_|UNABLE_TO_(?:GET|VERIFY)_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|INVALID_PURPOSE$)/,
  /^ERR_(?:TLS_CERT_ALTNAME_INVALID|SSL_WRONG_VERSION_NUMBER)$/,
  // The server ended the handshake over the certificate of this client.
  /^ERR_SSL_.*ALERT_(?:.*CERTIFICATE|UNKNOWN_CA)/,
]

/** How many nested causes of an error are inspected. */
const MAX_CAUSES = 8

/** System calls on an open connection: with these, a code such as `EHOSTUNREACH` comes from a later failure of the network. */
const ON_CONNECTION = /^(?:read|write)v?$/

/** Whether the server may have received part of a request that failed with this error. */
export function deliveryOf(cause: unknown): 'none' | 'unknown' {
  const causes = causesOf(cause)
  const isBeforeServer = causes.some(({ code }) => BEFORE_SERVER.some((each) => each.test(String(code))))
  const isAfterOpening = causes.some(({ syscall }) => ON_CONNECTION.test(String(syscall)))
  return isBeforeServer && !isAfterOpening ? 'none' : 'unknown'
}

/** An error, which may be of another realm. */
type Failure = Partial<Error> & { readonly code?: unknown; readonly syscall?: unknown }

/** The error and its nested causes, outermost first. */
export function causesOf(failure: unknown): Failure[] {
  const causes: Failure[] = []
  for (let error = failure; causes.length < MAX_CAUSES && typeof error === 'object' && error !== null; ) {
    causes.push(error)
    error = (error as Failure).cause
  }
  return causes
}

/** The error behind the failure of a `fetch`: several platforms wrap it in "fetch failed". */
export function unwrapFetchError(failure: unknown): Error {
  const error = toError(failure)
  return error instanceof TypeError && error.cause instanceof Error ? error.cause : error
}

/** The failure of a `fetch` as an error with a useful text: `meaning` where it is given. */
export function describeFetchError(failure: unknown, meaning?: string | undefined): Error {
  const reason = unwrapFetchError(failure)
  if (meaning === undefined && reason === failure && reason.message !== '') return reason
  // An error for several addresses of one name has a code and no text.
  const { code = reason.name, message } = reason as { code?: string; message: string }
  return new Error(meaning ?? (message === '' ? code : message), { cause: failure })
}
