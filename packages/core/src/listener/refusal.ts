import { TransportError } from '../contract/errors.js'
import type { Refusal } from '../contract/gate.js'
import type { JsonRpcErrorResponse, JsonRpcMessage } from '../contract/message.js'
import { REFUSED_CODE } from '../contract/protocol.js'

/**
 * What a medium without statuses says to a caller before it hangs up: an error response without an id, with code
 * −31007 and the verdict as its data.
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

/** The refusal as the error a caller gets: `AUTH_REQUIRED` for 401, `REFUSED` for everything else. */
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

/** The error that a message from `toRefusalMessage` stands for, or nothing where it is any other message. */
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

/** The most of another's words that an error of ours repeats, in characters. */
const MAX_WORDS = 200

/** What another says, on one line and within bounds: it may be read in a terminal or a log. */
export function printable(words: string): string {
  const shown = words.slice(0, MAX_WORDS).replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
  return words.length > MAX_WORDS ? `${shown}…` : shown
}
