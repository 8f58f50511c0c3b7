const NO_WAY = 'is that host right, or behind a proxy (options url, proxy)?'
const NO_TLS = 'is the option url to start with http://?'

/** How deep an error is looked into. */
const MAX_CAUSES = 8

/** What to look at, by the code of what kept a request from its server. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is it running, and the port right (options url, proxy)?',
  EAI_AGAIN: NO_WAY,
  ENOTFOUND: NO_WAY,
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
}

/** What whoever reads of the failure may look at, where anything is known. */
export function hintAt(failure: unknown, depth: number = MAX_CAUSES): string | undefined {
  if (!(failure instanceof Error) || depth === 0) return undefined
  const { code, cause } = failure as Error & { readonly code?: unknown }
  return typeof code === 'string' && Object.hasOwn(HINTS, code) ? HINTS[code] : hintAt(cause, depth - 1)
}
