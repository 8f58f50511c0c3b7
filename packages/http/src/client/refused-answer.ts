import {
  type Clock,
  type JsonRpcErrorResponse,
  parseMessage,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import type { AnswerHead } from '../engine.js'
import { CAPABILITY_MISSING, HEADER_MISMATCH, METHOD_NOT_FOUND, UNSUPPORTED_VERSION } from '../error-codes.js'
import { markAsHttpError } from './sdk-marks.js'

/** An answer that is no success, with as much of its text as an error needs. */
export interface RefusedAnswer extends AnswerHead {
  readonly text: string
}

/** The error for an answer that is no success, as both SDKs and our own users tell it from others. */
export function statusError(
  address: string,
  answer: RefusedAnswer,
  clock: Clock,
  cause?: unknown,
): TransportError {
  const { status, statusText, text } = answer
  const error = errorFor(address, answer, clock, cause)
  return markAsHttpError(error, { status, statusText, text })
}

function errorFor(address: string, answer: RefusedAnswer, clock: Clock, cause: unknown): TransportError {
  const { status } = answer
  const message = `${address} answered with status ${status}`
  if (status === 401) {
    const challenge = answer.header('www-authenticate')
    const details = { status, ...(challenge !== undefined && { challenge }) }
    return new TransportError('AUTH_REQUIRED', `${message}: it wants a credential`, details, { cause })
  }
  if (status >= 500 && status !== 503)
    return new TransportError('SEND_FAILED', message, { delivery: 'unknown' }, { cause })
  const retryAfterMs = retryAfterOf(answer, clock)
  const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  return new TransportError('REFUSED', message, details, { cause })
}

const SECONDS = /^\d{1,9}$/

/** When it makes sense to ask again, as `Retry-After` says in seconds or by a date (RFC 9110, section 10.2.3). */
export function retryAfterOf({ header }: AnswerHead, clock: Clock): number | undefined {
  const value = header('retry-after')?.trim()
  if (value === undefined) return undefined
  if (SECONDS.test(value)) return Number(value) * 1_000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(date - clock.epochNow(), 0)
}

const MODERN_CODES: readonly number[] = [HEADER_MISMATCH, CAPABILITY_MISSING, UNSUPPORTED_VERSION]

/** Whether only a server of 2026-07-28 or later refuses so (Streamable HTTP: Backward Compatibility). */
export function isModernError({ error }: JsonRpcErrorResponse, status: number): boolean {
  return MODERN_CODES.includes(error.code) || (error.code === METHOD_NOT_FOUND && status === 404)
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
