import {
  type AuthInfo,
  isRequest,
  isTransportError,
  type JsonRpcErrorData,
  type JsonRpcMessage,
  type MessageContext,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import {
  INITIALIZE_METHOD,
  isRequestId,
  type MessageReader,
  parseMessage,
  previewOf,
  requestIdIn,
  toJson,
  tooLargeToAccept,
  tooLargeToSend,
} from '@mcpwire/core/authoring'
import { INTERNAL_ERROR, PARSE_ERROR } from '../../shared/error-codes.js'
import { EVENT_STREAM_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../../shared/media-types.js'
import { utf8Length } from '../../shared/utf8-length.js'
import {
  type HttpFailure,
  invalidRequest,
  overloaded,
  shareInFlight,
  tooManyInFlight,
} from './http-errors.js'
import type { Body, HttpExchange } from './http-exchange.js'
import type { PrincipalUsage } from './session-eviction.js'

// Messages in HTTP bodies. Incoming: media type → body → JSON → messages. Outgoing: message → JSON text.

/** The messages of a body. */
export interface Posted {
  readonly messages: readonly JsonRpcMessage[]
  readonly isBatch: boolean
  /** The members of a batch that are no messages. */
  readonly skipped?: readonly MalformedMember[]
}

/** A member of a batch that is no message. */
interface MalformedMember {
  readonly reason: string
  readonly value: unknown
}

/** The requested responses: JSON, an event stream, or JSON that may become a stream. */
export type ResponseFormat = 'auto' | 'json' | 'sse'

/** The `Accept` header of MCP clients. */
const USUAL_ACCEPT = `${JSON_MEDIA_TYPE}, ${EVENT_STREAM_MEDIA_TYPE}`
const BYTE_ORDER_MARK = 0xfeff
const MAX_BATCH = 100

/** The error for a body without a message, as it is reported. */
export function errorOf(
  body: Body,
  { message }: HttpFailure,
  { handshake }: HttpExchange,
  maxMessageBytes: number,
): Error {
  const address = `http://${handshake.remote.address ?? ''}`
  if (body.kind === 'too-large') return tooLargeToAccept(body.bytes, maxMessageBytes, address)
  return malformedMessage(message, address, body.kind === 'text' ? body.text : '')
}

/** The error for something that is not a message. */
function malformedMessage(reason: string, address: string, text = ''): TransportError {
  const preview = previewOf(text)
  return new TransportError('MALFORMED_MESSAGE', `skipped a message from ${address}: ${reason}`, { preview })
}

/** Reports a malformed body to the reader of its session, which may settle a pending request with it. */
export function rejectBody(
  reader: MessageReader,
  error: Error,
  body: Body,
  report: (error: Error) => void,
): void {
  if (!isTransportError(error, 'MALFORMED_MESSAGE')) report(error)
  else if (body.kind === 'text') reader.rejected(reasonIn(error), parsedOrText(body.text))
  else if (body.kind === 'value') reader.rejected(reasonIn(error), body.value)
  else reader.rejected(reasonIn(error), '')
}

/** The reason without the name of the JSON-RPC error. */
function reasonIn({ message }: Error): string {
  return message.replace(/^.*?(?:Parse error|Invalid request): /, '')
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The messages in a body, or the failure. Whether a batch is allowed depends on the session. */
export function parseBody(body: Body, maxBytes: number): Posted | HttpFailure {
  switch (body.kind) {
    case 'text':
      return parseText(body.text)
    case 'value':
      return parseValue(body.value)
    case 'too-large':
      return invalidRequest(413, `the body is longer than maxMessageBytes (${maxBytes})`)
    case 'coded':
      return invalidRequest(415, 'the body must have no Content-Encoding')
    case 'too-slow':
      return invalidRequest(408, 'the body did not arrive in time')
    case 'overloaded':
      return overloaded('the server holds too many bytes', 'maxTotalBytes')
    case 'paused':
      return overloaded('the application accepts no messages now', 'bodyTimeoutMs')
    case 'not-utf-8':
      return parseError('the body is not UTF-8')
    default:
      return invalidRequest(400, 'the body is incomplete')
  }
}

/** The data of the error for a body without a message. Nothing of it has run. */
const notRun: JsonRpcErrorData = { code: 'MALFORMED_MESSAGE', delivery: 'none' }

function parseError(reason: string, id?: RequestId): HttpFailure {
  return { status: 400, code: PARSE_ERROR, message: `Parse error: ${reason}`, data: notRun, id }
}

/** The failure for a body without valid messages. */
export function noMessage(reason: string, id?: RequestId): HttpFailure {
  return { ...invalidRequest(400, reason, id), data: notRun }
}

function parseText(text: string): Posted | HttpFailure {
  let value: unknown
  try {
    value = JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text)
  } catch {
    return parseError('the body is not JSON', requestIdIn(text))
  }
  return parseValue(value)
}

function parseValue(value: unknown): Posted | HttpFailure {
  if (Array.isArray(value)) return parseBatch(value)
  const message = parseMessage(value)
  if (typeof message === 'string') return noMessage(message, idIn(value))
  return { messages: [message], isBatch: false }
}

function parseBatch(values: readonly unknown[]): Posted | HttpFailure {
  if (values.length === 0) return noMessage('an empty batch')
  if (values.length > MAX_BATCH) return noMessage(`a batch of more than ${MAX_BATCH} messages`)
  const messages: JsonRpcMessage[] = []
  const skipped: MalformedMember[] = []
  for (const value of values) {
    const message = parseMessage(value)
    if (typeof message === 'string') skipped.push({ reason: message, value })
    else if (isInitialize(message)) return noMessage('"initialize" in a batch')
    else messages.push(message)
  }
  if (messages.length === 0) return noMessage(`in a batch: ${skipped[0]?.reason}`)
  return { messages, isBatch: true, skipped }
}

function idIn(value: unknown): RequestId | undefined {
  const id: unknown = (value as { id?: unknown } | null)?.id
  return isRequestId(id) ? id : undefined
}

/** Whether the message opens a session. */
export function isInitialize(message: JsonRpcMessage | undefined): boolean {
  return message !== undefined && isRequest(message) && message.method === INITIALIZE_METHOD
}

const GET_TASK_METHOD = 'tasks/get'

/** A task is polled again and again: such a response is never a stream (GEN-34). */
export function isTaskPoll(message: object | undefined): boolean {
  return message !== undefined && 'method' in message && message.method === GET_TASK_METHOD
}

/** A session, as far as its limits of requests in flight need it. */
interface InFlightCounts {
  readonly inFlight: number
  readonly usage: PrincipalUsage
  /** Whether the gate has named its principal. */
  readonly isNamed: boolean
  readonly settings: {
    readonly maxInFlight: number
    readonly maxInFlightPerPrincipal?: number | undefined
  }
}

/** The failure for posted requests that exceed `maxInFlight` of their session, or the share of their principal. */
export function inFlightFailure(session: InFlightCounts, { messages }: Posted): HttpFailure | undefined {
  const { inFlight, usage, isNamed, settings } = session
  const { maxInFlight, maxInFlightPerPrincipal = maxInFlight } = settings
  const ofPrincipal = isNamed ? usage.inFlight : 0
  const isWithin = (count: number): boolean =>
    inFlight + count <= maxInFlight && ofPrincipal + count <= maxInFlightPerPrincipal
  if (isWithin(messages.length)) return undefined
  const requests = messages.filter(isRequest)
  if (isWithin(requests.length)) return undefined
  const [first] = requests
  return inFlight + requests.length > maxInFlight
    ? tooManyInFlight(maxInFlight, first?.id)
    : shareInFlight(maxInFlightPerPrincipal, first?.id)
}

/** The format of a response with this `Accept` header; `undefined` where there is none. */
export function formatFor(
  accept: string | undefined,
  configured: ResponseFormat,
): ResponseFormat | undefined {
  const json = acceptsJson(accept)
  const events = acceptsEvents(accept)
  if (json && events) return configured
  if (json) return configured === 'sse' ? undefined : 'json'
  return events && configured !== 'json' ? 'sse' : undefined
}

/** Whether the media type of a body is JSON in UTF-8, which is the default charset of JSON. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === JSON_MEDIA_TYPE) return true
  if (contentType === undefined || typeOf(contentType) !== JSON_MEDIA_TYPE) return false
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType) ?? []
  return /^(utf-?8|us-ascii)$/i.test(charset)
}

/** Whether a body has no content coding such as `gzip`. */
export function isPlainCoding(contentEncoding: string | undefined): boolean {
  return contentEncoding === undefined || contentEncoding.trim().toLowerCase() === 'identity'
}

/** Whether JSON is acceptable. Without the header, everything is (RFC 9110, section 12.5.1). */
function acceptsJson(accept: string | undefined): boolean {
  return accept === undefined || accept === USUAL_ACCEPT || accepts(accept, JSON_MEDIA_TYPE)
}

/** Whether an event stream is acceptable. */
export function acceptsEvents(accept: string | undefined): boolean {
  return accept === undefined || accept === USUAL_ACCEPT || accepts(accept, EVENT_STREAM_MEDIA_TYPE)
}

function accepts(accept: string, type: string): boolean {
  const range = `${type.slice(0, type.indexOf('/'))}/*`
  return accept.split(',').some((item) => {
    const accepted = typeOf(item)
    return (
      (accepted === type || accepted === range || accepted === '*/*') && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(item)
    )
  })
}

function typeOf(value: string): string {
  const end = value.indexOf(';')
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase()
}

/** A message to send, with its JSON text. */
export interface Outgoing {
  readonly message: JsonRpcMessage
  readonly json: string
}

/** The error of a response that cannot be sent. */
export const unsendable: { readonly code: number; readonly message: string } = {
  code: INTERNAL_ERROR,
  message: 'the response could not be sent',
}

/** The JSON text of a message. Throws `MESSAGE_TOO_LARGE` over the limit, and `SEND_FAILED` where there is none. */
export function jsonWithin(message: JsonRpcMessage, maxMessageBytes: number): string {
  const json = toJson(message)
  // UTF-8 takes at most three bytes for one UTF-16 unit.
  if (json.length * 3 <= maxMessageBytes) return json
  const bytes = utf8Length(json)
  if (bytes > maxMessageBytes) throw tooLargeToSend(bytes, maxMessageBytes)
  return json
}

// Classes, as each request has one of each: what they hold is built only when it is read.

/** The context of the messages of one HTTP request. */
export class HttpContext implements MessageContext {
  declare authInfo?: AuthInfo
  declare closeSSEStream?: () => void
  declare closeStandaloneSSEStream?: () => void
  readonly requestInfo: RequestInfo
  readonly #exchange: HttpExchange

  constructor(exchange: HttpExchange, authInfo: AuthInfo | undefined) {
    this.#exchange = exchange
    this.requestInfo = new RequestInfo(exchange)
    if (authInfo !== undefined) this.authInfo = authInfo
  }

  get request(): Request {
    return this.#exchange.request
  }
}

class RequestInfo {
  readonly headers: Record<string, string>
  readonly #exchange: HttpExchange

  constructor(exchange: HttpExchange) {
    this.#exchange = exchange
    this.headers = exchange.handshake.headers
  }

  get url(): URL {
    return this.#exchange.url
  }
}
