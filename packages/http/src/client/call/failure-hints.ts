const NO_WAY = 'is that host right, or behind a proxy (options url, proxy)?'
const NO_TLS = 'is the option url to start with http://?'
const TLS = 'is the option url to start with https://?'

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

/** What whoever reads of the failure may look at, where anything is known. `address` is what was to be reached. */
export function hintAt(failure: unknown, address: string, depth: number = MAX_CAUSES): string | undefined {
  if (!(failure instanceof Error) || depth === 0) return undefined
  const { code, cause } = failure as Error & { readonly code?: unknown }
  if (typeof code === 'string' && Object.hasOwn(HINTS, code)) return HINTS[code]
  if (address.startsWith('http:') && isOfTls(failure)) return TLS
  return hintAt(cause, address, depth - 1)
}

/** A server of TLS answers HTTP with an alert, or hangs up without a word; so undici tells it. */
function isOfTls({
  data,
  socket,
}: { data?: unknown; socket?: { readonly bytesRead?: unknown } } & Error): boolean {
  return socket?.bytesRead === 0 || (typeof data === 'string' && data.startsWith('\x15\x03'))
}
