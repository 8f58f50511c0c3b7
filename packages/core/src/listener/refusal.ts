import { TransportError } from '../contract/errors.js'
import type { Refusal } from '../contract/gate.js'
import type { JsonRpcErrorResponse, JsonRpcMessage, RequestId } from '../contract/message.js'
import { REFUSED_CODE } from '../contract/protocol.js'

/**
 * The refusal as a message, for media without statuses: an error response without an id, with code −31007 and the refusal
 * as its data.
 */
export function toRefusalMessage(refusal: Refusal): JsonRpcErrorResponse {
  const { status, reason, retryAfterMs, challenge } = refusal
  const data = {
    code: status === 401 ? 'AUTH_REQUIRED' : 'REFUSED',
    status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(challenge !== undefined && { challenge }),
  }
  return { jsonrpc: '2.0', error: { code: REFUSED_CODE, message: reason, data } }
}

/** The refusal as the response to one request. Its data is that of `toRefusalMessage`, and reports that the request did not run. */
export function toRefusalResponse(id: RequestId, refusal: Refusal): JsonRpcErrorResponse {
  const { error } = toRefusalMessage(refusal)
  return { jsonrpc: '2.0', id, error: { ...error, data: { ...(error.data as object), delivery: 'none' } } }
}

/** The refusal as the error of the client: `AUTH_REQUIRED` for 401, else `REFUSED`. */
export function refusalError(
  address: string,
  refusal: Omit<Refusal, 'admit' | 'status'> & { status: number },
): Error {
  const { status, reason, retryAfterMs, challenge } = refusal
  const message = `${address} refused the connection (${status}): ${reason}`
  if (status === 401) {
    return new TransportError('AUTH_REQUIRED', message, {
      status,
      ...(challenge !== undefined && { challenge }),
    })
  }
  return new TransportError('REFUSED', message, {
    status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

/** The error of a message from `toRefusalMessage`; `undefined` for other messages. */
export function parseRefusal(message: JsonRpcMessage, address: string): Error | undefined {
  if (!('error' in message) || message.id !== undefined || message.error.code !== REFUSED_CODE)
    return undefined
  const { status, retryAfterMs, challenge } = (message.error.data ?? {}) as Record<string, unknown>
  return refusalError(address, {
    status: typeof status === 'number' ? status : 403,
    reason: printable(message.error.message),
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
    ...(typeof challenge === 'string' && { challenge: printable(challenge) }),
  })
}

/** The longest remote text in an error, in characters. */
const MAX_CHARACTERS = 200

/** A remote text on one line, without control characters, cut to a limit: safe for terminals and logs. */
export function printable(text: string): string {
  const shown = text.slice(0, MAX_CHARACTERS).replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
  return text.length > MAX_CHARACTERS ? `${shown}…` : shown
}
