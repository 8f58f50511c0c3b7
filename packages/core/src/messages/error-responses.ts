import { isTransportError, type TransportErrorCode } from '../contract/errors.js'
import type { JsonRpcErrorResponse, RequestId } from '../contract/message.js'
import { OVERLOADED_CODE, REFUSED_CODE } from '../contract/protocol.js'

/** The JSON-RPC errors we originate where the other end cannot answer; outside the range JSON-RPC reserves. */
const ANSWERS: Partial<Record<TransportErrorCode, readonly [code: number, message: string]>> = {
  REQUEST_TIMEOUT: [-31_001, 'request timeout'],
  OVERLOADED: [OVERLOADED_CODE, 'overloaded'],
  CIRCUIT_OPEN: [-31_005, 'circuit open'],
  OUTCOME_UNKNOWN: [-31_006, 'outcome unknown'],
  REFUSED: [REFUSED_CODE, 'refused'],
  AUTH_REQUIRED: [REFUSED_CODE, 'refused'],
}
const UPSTREAM_LOST = [-31_002, 'upstream lost'] as const

/**
 * The response to a request that failed on the way: for whoever answers in place of a peer that cannot. Its `data`
 * has the `code` of the error, of its cause where there is one, and `retryAfterMs`, but no text: those may name
 * addresses that are none of the caller's business.
 */
export function toErrorResponse(id: RequestId, error: unknown): JsonRpcErrorResponse {
  const [code, message] = (isTransportError(error) && ANSWERS[error.code]) || UPSTREAM_LOST
  // That the transport is closed says less than why it is.
  const told = isTransportError(error, 'CLOSED') && isTransportError(error.cause) ? error.cause : error
  const cause = codeOf(isTransportError(told) ? told.cause : told)
  const data = {
    code: isTransportError(told) ? told.code : 'CLOSED',
    ...retryAfterOf(told),
    ...(cause !== undefined && { cause }),
  }
  return { jsonrpc: '2.0', id, error: { code, message, data } }
}

function retryAfterOf(error: unknown): { retryAfterMs?: number } {
  const details = isTransportError(error) ? error.details : undefined
  const retryAfterMs = details && 'retryAfterMs' in details ? details.retryAfterMs : undefined
  return retryAfterMs === undefined ? {} : { retryAfterMs }
}

/** Ours, or one of the platform such as `ECONNRESET`. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Errors about what the peer did itself, or about what was decided about it. */
const ABOUT_PEER: readonly TransportErrorCode[] = [
  'AUTH_REQUIRED',
  'MALFORMED_MESSAGE',
  'MESSAGE_TOO_LARGE',
  'REFUSED',
]

/** An address, each of which starts with its scheme: `tcp://`, `unix:/`, `stdio:`. */
const ADDRESS = /[a-z]:\S/i

/**
 * What the peer at that address may read of why its conversation ends, if anything: nobody knows what other texts give
 * away. One that names another address is about an upstream that `pipe` leads to.
 */
export function textForPeer(reason: Error | undefined, address: string): string | undefined {
  if (!isTransportError(reason) || !ABOUT_PEER.includes(reason.code)) return undefined
  return ADDRESS.test(reason.message.replaceAll(address, '')) ? undefined : reason.message
}
