import { ENDED_CODE } from '../error-codes.js'
import type { JsonRpcErrorResponse } from '../index.js'
import { isTransportError, TransportError } from '../index.js'
import { printable } from '../refusal.js'

/**
 * What is said over a stream of bytes before it is ended for that reason, as a line; nothing where the end is orderly:
 * an error response without an id, with code −31008 and the reason as its data. Peers that do not know it take it for
 * an answer to nothing.
 */
export function farewell(reason: Error): string | undefined {
  if (isTransportError(reason, 'CLOSED')) return undefined
  return `${JSON.stringify({ jsonrpc: '2.0', error: { code: ENDED_CODE, ...wordsFor(reason) } })}\n`
}

function wordsFor(reason: Error): { readonly message: string; readonly data: object } {
  // Of errors of others, and of callbacks, nobody knows what their texts give away.
  if (!isTransportError(reason) || reason.code === 'CALLBACK_FAILED')
    return { message: 'internal error', data: { code: 'PEER_LOST' } }
  const { message, code } = reason
  const isTold = code === 'MESSAGE_TOO_LARGE' || code === 'REFUSED' || code === 'AUTH_REQUIRED'
  return { message, data: { code, ...(isTold && reason.details) } }
}

/** The error that a line of `farewell` stands for, or nothing where it is any other message. */
export function farewellIn({ error }: JsonRpcErrorResponse, address: string): Error | undefined {
  if (error.code !== ENDED_CODE) return undefined
  const message = `${address} ended the conversation: ${printable(error.message)}`
  const data = (error.data ?? {}) as Record<string, unknown>
  const status = numberIn(data['status'], 403)
  switch (data['code']) {
    case 'MESSAGE_TOO_LARGE': {
      const bytes = numberIn(data['bytes'])
      const maxMessageBytes = numberIn(data['maxMessageBytes'])
      return new TransportError('MESSAGE_TOO_LARGE', message, { bytes, maxMessageBytes })
    }
    case 'MALFORMED_MESSAGE':
      return new TransportError('MALFORMED_MESSAGE', message, { preview: '' })
    case 'REFUSED':
      return new TransportError('REFUSED', message, { status })
    case 'AUTH_REQUIRED':
      return new TransportError('AUTH_REQUIRED', message, { status })
    default:
      return new TransportError('PEER_LOST', message, { address })
  }
}

/** Only the peer knows its figures. */
function numberIn(value: unknown, otherwise: number = Number.NaN): number {
  return typeof value === 'number' ? value : otherwise
}
