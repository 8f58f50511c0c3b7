import { type Clock, type JsonRpcErrorResponse, type RequestId, TransportError } from '@mcpwire/core'
import { parseMessage } from '@mcpwire/core/authoring'
import type { AnswerHead } from '../../engines/engine.js'
import {
  CAPABILITY_MISSING,
  HEADER_MISMATCH,
  METHOD_NOT_FOUND,
  UNSUPPORTED_VERSION,
} from '../../shared/error-codes.js'
import { meaningOf, type Refusal } from './refusal-words.js'
import { markAsHttpError } from './sdk-marks.js'

/** An answer that is no success, with as much of its text as an error needs. */
export type RefusedAnswer = Refusal

/**
 * The error for an answer that is no success, as both SDKs and our own users tell it from others. `asked` is what was
 * asked for, where that is no message.
 */
export function statusError(link: RefusedLink, answer: RefusedAnswer, asked?: string): TransportError {
  const { status, statusText, text } = answer
  return markAsHttpError(errorFor(link, answer, asked), { status, statusText, text })
}

/** What is known of whom the answer came from. */
export interface RefusedLink {
  readonly address: string
  readonly url: URL
  readonly clock: Clock
  readonly authorization: object | undefined
}

/** What the status of an answer is to people. */
export function statusWords(link: RefusedLink, answer: RefusedAnswer): string {
  const { url, authorization, clock } = link
  const retryAfterMs = retryAfterOf(answer, clock)
  const meaning = meaningOf(answer, { url, hasAuth: authorization !== undefined, retryAfterMs })
  return meaning === undefined ? '' : `: ${meaning}`
}

function errorFor(link: RefusedLink, answer: RefusedAnswer, asked: string | undefined): TransportError {
  const { status } = answer
  const when = asked === undefined ? '' : ` when asked for ${asked}`
  const message = `${link.address} answered with status ${status}${when}${statusWords(link, answer)}`
  if (status === 401) {
    const challenge = answer.header('www-authenticate')
    const details = { status, ...(challenge !== undefined && { challenge }) }
    return new TransportError('AUTH_REQUIRED', message, details)
  }
  if (status >= 500 && status !== 503)
    return new TransportError('SEND_FAILED', message, { delivery: 'unknown' })
  const retryAfterMs = retryAfterOf(answer, link.clock)
  const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  return new TransportError('REFUSED', message, details)
}

const SECONDS = /^\d{1,9}$/
/** Any of the three forms of a date (RFC 9110, section 5.6.7): `Date.parse` takes `-5` and `1.5` for dates too. */
const HTTP_DATE = /^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? .*\d\d:\d\d:\d\d/

/** When it makes sense to ask again, as `Retry-After` says in seconds or by a date (RFC 9110, section 10.2.3). */
export function retryAfterOf({ header }: AnswerHead, clock: Clock): number | undefined {
  const value = header('retry-after')?.trim()
  if (value === undefined) return undefined
  if (SECONDS.test(value)) return Number(value) * 1_000
  const date = HTTP_DATE.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(date - clock.epochNow(), 0)
}

const MODERN_CODES: readonly number[] = [HEADER_MISMATCH, CAPABILITY_MISSING, UNSUPPORTED_VERSION]

/** Whether only a server of 2026-07-28 or later refuses so (Streamable HTTP: Backward Compatibility). */
export function isModernError({ error }: JsonRpcErrorResponse, status: number): boolean {
  return MODERN_CODES.includes(error.code) || (error.code === METHOD_NOT_FOUND && status === 404)
}

/**
 * Whether the first message was refused by something else than an MCP server: in other words than JSON-RPC, or for its
 * path. `said` is the JSON-RPC error in the answer.
 */
export function isNoServer({ status }: RefusedAnswer, said: JsonRpcErrorResponse | undefined): boolean {
  return !said || ((status === 404 || status === 405) && !isModernError(said, status))
}

/** The JSON-RPC error that the text of a refusal is, addressed to the request it refuses. */
export function errorInText(text: string, id: RequestId): JsonRpcErrorResponse | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const message = parseMessage(value)
  if (typeof message === 'string' || !('error' in message) || 'method' in message) return undefined
  return message.id === undefined || message.id === id ? { ...message, id } : undefined
}
