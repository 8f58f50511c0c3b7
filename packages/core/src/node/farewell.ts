import { ENDED_CODE } from '../error-codes.js'
import type { JsonRpcErrorResponse } from '../index.js'
import { isTransportError, TransportError } from '../index.js'
import { printable } from '../refusal.js'

/**
 * What is said over a stream of bytes before it is ended for what the peer did: an error response without an id, with
 * code −31008 and the reason as its data. Peers that do not know it take it for an answer to nothing.
 */
export function farewellMessage(reason: Error): JsonRpcErrorResponse {
  const code = isTransportError(reason) ? reason.code : 'PEER_LOST'
  const figures = isTransportError(reason, 'MESSAGE_TOO_LARGE') ? reason.details : {}
  return { jsonrpc: '2.0', error: { code: ENDED_CODE, message: reason.message, data: { code, ...figures } } }
}

/** The error that a message from `farewellMessage` stands for, or nothing where it is any other. */
export function farewellIn({ error }: JsonRpcErrorResponse, address: string): Error | undefined {
  if (error.code !== ENDED_CODE) return undefined
  const message = `${address} ended the conversation: ${printable(error.message)}`
  const { code, bytes, maxMessageBytes } = (error.data ?? {}) as Record<string, unknown>
  if (code === 'MALFORMED_MESSAGE') return new TransportError(code, message, { preview: '' })
  if (code !== 'MESSAGE_TOO_LARGE') return new TransportError('PEER_LOST', message, { address })
  // Only the peer knows the figures.
  return new TransportError(code, message, {
    bytes: numberIn(bytes),
    maxMessageBytes: numberIn(maxMessageBytes),
  })
}

function numberIn(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN
}
