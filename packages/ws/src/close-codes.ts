import { isTransportError, TransportError, type TransportErrorCode } from '@mcpwire/core'
import { printable } from '@mcpwire/core/authoring'

/** The code of a server that shuts down, and of a page that is left. */
export const GOING_AWAY = 1001

const NORMAL = 1000
const INTERNAL_ERROR = 1011

/** One close code: what it is sent for, and what it is heard as. */
export interface CloseCode {
  readonly code: number
  readonly name: string
  /** The errors that this end gives it for when they end the conversation. */
  readonly sentFor: readonly TransportErrorCode[]
  /** What the conversation ends with at the end that hears it; nothing where that is an orderly end. */
  readonly heardAs?: 'AUTH_REQUIRED' | 'MALFORMED_MESSAGE' | 'MESSAGE_TOO_LARGE' | 'PEER_LOST' | 'REFUSED'
  /** The status that goes with it, as HTTP has it. */
  readonly status?: number
}

/** Every close code with a meaning here (RFC 6455, section 7.4). Any other is heard as `PEER_LOST`. */
export const closeCodes: readonly CloseCode[] = [
  { code: NORMAL, name: 'normal', sentFor: ['CLOSED'] },
  { code: GOING_AWAY, name: 'going away', sentFor: [] },
  { code: 1002, name: 'protocol error', sentFor: [], heardAs: 'MALFORMED_MESSAGE' },
  { code: 1003, name: 'unsupported data', sentFor: [], heardAs: 'MALFORMED_MESSAGE' },
  { code: 1005, name: 'no code given', sentFor: [] },
  { code: 1006, name: 'no close frame came', sentFor: [], heardAs: 'PEER_LOST' },
  { code: 1007, name: 'invalid payload', sentFor: ['MALFORMED_MESSAGE'], heardAs: 'MALFORMED_MESSAGE' },
  { code: 1008, name: 'policy violation', sentFor: ['REFUSED'], heardAs: 'REFUSED', status: 403 },
  { code: 1009, name: 'message too big', sentFor: ['MESSAGE_TOO_LARGE'], heardAs: 'MESSAGE_TOO_LARGE' },
  { code: INTERNAL_ERROR, name: 'internal error', sentFor: ['CALLBACK_FAILED'], heardAs: 'PEER_LOST' },
  { code: 1012, name: 'service restart', sentFor: [], heardAs: 'REFUSED', status: 503 },
  { code: 1013, name: 'try again later', sentFor: ['OVERLOADED'], heardAs: 'REFUSED', status: 503 },
  { code: 3000, name: 'unauthorized', sentFor: ['AUTH_REQUIRED'], heardAs: 'AUTH_REQUIRED', status: 401 },
  { code: 3003, name: 'forbidden', sentFor: [], heardAs: 'REFUSED', status: 403 },
]

/** A page may give 1000 and codes from 3000 on (WebSockets Standard, close()), so it gives 1007 as 4007. */
const PAGE_OFFSET = 3000

/** What a page gives for a code of ours. */
export function pageCode(code: number): number {
  return code === NORMAL || code >= PAGE_OFFSET ? code : code + PAGE_OFFSET
}

/** The code that says why, 1000 where there is no reason to give and 1011 where the reason is none of ours. */
export function codeFor(reason: Error | undefined): number {
  if (reason === undefined) return NORMAL
  if (!isTransportError(reason)) return INTERNAL_ERROR
  return closeCodes.find(({ sentFor }) => sentFor.includes(reason.code))?.code ?? INTERNAL_ERROR
}

/** What a close frame said; `cause` of the error that it ends a conversation with. */
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

/** Who closed. */
export interface ClosingPeer {
  readonly address: string
  /** Whether it may be a page, whose codes for ours are others; those of anybody else's own mean nothing here. */
  readonly hearsPages?: boolean | undefined
}

/** What the peer meant by its close code, or nothing where it ended in order. */
export function errorFor(
  code: number,
  reason: string,
  { address, hearsPages = false }: ClosingPeer,
): Error | undefined {
  const meaning = closeCodes.find(
    (each) => each.code === code || (hearsPages && each.sentFor.length > 0 && pageCode(each.code) === code),
  )
  if (meaning && !meaning.heardAs) return undefined
  const cause = new CloseFrame(code, reason)
  const said = reason === '' ? `${code} (${meaning?.name ?? 'of its own'})` : `${code}: ${printable(reason)}`
  const message =
    code === 1006 ? `${address} hung up without a close frame` : `${address} closed with ${said}`
  switch (meaning?.heardAs) {
    case 'MESSAGE_TOO_LARGE': {
      // Only the peer knows the figures.
      const details = { bytes: Number.NaN, maxMessageBytes: Number.NaN }
      return new TransportError('MESSAGE_TOO_LARGE', message, details, { cause })
    }
    case 'MALFORMED_MESSAGE':
      return new TransportError('MALFORMED_MESSAGE', message, { preview: '' }, { cause })
    case 'AUTH_REQUIRED':
    case 'REFUSED':
      return new TransportError(meaning.heardAs, message, { status: meaning.status ?? 403 }, { cause })
    default:
      return new TransportError('PEER_LOST', message, { address }, { cause })
  }
}
