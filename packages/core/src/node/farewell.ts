import { ENDED_CODE } from '../error-codes.js'
import type { JsonRpcErrorResponse } from '../index.js'
import { isTransportError, TransportError } from '../index.js'
import { printable } from '../refusal.js'

/** What ends a conversation for what the peer did. Texts of other errors are none of its business. */
const FAULTS: readonly unknown[] = ['MESSAGE_TOO_LARGE', 'MALFORMED_MESSAGE', 'REFUSED', 'AUTH_REQUIRED']

/**
 * What is said over a stream of bytes before it is ended for that reason, as a line; nothing where the end is orderly:
 * an error response without an id, with code −31008 and the reason as its data. Peers that do not know it take it for
 * an answer to nothing.
 */
export function farewell(reason: Error): string | undefined {
  if (isTransportError(reason, 'CLOSED')) return undefined
  const error =
    isTransportError(reason) && FAULTS.includes(reason.code)
      ? { message: reason.message, data: { code: reason.code, ...reason.details } }
      : { message: 'internal error' }
  return `${JSON.stringify({ jsonrpc: '2.0', error: { code: ENDED_CODE, ...error } })}\n`
}

/** The error that a line of `farewell` stands for, or nothing where it is any other message. */
export function farewellIn({ error }: JsonRpcErrorResponse, address: string): Error | undefined {
  if (error.code !== ENDED_CODE) return undefined
  const message = `${address} ended the conversation: ${printable(error.message)}`
  const data = (error.data ?? {}) as Record<string, unknown>
  // Only the peer knows its figures.
  const figure = (name: string, otherwise: number): number => {
    const value = data[name]
    return typeof value === 'number' ? value : otherwise
  }
  const { code } = data
  if (code === 'REFUSED' || code === 'AUTH_REQUIRED')
    return new TransportError(code, message, { status: figure('status', 403) })
  if (code === 'MALFORMED_MESSAGE') return new TransportError(code, message, { preview: '' })
  if (code !== 'MESSAGE_TOO_LARGE') return new TransportError('PEER_LOST', message, { address })
  const maxMessageBytes = figure('maxMessageBytes', Number.NaN)
  return new TransportError(code, message, { bytes: figure('bytes', Number.NaN), maxMessageBytes })
}
