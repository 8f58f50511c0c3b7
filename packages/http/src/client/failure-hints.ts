/** What to look at, by the code of what kept a request from its server. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; is it running, and the port right (option url, or proxy)?',
  EAI_AGAIN: 'its name could not be looked up (option url, or proxy)',
  ENOTFOUND: 'there is no such host (option url, or proxy)',
  EHOSTUNREACH: 'there is no way to that host (option url, or proxy)',
  ENETUNREACH: 'there is no way to that host (option url, or proxy)',
  ERR_SSL_WRONG_VERSION_NUMBER: 'is the option url to start with http://?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'is the option url to start with http://?',
}

/** How deep an error is looked into. */
const MAX_CAUSES = 8

/** What whoever reads of the failure may look at, where anything is known. */
export function hintAt(failure: unknown): string | undefined {
  let error = failure
  for (let depth = 0; depth < MAX_CAUSES && typeof error === 'object' && error !== null; depth++) {
    const { code, cause } = error as { code?: unknown; cause?: unknown }
    if (typeof code === 'string' && Object.hasOwn(HINTS, code)) return HINTS[code]
    error = cause
  }
  return undefined
}
