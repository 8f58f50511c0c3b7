import type { Refusal, RequestId } from '@mcpwire/core'
import { OVERLOADED_CODE, toRefusalMessage } from '@mcpwire/core/authoring'
import { INVALID_REQUEST } from '../../shared/error-codes.js'
import type { Exchange, HeaderLines } from './http-exchange.js'

/** Why a request is not served. */
export interface HttpFailure {
  readonly status: number
  readonly code: number
  readonly message: string
  readonly data?: unknown
  /** The id of the request, where it could be read. */
  readonly id?: RequestId | undefined
  readonly headers?: HeaderLines
}

/** How long a caller without a better hint is told to stay away, in seconds. */
const RETRY_AFTER_SECONDS = '5'

/** What a client gets that has as many requests in flight as it may. */
export function tooManyInFlight(maxInFlight: number, id?: RequestId): HttpFailure {
  const message = `Overloaded: ${maxInFlight} requests are being answered`
  const headers = ['retry-after', RETRY_AFTER_SECONDS]
  return { status: 503, code: OVERLOADED_CODE, message, data: { code: 'OVERLOADED' }, id, headers }
}

/** What a client gets whose session is not there, or is not its own. */
export function sessionNotFound(id?: RequestId): HttpFailure {
  return { status: 404, code: INVALID_REQUEST, message: 'Session not found', id }
}

const jsonHeaders: HeaderLines = ['content-type', 'application/json']

/**
 * Answers with an error of JSON-RPC. Without a readable id it has none, as the schemas since 2025-11-25 have it and
 * clients of every revision accept.
 */
export function answerFailure(exchange: Exchange, failure: HttpFailure): void {
  const { status, code, message, data, id, headers = [] } = failure
  const error = { code, message, ...(data !== undefined && { data }) }
  const body = { jsonrpc: '2.0', ...(id !== undefined && { id }), error }
  exchange.answer(status, [...jsonHeaders, ...headers], JSON.stringify(body))
}

/** What a caller gets whose admission has ended since the gate gave it. */
export const lapsed: Refusal = {
  admit: false,
  status: 401,
  reason: 'the credential is no longer valid',
  challenge: 'Bearer error="invalid_token"',
}

/** Answers with what a gate, a policy or a limit decided. */
export function answerRefusal(exchange: Exchange, refusal: Refusal): void {
  // Each 401 says how to authenticate (RFC 9110, section 15.5.2): in MCP by a bearer token, unless the gate says more.
  const { status, retryAfterMs, challenge = status === 401 ? 'Bearer' : undefined } = refusal
  const headers = [...jsonHeaders]
  if (retryAfterMs !== undefined) headers.push('retry-after', String(Math.ceil(retryAfterMs / 1000)))
  else if (status === 503 || status === 429) headers.push('retry-after', RETRY_AFTER_SECONDS)
  if (challenge !== undefined) headers.push('www-authenticate', headerValue(challenge))
  exchange.answer(status, headers, JSON.stringify(toRefusalMessage(refusal)))
}

/** What somebody wrote, as the value of a header. */
function headerValue(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, ' ')
}
