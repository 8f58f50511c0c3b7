import { isTransportError, type TransportErrorCode } from '../contract/errors.js'
import type { JsonRpcErrorResponse, JsonRpcResponse, RequestId } from '../contract/message.js'
import {
  INTERNAL_ERROR_CODE,
  INVALID_REQUEST_CODE,
  OVERLOADED_CODE,
  REFUSED_CODE,
} from '../contract/protocol.js'
import { dataOfTransportError, errorDataOf, failureOf, type JsonRpcErrorData } from './json-rpc-error.js'

/** The JSON-RPC errors of these packages by code. They are outside the range that JSON-RPC reserves. */
const RESPONSES: ReadonlyMap<string, readonly [code: number, message: string]> = new Map([
  ['REQUEST_TIMEOUT', [-31_001, 'request timeout']],
  ['OVERLOADED', [OVERLOADED_CODE, 'overloaded']],
  ['CIRCUIT_OPEN', [-31_005, 'circuit open']],
  ['OUTCOME_UNKNOWN', [-31_006, 'outcome unknown']],
  ['REFUSED', [REFUSED_CODE, 'refused']],
  ['AUTH_REQUIRED', [REFUSED_CODE, 'refused']],
  ['MALFORMED_MESSAGE', [-31_009, 'malformed response']],
  ['MESSAGE_TOO_LARGE', [-31_010, 'message too large']],
] satisfies [TransportErrorCode, [number, string]][])
/** A request that cannot be forwarded, as its message has no JSON text. It has not run. */
const REQUEST_WITHOUT_JSON = [INVALID_REQUEST_CODE, 'the message is nested too deeply'] as const
/** A response that cannot be forwarded. The request has run. */
const RESPONSE_WITHOUT_JSON = [INTERNAL_ERROR_CODE, 'the response is nested too deeply'] as const
const UPSTREAM_LOST = [-31_002, 'upstream lost'] as const

/**
 * The response to a request that failed before its peer could respond, for a caller on the network. It has no texts,
 * because these may contain internal addresses. Its `data` is a `JsonRpcErrorData` without `hint`.
 */
export function toErrorResponse(
  id: RequestId,
  error: unknown,
  known?: Partial<JsonRpcErrorData>,
): JsonRpcErrorResponse {
  const [code, message] = responseOf(error, known)
  const { hint: _hint, ...data } = dataOf(error)
  return { jsonrpc: '2.0', id, error: { code, message, data: { ...data, ...known } } }
}

/**
 * The same for the own client: its text is the whole reason, with addresses and the hint. Not for callers of a listener.
 *
 * @param text the reason in other words, such as those of a command line
 */
export function toOwnErrorResponse(
  id: RequestId,
  error: unknown,
  known?: Partial<JsonRpcErrorData>,
  text?: string,
): JsonRpcErrorResponse {
  const [code, what] = responseOf(error, known)
  const failure = failureOf(error)
  const reason = text ?? (failure instanceof Error ? failure.message : '')
  const message = reason === '' ? what : reason.startsWith(what) ? reason : `${what}: ${reason}`
  return { jsonrpc: '2.0', id, error: { code, message, data: { ...dataOf(error), ...known } } }
}

function responseOf(
  error: unknown,
  known: Partial<JsonRpcErrorData> | undefined,
): readonly [code: number, message: string] {
  if (isTransportError(error, 'SEND_FAILED') && error.details.isSerializable === false)
    return known?.delivery === 'unknown' ? RESPONSE_WITHOUT_JSON : REQUEST_WITHOUT_JSON
  return (isTransportError(error) && RESPONSES.get(error.code)) || UPSTREAM_LOST
}

function dataOf(error: unknown): JsonRpcErrorData {
  if (isTransportError(error)) return dataOfTransportError(error)
  const cause = error instanceof Error && 'code' in error ? error.code : undefined
  return { code: 'CLOSED', ...(typeof cause === 'string' && { cause }) }
}

/**
 * The response as a caller on the network may receive it. An error with a code of these packages may have the text of
 * `toOwnErrorResponse`, from a client behind `pipe`: it loses the text and the hint.
 */
export function concealed(response: JsonRpcResponse): JsonRpcResponse {
  if (!('error' in response)) return response
  const { code } = response.error
  const known = OWN_TEXTS.get(code)
  if (known === undefined) return response
  const { hint: _hint, ...data } = errorDataOf(response.error) ?? {}
  return { ...response, error: { code, message: known, data } }
}

/** The response to a request whose callback failed before it was answered. It may have run. Without the error: it is ours. */
export function callbackFailedResponse(id: RequestId): JsonRpcErrorResponse {
  const data: JsonRpcErrorData = { code: 'CALLBACK_FAILED', delivery: 'unknown' }
  return { jsonrpc: '2.0', id, error: { code: INTERNAL_ERROR_CODE, message: 'Internal error', data } }
}

/** The response to a request whose id is that of a pending one. It was not run. */
export function idInUse(id: RequestId): JsonRpcErrorResponse {
  const data: JsonRpcErrorData = { code: 'MALFORMED_MESSAGE', delivery: 'none' }
  return { jsonrpc: '2.0', id, error: { code: INVALID_REQUEST_CODE, message: 'the id is in use', data } }
}

const OWN_TEXTS: ReadonlyMap<number, string> = /* @__PURE__ */ new Map([UPSTREAM_LOST, ...RESPONSES.values()])

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
