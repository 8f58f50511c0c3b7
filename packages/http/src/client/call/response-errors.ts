import {
  type Clock,
  type ErrorAdvice,
  isTransportError,
  type JsonRpcErrorResponse,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import { type HeaderRecord, parseMessage } from '@mcpwire/core/authoring'
import type { ResponseHead } from '../../engines/engine.js'
import { causesOf } from '../../engines/failures.js'
import { challengeParameter } from '../../headers/challenge.js'
import {
  CAPABILITY_MISSING,
  HEADER_MISMATCH,
  METHOD_NOT_FOUND,
  UNSUPPORTED_VERSION,
} from '../../shared/error-codes.js'

/** A response that is no success, with as much of its text as an error needs. */
export interface RefusedResponse extends ResponseHead {
  readonly text: string
  /** The headers that were sent, by lower-case name. */
  readonly sent?: HeaderRecord | undefined
}

/** The client whose request was refused. */
export interface RefusedClient {
  readonly address: string
  readonly url: URL
  readonly clock: Clock
  readonly authorization: object | undefined
}

/**
 * The error for a response that is no success. Both SDKs recognize it as an HTTP error. `requested` names what was
 * requested, where that is no message.
 */
export function statusError(
  client: RefusedClient,
  response: RefusedResponse,
  requested?: string,
): TransportError {
  const { status } = response
  const what = requested === undefined ? '' : ` to the request for ${requested}`
  const message = `${client.address} responded with status ${status}${what}${serverText(client, response)}`
  return markAsHttpError(errorFor(client, response, message), response)
}

function errorFor(client: RefusedClient, response: RefusedResponse, message: string): TransportError {
  const { status } = response
  const retryAfterMs = retryAfterOf(response, client.clock)
  const advice = adviceFor(client, response, retryAfterMs)
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

/** The error after the server refused both Streamable HTTP and HTTP+SSE, for which `sseError` is the reason. */
export function neitherTransport(
  client: RefusedClient,
  response: RefusedResponse,
  sseError: Error,
): TransportError {
  const { address, clock } = client
  const cause = statusError(client, response)
  const text = serverText(client, response)
  const { hint: sseHint } = (isTransportError(sseError) ? (sseError.details ?? {}) : {}) as ErrorAdvice
  // Both refusals often have the same text and hint.
  const sseReason = sseError.message.replace(`; ${sseHint}`, '').replace(text, '')
  const message = `${address} refused Streamable HTTP with status ${response.status}${text}; HTTP+SSE failed: ${sseReason}`
  const advice = adviceFor(client, response, retryAfterOf(response, clock))
  return markAsHttpError(
    new TransportError('CONNECT_FAILED', message, { address, ...advice }, { cause }),
    response,
  )
}

/** A request that failed before its response. */
export interface FailedRequest {
  readonly delivery: 'none' | 'unknown'
  /** Whether it was the first request of the client. */
  readonly isOpening: boolean
}

/** The error for a request that failed before its response. */
export function sendError(address: string, cause: Error, { delivery, isOpening }: FailedRequest): Error {
  if (isTransportError(cause)) return cause
  const advice = adviceForFailure(cause, address)
  const what = `${address}: ${cause.message}`
  return isOpening && delivery === 'none'
    ? new TransportError('CONNECT_FAILED', `cannot connect to ${what}`, { address, ...advice }, { cause })
    : new TransportError('SEND_FAILED', `cannot send to ${what}`, { delivery, ...advice }, { cause })
}

/** The longest id in an error, in characters. */
const MAX_ID_PREVIEW = 64

/** The error for a response without a pending request. The application would take it for a later one's. */
export function unexpectedResponse(address: string, id: RequestId): Error {
  const preview = JSON.stringify(id).slice(0, MAX_ID_PREVIEW)
  const message = `${address} sent a response without a pending request: id ${preview}`
  return new TransportError('MALFORMED_MESSAGE', message, { preview })
}

// Hints, as data.

const CHECK_HOST = advice('check the host in option "url", or set option "proxy"', 'url')
const USE_HTTP = advice('start option "url" with http://', 'url')
const USE_HTTPS = advice('start option "url" with https://', 'url')
const FAILURE_ADVICE: ReadonlyMap<string, ErrorAdvice> = new Map(
  Object.entries({
    ECONNREFUSED: advice('check that the server is running and that the port is correct'),
    EAI_AGAIN: CHECK_HOST,
    ENOTFOUND: CHECK_HOST,
    EHOSTUNREACH: CHECK_HOST,
    ENETUNREACH: CHECK_HOST,
    ERR_SSL_WRONG_VERSION_NUMBER: USE_HTTP,
    ERR_SSL_PACKET_LENGTH_TOO_LONG: USE_HTTP,
  }),
)
const USUAL_PATH = /\/(?:mcp|sse)\/?$/

function advice(hint: string, option?: string): ErrorAdvice {
  return option === undefined ? { hint } : { hint, option }
}

function adviceForFailure(failure: unknown, address: string): ErrorAdvice {
  for (const error of causesOf(failure)) {
    const known = FAILURE_ADVICE.get(String(error.code))
    if (known) return known
    if (address.startsWith('http:') && isFromTlsServer(error)) return USE_HTTPS
  }
  return {}
}

/** A TLS server responds to HTTP with an alert or closes the connection without a byte, as undici reports it. */
function isFromTlsServer(error: object): boolean {
  const { data, socket } = error as { data?: unknown; socket?: { readonly bytesRead?: unknown } }
  return socket?.bytesRead === 0 || (typeof data === 'string' && data.startsWith('\x15\x03'))
}

function adviceFor(
  { url, authorization }: RefusedClient,
  response: RefusedResponse,
  retryAfterMs: number | undefined,
): ErrorAdvice {
  const { status, header } = response
  if (retryAfterMs !== undefined) return advice(`retry in ${Math.ceil(retryAfterMs / 1_000)} s (Retry-After)`)
  if (status >= 300 && status < 400) return adviceForRedirect(header('location'), url)
  if (status === 401)
    return adviceForCredential(response.sent?.['authorization'] !== undefined, !!authorization)
  if (status === 403)
    return isMissingScope(response)
      ? advice('the token lacks a scope (insufficient_scope)', 'auth')
      : advice('check that the server accepts this client, its Host header and its Origin header')
  if (status === 404 || status === 405) {
    const usual = USUAL_PATH.test(url.pathname) ? '' : ': most MCP servers use /mcp'
    return advice(`check the path in option "url"${usual}`, 'url')
  }
  if (status === 426 && /websocket/i.test(header('upgrade') ?? ''))
    return advice('use wsClient, with ws:// in option "url"', 'url')
  return {}
}

function adviceForCredential(wasSent: boolean, hasAuth: boolean): ErrorAdvice {
  const option = hasAuth ? 'auth' : 'headers'
  if (wasSent) return advice(`the credential in option "${option}" was rejected`, option)
  return hasAuth
    ? advice('authentication required: auth.token() returned no token', 'auth')
    : advice('authentication required: use option "auth" or option "headers"', 'auth')
}

/** Shows the target without its query and credentials. */
function adviceForRedirect(location: string | undefined, from: URL): ErrorAdvice {
  if (location === undefined || !URL.canParse(location, from))
    return advice('the server redirects without a valid target')
  const { origin, protocol, pathname } = new URL(location, from)
  const target = origin === 'null' ? protocol : origin + pathname
  return advice(`the server redirects; if the target is correct, set option "url" to ${target}`, 'url')
}

/** Whether the server refused because the token lacks a scope (RFC 6750, section 3.1). */
export function isMissingScope({ status, header }: RefusedResponse): boolean {
  const error = status === 403 ? challengeParameter(header('www-authenticate'), 'error') : undefined
  return error?.toLowerCase() === 'insufficient_scope'
}

// The text of the server, without secrets of the client.

/** The most of a server's text that is shown, in characters. */
const MAX_TEXT = 120
/** Headers of the client's own, which are no secrets. */
const PUBLIC_HEADERS = /^(?:accept|content-type|mcp-(?:session-id|protocol-version|method|name|param-.+))$/
/** The shortest secret that is hidden, in characters: a shorter one is part of many words. */
const MIN_SECRET = 6
const CREDENTIAL = /\b(bearer|basic)\s+\S+/gi
const UNPRINTABLE = /[\p{C}\s]+/gu

/** The start of the server's text as `: TEXT`, empty where there is none or where it is HTML. */
function serverText({ url }: RefusedClient, { status, text, sent = {} }: RefusedResponse): string {
  // The text of a redirect is its target, which may contain a secret.
  if ((status >= 300 && status < 400) || /^\s*</.test(text)) return ''
  let shown = errorMessageIn(text)
  if (url.search) shown = shown.replaceAll(url.search, '?…')
  for (const secret of secretsIn(sent, url)) shown = shown.replaceAll(secret, '…')
  shown = shown.replace(UNPRINTABLE, ' ').replace(CREDENTIAL, '$1 …').trim().replace(/\.+$/, '')
  if (shown === '') return ''
  return `: ${shown.length > MAX_TEXT ? `${shown.slice(0, MAX_TEXT)}…` : shown}`
}

/** The values sent that may be secrets, the longest first: one may contain another. */
function secretsIn(sent: HeaderRecord, { search, searchParams }: URL): string[] {
  const values = partsOf(search)
  searchParams.forEach((value) => {
    values.push(value)
  })
  for (const [name, value] of Object.entries(sent)) {
    if (PUBLIC_HEADERS.test(name)) continue
    if (name !== 'authorization') values.push(value)
    values.push(...partsOf(value))
  }
  return values.filter(({ length }) => length >= MIN_SECRET).sort((one, other) => other.length - one.length)
}

/** The values within a value, such as those of cookies, without their names. */
function partsOf(value: string): string[] {
  return value.split(/[;,&]/).flatMap((part) => {
    const word = part.slice(part.lastIndexOf(' ') + 1)
    return [word, word.slice(word.indexOf('=') + 1)]
  })
}

/** The message of a JSON-RPC error, or else the whole text. */
function errorMessageIn(text: string): string {
  try {
    const message: unknown = JSON.parse(text)?.error?.message
    return typeof message === 'string' ? message : text
  } catch {
    return text
  }
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
export function markAsAuthFailure(error: unknown): unknown {
  if (typeof error === 'object' && error !== null && Object.isExtensible(error))
    Object.defineProperty(error, AUTH_SEAM, { value: true, configurable: true })
  return error
}
