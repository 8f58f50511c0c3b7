import { printable, textForPeer } from '../authoring.js'
import { ENDED_CODE } from '../contract/protocol.js'
import type { JsonRpcErrorResponse } from '../index.js'
import { isTransportError, TransportError } from '../index.js'

/**
 * The line with the reason why this end closes a byte stream. Undefined for an orderly end. It is an error response
 * without an id, with code −31008 and the reason as its data; other implementations ignore it as an unmatched response.
 */
export function encodeCloseReason(reason: Error, address: string): string | undefined {
  if (isTransportError(reason, 'CLOSED')) return undefined
  // Without the numbers: they are about all connections of this side.
  const isOverloaded = isTransportError(reason, 'OVERLOADED')
  const text = isOverloaded ? OVERLOADED : textForPeer(reason, address)
  const data = text === undefined ? undefined : dataOf(reason as TransportError)
  const error = { code: ENDED_CODE, message: text ?? 'internal error', data }
  return `${JSON.stringify({ jsonrpc: '2.0', error })}\n`
}

const OVERLOADED = 'it holds too many bytes of all its connections'

/** Numbers only: other details may quote a third party. */
function dataOf({ code, details }: TransportError): object {
  const { status, bytes, maxMessageBytes } = (details ?? {}) as Readonly<
    Partial<Record<'status' | 'bytes' | 'maxMessageBytes', unknown>>
  >
  return { code, status, bytes, maxMessageBytes }
}

/** The error that a line of `encodeCloseReason` stands for. Undefined for any other message. */
export function decodeCloseReason({ error }: JsonRpcErrorResponse, address: string): Error | undefined {
  if (error.code !== ENDED_CODE) return undefined
  const message = `${address} closed the connection: ${printable(error.message)}`
  const data = (error.data ?? {}) as Record<string, unknown>
  // The peer may omit its numbers, or send something else.
  const numberIn = (name: string, otherwise: number): number => {
    const value = data[name]
    return typeof value === 'number' ? value : otherwise
  }
  const { code } = data
  if (code === 'REFUSED' || code === 'AUTH_REQUIRED')
    return new TransportError(code, message, { status: numberIn('status', 403) })
  // As with status 503 over HTTP, and close code 1013 over WebSocket.
  if (code === 'OVERLOADED') return new TransportError('REFUSED', message, { status: 503 })
  if (code === 'MALFORMED_MESSAGE') return new TransportError(code, message, { preview: '' })
  if (code !== 'MESSAGE_TOO_LARGE') return new TransportError('PEER_LOST', message, { address })
  const maxMessageBytes = numberIn('maxMessageBytes', 0)
  return new TransportError(code, message, { bytes: numberIn('bytes', 0), maxMessageBytes })
}
