import {
  type Clock,
  type ErrorAdvice,
  isTransportError,
  type JsonRpcErrorResponse,
  type JsonRpcMessage,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import { type HeaderRecord, parseMessage, printable, toError } from '@mcpwire/core/authoring'
import type { ResponseHead } from '../../engines/engine.js'
import {
  CAPABILITY_MISSING,
  HEADER_MISMATCH,
  METHOD_NOT_FOUND,
  UNSUPPORTED_VERSION,
} from '../../shared/error-codes.js'
import { type AdvisedClient, adviceForContent, adviceForFailure, adviceForStatus } from './error-advice.js'
import { mediaTypeOf } from './request-headers.js'
import { serverText } from './server-text.js'

/** A response that is no success, with as much of its text as an error needs. */
export interface RefusedResponse extends ResponseHead {
  readonly text: string
  /** The headers that were sent, by lower-case name. */
  readonly sent?: HeaderRecord | undefined
  /** The coding of the body, where neither the client nor the platform decodes it. The text is then empty. */
  readonly coding?: string | undefined
}

/** The client whose request was refused. */
export interface RefusedClient extends AdvisedClient {
  readonly address: string
  readonly clock: Clock
}

/** A request in an error, where it is not a message to the URL of the client. */
export interface RefusedRequest {
  /** The name of what was requested. */
  readonly what?: string | undefined
  /** The URL that responded, without its query. */
  readonly address?: string | undefined
  readonly hint?: string | undefined
}

/** The error for a response that is no success. Both SDKs recognize it as an HTTP error. */
export function statusError(
  client: RefusedClient,
  response: RefusedResponse,
  request: RefusedRequest = {},
): TransportError {
  const { status } = response
  const { address = client.address } = request
  const what = request.what === undefined ? '' : ` to the request for ${request.what}`
  const message = `${address} responded with status ${status}${what}${textIn(client, response)}`
  return markAsHttpError(errorFor(client, response, message, request.hint), response)
}

function errorFor(
  client: RefusedClient,
  response: RefusedResponse,
  message: string,
  hint: string | undefined,
): TransportError {
  const { status } = response
  const retryAfterMs = retryAfterOf(response, client.clock)
  const advice = hint === undefined ? adviceForStatus(client, response, retryAfterMs) : { hint }
  if (status === 401) {
    const challenge = response.header('www-authenticate')
    const details = { status, ...(challenge !== undefined && { challenge }), ...advice }
    return new TransportError('AUTH_REQUIRED', message, details)
  }
  if (status >= 500 && status !== 503)
    return new TransportError('SEND_FAILED', message, { delivery: 'unknown', ...advice })
  const details = { status, ...(retryAfterMs !== undefined && { retryAfterMs }), ...advice }
  return new TransportError('REFUSED', message, details)
}

/** The text of the server, or the reason why it cannot be read. */
function textIn(client: RefusedClient, response: RefusedResponse): string {
  return response.coding === undefined
    ? serverText(client.url, response)
    : ` and ${codedBody(response.coding)}`
}

/** A coded body in an error. The coding is from the server. */
export function codedBody(coding: string): string {
  return `a body in content-encoding ${JSON.stringify(coding.slice(0, MAX_CODING))}, which is not decoded`
}

/** The advice for a coded body. */
export const CODED_HINT = 'the client sends accept-encoding: identity: do not compress its responses'

/** The longest coding in an error, in characters. */
const MAX_CODING = 32

/** An error for a response of 2xx that is not MCP, as text and advice. */
export function contentFault(
  client: RefusedClient,
  response: RefusedResponse,
): { readonly message: string; readonly advice: ErrorAdvice } {
  const { status, coding } = response
  const type = mediaTypeOf(response.header('content-type'))
  const received = `${client.address} responded to a request with status ${status}`
  if (coding !== undefined)
    return { message: `${received} and ${codedBody(coding)}`, advice: { hint: CODED_HINT } }
  const shown = type === undefined ? 'no content type' : printable(type)
  const message = `${received} and ${shown}, which is not MCP${serverText(client.url, response)}`
  return { message, advice: adviceForContent(client, type) }
}

/** The error after the server refused both Streamable HTTP and HTTP+SSE, for which `sseError` is the reason. */
export function neitherTransport(
  client: RefusedClient,
  response: RefusedResponse,
  sseError: Error,
): TransportError {
  const { address, clock } = client
  const cause = statusError(client, response)
  const text = textIn(client, response)
  const sse = reasonOf(sseError)
  // Both refusals often have the same text.
  const reason = `HTTP+SSE failed: ${sse.text.replace(text, '')}`
  const message = `${address} refused Streamable HTTP with status ${response.status}${text}; ${reason}`
  // A stream that opened has more than the refusal of the other transport.
  const hasOpened = isTransportError(sseError, 'PEER_LOST') && sse.advice.hint !== undefined
  const advice = hasOpened ? sse.advice : adviceForStatus(client, response, retryAfterOf(response, clock))
  return markAsHttpError(
    new TransportError('CONNECT_FAILED', message, { address, ...advice }, { cause }),
    response,
  )
}

/** The text of an error without its hint, and its advice, for an error that it is the cause of. */
export function reasonOf(cause: unknown): { readonly text: string; readonly advice: ErrorAdvice } {
  const { message } = toError(cause)
  const { hint, option } = ((isTransportError(cause) && cause.details) || {}) as ErrorAdvice
  if (hint === undefined) return { text: message, advice: {} }
  return {
    text: message.replace(`; ${hint}`, ''),
    advice: option === undefined ? { hint } : { hint, option },
  }
}

/** The error for a request that may have run, and whose response does not arrive. */
export function outcomeUnknown(
  request: JsonRpcMessage,
  what: string,
  cause: unknown,
  advice?: ErrorAdvice,
): TransportError {
  const method = 'method' in request ? request.method : ''
  const reason = reasonOf(cause ?? '')
  const message = cause === undefined ? what : `${what}: ${reason.text}`
  return new TransportError('OUTCOME_UNKNOWN', message, { method, ...reason.advice, ...advice }, { cause })
}

/** A request that failed before its response. */
export interface FailedRequest {
  readonly delivery: 'none' | 'unknown'
  /** Whether it was the first request of the client. */
  readonly isOpening: boolean
}

/** The error for a request that failed before its response. */
export function sendError(
  client: AdvisedClient & { readonly address: string },
  cause: Error,
  { delivery, isOpening }: FailedRequest,
): Error {
  if (isTransportError(cause)) return cause
  const { address } = client
  const advice = adviceForFailure(cause, client)
  const what = `${address}: ${cause.message}`
  return isOpening && delivery === 'none'
    ? new TransportError('CONNECT_FAILED', `cannot connect to ${what}`, { address, ...advice }, { cause })
    : new TransportError('SEND_FAILED', `cannot send to ${what}`, { delivery, ...advice }, { cause })
}

/** The error for a session id that cannot be sent back. */
export function invalidSessionId(address: string): TransportError {
  const needed = 'it must be one value of visible ASCII characters'
  return new TransportError(
    'CONNECT_FAILED',
    `${address} responded with an invalid Mcp-Session-Id: ${needed}`,
    {
      address,
    },
  )
}

/** The longest id in an error, in characters. */
const MAX_ID_PREVIEW = 64

/** The error for responses without a pending request. The application would take one for a later request's. */
export function unexpectedResponse(address: string, id: RequestId, count: number): Error {
  const preview = JSON.stringify(id).slice(0, MAX_ID_PREVIEW)
  const what =
    count === 1
      ? `a response without a pending request: id`
      : `${count} responses without a pending request: the last id`
  return droppedMessages(`${address} sent ${what} ${preview}`, preview, count)
}

/** The report of messages that belong to requests which are cancelled or over. */
export function lateMessages(address: string, last: JsonRpcMessage | undefined, count: number): Error {
  const preview = last && 'method' in last ? last.method : 'response'
  const what = count === 1 ? 'a message' : `${count} messages`
  const message = `${address} sent ${what} of requests that are cancelled or finished: dropped, as many before`
  return droppedMessages(message, preview, count)
}

function droppedMessages(message: string, preview: string, count: number): TransportError {
  return new TransportError('MALFORMED_MESSAGE', message, { preview, ...(count > 1 && { count }) })
}

const SECONDS = /^\d{1,9}$/
/** The three forms of a date (RFC 9110, section 5.6.7). `Date.parse` alone also accepts `-5` and `1.5`. */
const HTTP_DATE = /^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? .*\d\d:\d\d:\d\d/

/** The delay in `Retry-After`, which is in seconds or a date (RFC 9110, section 10.2.3), in milliseconds. */
export function retryAfterOf({ header }: ResponseHead, clock: Clock): number | undefined {
  const value = header('retry-after')?.trim()
  if (value === undefined) return undefined
  if (SECONDS.test(value)) return Number(value) * 1_000
  const date = HTTP_DATE.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(date - clock.epochNow(), 0)
}

const MODERN_CODES: readonly number[] = [HEADER_MISMATCH, CAPABILITY_MISSING, UNSUPPORTED_VERSION]

/** Whether only a server of 2026-07-28 or later sends this error (Streamable HTTP: Backward Compatibility). */
export function isModernError({ error }: JsonRpcErrorResponse, status: number): boolean {
  return MODERN_CODES.includes(error.code) || (error.code === METHOD_NOT_FOUND && status === 404)
}

/**
 * Whether something other than an MCP server refused the first message: the response has no JSON-RPC `error`, or
 * refuses the path.
 */
export function isNoMcpServer({ status }: RefusedResponse, error: JsonRpcErrorResponse | undefined): boolean {
  return !error || ((status === 404 || status === 405) && !isModernError(error, status))
}

/** The JSON-RPC error in the text of a refusal, with the id of the refused request. */
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

// Symbols by which the v2 SDK recognizes errors across its copies.
const ERROR_BRANDS: unique symbol = Symbol.for('mcp.sdk.errorBrands') as never
const AUTH_SEAM: unique symbol = Symbol.for('mcp.authSeamEscape') as never
const HTTP_ERROR_BRANDS: ReadonlySet<string> = new Set(['mcp.SdkError', 'mcp.SdkHttpError'])

/** Makes the error an `SdkHttpError` for the v2 SDK, which decides about the era by its status. */
function markAsHttpError<E extends Error>(error: E, { status, statusText, text }: RefusedResponse): E {
  return Object.defineProperties(error, {
    [ERROR_BRANDS]: { value: HTTP_ERROR_BRANDS },
    data: { value: { status, statusText, text } },
    status: { value: status },
    statusText: { value: statusText },
  })
}

/** Makes the v2 SDK pass the error on unchanged, instead of deciding about the era by it. */
export function markAsFinal(error: unknown): unknown {
  if (typeof error === 'object' && error !== null && Object.isExtensible(error))
    Object.defineProperty(error, AUTH_SEAM, { value: true, configurable: true })
  return error
}
