import { isTransportError, type TransportErrorCode } from '../contract/errors.js'
import type { JsonRpcErrorResponse, RequestId } from '../contract/message.js'
import { OVERLOADED_CODE, REFUSED_CODE } from '../contract/protocol.js'

/** The JSON-RPC errors of these packages by code. They are outside the range that JSON-RPC reserves. */
const RESPONSES: ReadonlyMap<string, readonly [code: number, message: string]> = new Map([
  ['REQUEST_TIMEOUT', [-31_001, 'request timeout']],
  ['OVERLOADED', [OVERLOADED_CODE, 'overloaded']],
  ['CIRCUIT_OPEN', [-31_005, 'circuit open']],
  ['OUTCOME_UNKNOWN', [-31_006, 'outcome unknown']],
  ['REFUSED', [REFUSED_CODE, 'refused']],
  ['AUTH_REQUIRED', [REFUSED_CODE, 'refused']],
] satisfies [TransportErrorCode, [number, string]][])
const UPSTREAM_LOST = [-31_002, 'upstream lost'] as const

/** Facts for an error response beside the error. */
export interface ErrorResponseFacts {
  /** An explanation for a client of one's own. It may contain internal addresses. */
  readonly text?: string | undefined
  /** Whether the request certainly was not sent. Without it, the `delivery` in the details of the error. */
  readonly delivery?: 'none' | 'unknown' | undefined
}

/**
 * The response to a request that failed before its peer could respond. Its `data` has the `code` of the error and of its
 * cause, `delivery` and `retryAfterMs`. It has no texts but `facts.text`, because these may contain internal addresses.
 */
export function toErrorResponse(
  id: RequestId,
  error: unknown,
  { text, delivery }: ErrorResponseFacts = {},
): JsonRpcErrorResponse {
  const [code, message] = (isTransportError(error) && RESPONSES.get(error.code)) || UPSTREAM_LOST
  // The reason of the end is more specific than `CLOSED`.
  const failure = isTransportError(error, 'CLOSED') && isTransportError(error.cause) ? error.cause : error
  const cause = codeOf(isTransportError(failure) ? failure.cause : failure)
  const data = {
    code: isTransportError(failure) ? failure.code : 'CLOSED',
    ...factsOf(failure),
    ...(delivery !== undefined && { delivery }),
    ...(cause !== undefined && { cause }),
  }
  return { jsonrpc: '2.0', id, error: { code, message: text ? `${message}: ${text}` : message, data } }
}

/** The members of the details that are for the sender of the request. */
function factsOf(error: unknown): { delivery?: string; retryAfterMs?: number } {
  const details: unknown = isTransportError(error) ? error.details : undefined
  const { delivery, retryAfterMs } = (details ?? {}) as { delivery?: string; retryAfterMs?: number }
  return {
    ...(delivery !== undefined && { delivery }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

/** The code of a `TransportError`, or of a platform error such as `ECONNRESET`. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** The codes of errors about the peer's own messages or admission. */
const ABOUT_PEER: readonly TransportErrorCode[] = [
  'AUTH_REQUIRED',
  'MALFORMED_MESSAGE',
  'MESSAGE_TOO_LARGE',
  'REFUSED',
]

/** An address starts with its scheme: `tcp://`, `unix:/`, `stdio:`. */
const ADDRESS = /[a-z]:\S/i

/**
 * The text of the reason, where the peer at that address may read it. Other texts may contain internal facts. A text with
 * another address is about an upstream behind `pipe`.
 */
export function textForPeer(reason: Error | undefined, address: string): string | undefined {
  if (!isTransportError(reason) || !ABOUT_PEER.includes(reason.code)) return undefined
  return ADDRESS.test(reason.message.replaceAll(address, '')) ? undefined : reason.message
}
