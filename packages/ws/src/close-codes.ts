import { isTransportError, TransportError, type TransportErrorCode } from '@mcpwire/core'
import { printable, textForPeer } from '@mcpwire/core/authoring'

/** The code of a server that shuts down, and of a page that the user leaves. */
export const GOING_AWAY = 1001

const NORMAL = 1000
const INTERNAL_ERROR = 1011
const NO_CLOSE_FRAME = 1006

/** One close code, in both directions. */
export interface CloseCode {
  readonly code: number
  readonly name: string
  /** The errors that this end sends the code for. */
  readonly sentFor?: readonly TransportErrorCode[]
  /** The error that the code means to its receiver. Absent for an orderly end. */
  readonly receivedAs?: 'AUTH_REQUIRED' | 'MALFORMED_MESSAGE' | 'MESSAGE_TOO_LARGE' | 'PEER_LOST' | 'REFUSED'
  /** The HTTP status with the same meaning. */
  readonly status?: number
}

/** Every close code with a meaning of its own (RFC 6455, section 7.4). Any other code means `PEER_LOST`. */
export const closeCodes: readonly CloseCode[] = [
  { code: NORMAL, name: 'normal', sentFor: ['CLOSED'] },
  { code: GOING_AWAY, name: 'going away' },
  { code: 1002, name: 'protocol error', receivedAs: 'MALFORMED_MESSAGE' },
  { code: 1003, name: 'unsupported data', receivedAs: 'MALFORMED_MESSAGE' },
  { code: 1005, name: 'no code' },
  { code: NO_CLOSE_FRAME, name: 'no close frame', receivedAs: 'PEER_LOST' },
  { code: 1007, name: 'invalid payload', sentFor: ['MALFORMED_MESSAGE'], receivedAs: 'MALFORMED_MESSAGE' },
  { code: 1008, name: 'policy violation', sentFor: ['REFUSED'], receivedAs: 'REFUSED', status: 403 },
  { code: 1009, name: 'message too big', sentFor: ['MESSAGE_TOO_LARGE'], receivedAs: 'MESSAGE_TOO_LARGE' },
  { code: INTERNAL_ERROR, name: 'internal error', sentFor: ['CALLBACK_FAILED'], receivedAs: 'PEER_LOST' },
  { code: 1012, name: 'service restart', receivedAs: 'REFUSED', status: 503 },
  { code: 1013, name: 'try again later', sentFor: ['OVERLOADED'], receivedAs: 'REFUSED', status: 503 },
  { code: 3000, name: 'unauthorized', sentFor: ['AUTH_REQUIRED'], receivedAs: 'AUTH_REQUIRED', status: 401 },
  { code: 3003, name: 'forbidden', receivedAs: 'REFUSED', status: 403 },
]

/** A page may send 1000 and codes from 3000 on (WebSockets Standard, close()). It sends 4007 in place of 1007. */
const PAGE_OFFSET = 3000

/** The code that a page sends in place of `code`. */
export function pageCode(code: number): number {
  return code === NORMAL || code >= PAGE_OFFSET ? code : code + PAGE_OFFSET
}

/** The close code for a reason: 1000 without one, 1011 for an error that has no code of its own. */
export function codeFor(reason: Error | undefined): number {
  if (reason === undefined) return NORMAL
  if (!isTransportError(reason)) return INTERNAL_ERROR
  return closeCodes.find(({ sentFor }) => sentFor?.includes(reason.code))?.code ?? INTERNAL_ERROR
}

/** Longest reason of a close frame (RFC 6455, section 5.5): 125 bytes, minus two for the code. */
const MAX_REASON_BYTES = 123

/** The text of the close frame for a reason, cut to the allowed length. */
export function closeReason(reason: Error | undefined, address: string): string {
  const bytes = new TextEncoder().encode(textForPeer(reason, address) ?? '')
  if (bytes.length <= MAX_REASON_BYTES) return new TextDecoder().decode(bytes)
  // As a stream, which leaves out a partial character.
  return new TextDecoder().decode(bytes.subarray(0, MAX_REASON_BYTES), { stream: true })
}

/** A received close frame: the `cause` of the error that ends the conversation. */
export class CloseFrame extends Error {
  override readonly name = 'CloseFrame'
  readonly closeCode: number
  readonly closeReason: string

  constructor(closeCode: number, closeReason: string) {
    super(`close code ${closeCode}${closeReason === '' ? '' : `: ${printable(closeReason)}`}`)
    this.closeCode = closeCode
    this.closeReason = closeReason
  }
}

/** The sender of a close frame. */
export interface ClosingPeer {
  readonly address: string
  /** Whether the peer may be a page, which sends `pageCode(code)`. Other codes from 4000 on have no meaning. */
  readonly mayBePage?: boolean | undefined
}

/** The error that a received close code means. `undefined` for an orderly end. */
export function errorFor(
  code: number,
  reason: string,
  { address, mayBePage = false }: ClosingPeer,
): Error | undefined {
  const meaning = closeCodes.find(
    (each) => each.code === code || (mayBePage && each.sentFor && pageCode(each.code) === code),
  )
  if (meaning && !meaning.receivedAs) return undefined
  const cause = new CloseFrame(code, reason)
  const message = messageFor(code, reason === '' ? meaning?.name : printable(reason), address)
  switch (meaning?.receivedAs) {
    case 'MESSAGE_TOO_LARGE': {
      // The close frame does not contain the sizes.
      const details = { bytes: Number.NaN, maxMessageBytes: Number.NaN }
      return new TransportError('MESSAGE_TOO_LARGE', message, details, { cause })
    }
    case 'MALFORMED_MESSAGE':
      return new TransportError('MALFORMED_MESSAGE', message, { preview: '' }, { cause })
    case 'AUTH_REQUIRED':
    case 'REFUSED':
      return new TransportError(meaning.receivedAs, message, { status: meaning.status ?? 403 }, { cause })
    default:
      return new TransportError('PEER_LOST', message, { address }, { cause })
  }
}

function messageFor(code: number, why: string | undefined, address: string): string {
  if (code === NO_CLOSE_FRAME) return `lost ${address}: the connection ended without a close frame`
  return `${address} closed the connection with code ${code}${why === undefined ? '' : `: ${why}`}`
}
