import type { HttpHeaders, HttpResponse, JsonRpcErrorData, Refusal, RequestId } from '@mcpwire/core'
import {
  headerEntries,
  invalidHeaderReason,
  OVERLOADED_CODE,
  toRefusalMessage,
  toRefusalResponse,
} from '@mcpwire/core/authoring'
import { INVALID_REQUEST } from '../../shared/error-codes.js'
import { JSON_MEDIA_TYPE } from '../../shared/media-types.js'
import type { HeaderLines, HttpExchange } from './http-exchange.js'

/** An HTTP response with a JSON-RPC error. */
export interface HttpFailure {
  readonly status: number
  readonly code: number
  readonly message: string
  readonly data?: unknown
  /** The id of the request, where it could be read. */
  readonly id?: RequestId | undefined
  readonly headers?: HeaderLines
  /** The option whose limit was reached. */
  readonly option?: string | undefined
}

/** The `Retry-After` header where there is no better hint. */
const RETRY_AFTER_SECONDS = '5'

export const jsonHeaders: HeaderLines = ['content-type', JSON_MEDIA_TYPE]

/** The failure for an invalid request. */
export function invalidRequest(status: number, reason: string, id?: RequestId): HttpFailure {
  return { status, code: INVALID_REQUEST, message: `Invalid request: ${reason}`, id }
}

/** The failure for a method that is not allowed here. */
export function methodNotAllowed(method: string, allowed: readonly string[], detail = ''): HttpFailure {
  const message = `Invalid request: ${method} is not supported${detail}`
  return { status: 405, code: INVALID_REQUEST, message, headers: ['allow', allowed.join(', ')] }
}

/** The failure for a request that a limit keeps from the application. It may be sent again. */
export function overloaded(reason: string, option: string | undefined, id?: RequestId): HttpFailure {
  const data: JsonRpcErrorData = { code: 'OVERLOADED', delivery: 'none' }
  const headers = ['retry-after', RETRY_AFTER_SECONDS]
  return { status: 503, code: OVERLOADED_CODE, message: `Overloaded: ${reason}`, data, id, headers, option }
}

/** The failure for a client that has too many requests in flight. */
export function tooManyInFlight(maxInFlight: number, id?: RequestId): HttpFailure {
  return overloaded(`maxInFlight (${maxInFlight}) requests are in flight`, 'maxInFlight', id)
}

/** The failure for a principal that has too many requests in flight in all its sessions. */
export function shareInFlight(maxInFlightPerPrincipal: number, id?: RequestId): HttpFailure {
  const limit = `maxInFlightPerPrincipal (${maxInFlightPerPrincipal})`
  const failure = overloaded(
    `${limit} requests of this principal are in flight`,
    'maxInFlightPerPrincipal',
    id,
  )
  return { ...failure, status: 429 }
}

/** The failure for a session that does not exist, or belongs to another caller. */
export function sessionNotFound(id?: RequestId): HttpFailure {
  return { status: 404, code: INVALID_REQUEST, message: 'Session not found', id }
}

/**
 * Responds with a JSON-RPC error. Without a readable id it has none, as in the schemas since 2025-11-25; clients of
 * every revision accept that.
 */
export function respondWithError(exchange: HttpExchange, failure: HttpFailure): void {
  const { status, code, message, data, id, headers = [] } = failure
  const error = { code, message, ...(data !== undefined && { data }) }
  const body = { jsonrpc: '2.0', ...(id !== undefined && { id }), error }
  exchange.respond(status, [...jsonHeaders, ...headers], JSON.stringify(body))
}

/** The refusal of a caller whose admission has ended. */
export const expiredCredential: Refusal = {
  admit: false,
  status: 401,
  reason: 'the credential is no longer valid',
  challenge: 'Bearer error="invalid_token"',
}

/**
 * Responds with the refusal of a gate, a policy or a limit.
 *
 * @param ids the id of the refused request, or those of a batch
 */
export function respondWithRefusal(
  exchange: HttpExchange,
  refusal: Refusal,
  ids?: RequestId | readonly RequestId[],
): void {
  // Each 401 names an authentication scheme (RFC 9110, section 15.5.2): in MCP bearer tokens, unless the gate differs.
  const { status, retryAfterMs, challenge = status === 401 ? 'Bearer' : undefined } = refusal
  const headers = [...jsonHeaders]
  if (retryAfterMs !== undefined) headers.push('retry-after', String(Math.ceil(retryAfterMs / 1000)))
  else if (status === 503 || status === 429) headers.push('retry-after', RETRY_AFTER_SECONDS)
  if (challenge !== undefined) headers.push('www-authenticate', challenge.replace(/[^\x20-\x7e]/g, ' '))
  exchange.respond(status, headers, JSON.stringify(refusalBody(refusal, ids)))
}

function refusalBody(refusal: Refusal, ids: RequestId | readonly RequestId[] | undefined): unknown {
  if (ids === undefined) return toRefusalMessage(refusal)
  return typeof ids === 'object'
    ? ids.map((id) => toRefusalResponse(id, refusal))
    : toRefusalResponse(ids, refusal)
}

/** Refuses a caller with 503. */
export function respondUnavailable(exchange: HttpExchange, reason: string): void {
  respondWithRefusal(exchange, { admit: false, status: 503, reason })
}

const MIN_STATUS = 200
const MAX_STATUS = 599
/** The statuses whose responses have no body (RFC 9110, section 15). */
const WITHOUT_BODY = new Set([204, 205, 304])

/** Sends the response of a hook. Throws, without responding, where HTTP cannot carry it. */
export function respondWithHook(exchange: HttpExchange, { status, headers = {}, body }: HttpResponse): void {
  if (!Number.isInteger(status) || status < MIN_STATUS || status > MAX_STATUS)
    throw new Error(`a hook returned the status ${status}`)
  if (body !== undefined && typeof body !== 'string')
    throw new Error('a hook returned a body that is not a string')
  exchange.respond(status, headerLines(headers), WITHOUT_BODY.has(status) ? undefined : body)
}

/** The headers of a hook as names and values in turn. Throws, without their values, where HTTP cannot carry them. */
export function headerLines(headers: HttpHeaders): HeaderLines {
  const lines: string[] = []
  for (const [name, value] of headerEntries(headers)) {
    const fault = invalidHeaderReason(name, value)
    if (fault !== undefined) throw new Error(`a hook returned a header that cannot be sent: ${fault}`)
    lines.push(name, value)
  }
  return lines
}
