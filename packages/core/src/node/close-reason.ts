import { ENDED_CODE } from '../contract/protocol.js'
import { isTransportError, type JsonRpcErrorResponse, TransportError } from '../index.js'
import { printable } from '../listener/refusal.js'
import { textForPeer } from '../messages/error-responses.js'

/**
 * What is said to the peer over a stream of bytes before it is ended for that reason, as a line; nothing where the end
 * is orderly: an error response without an id, with code −31008 and the reason as its data. Peers that do not know it
 * take it for an answer to nothing.
 */
export function encodeCloseReason(reason: Error, address: string): string | undefined {
  if (isTransportError(reason, 'CLOSED')) return undefined
  const message = textForPeer(reason, address)
  const error =
    message === undefined
      ? { message: 'internal error' }
      : { message, data: dataOf(reason as TransportError) }
  return `${JSON.stringify({ jsonrpc: '2.0', error: { code: ENDED_CODE, ...error } })}\n`
}

/** Only figures: other details may be somebody else's words. */
function dataOf({ code, details }: TransportError): object {
  const { status, bytes, maxMessageBytes } = (details ?? {}) as Readonly<
    Partial<Record<'status' | 'bytes' | 'maxMessageBytes', unknown>>
  >
  return { code, status, bytes, maxMessageBytes }
}

/** The error that a line of `farewell` stands for, or nothing where it is any other message. */
export function decodeCloseReason({ error }: JsonRpcErrorResponse, address: string): Error | undefined {
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
  const maxMessageBytes = figure('maxMessageBytes', 0)
  return new TransportError(code, message, { bytes: figure('bytes', 0), maxMessageBytes })
}
