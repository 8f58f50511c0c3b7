import { isRequest, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { isRequestId, parseMessage } from '@mcpwire/core/authoring'
import { INVALID_REQUEST, PARSE_ERROR } from '../../shared/error-codes.js'
import { type HttpFailure, tooManyInFlight } from './http-errors.js'
import type { Body } from './http-exchange.js'

/** What a body says. */
export interface Posted {
  readonly messages: readonly JsonRpcMessage[]
  readonly isBatch: boolean
  /** Why parts of a batch are no messages; they are left out. */
  readonly skipped?: readonly string[]
}

/** Whom requests are asked of. */
interface Asked {
  /** How many await their response. */
  readonly inFlight: number
  readonly settings: { readonly maxInFlight: number }
}

const INITIALIZE = 'initialize'
const BYTE_ORDER_MARK = 0xfeff
/** Each request of a batch is one for the application to answer. */
const MOST_IN_A_BATCH = 100

/** The messages in a body, or why there are none. Whether a batch is allowed is for the session to say. */
export function postedIn(body: Body, maxBytes: number): Posted | HttpFailure {
  switch (body.kind) {
    case 'text':
      return postedText(body.text)
    case 'value':
      return postedValue(body.value)
    case 'too-large':
      return invalid(413, `the body is longer than ${maxBytes} bytes`)
    case 'coded':
      return invalid(415, 'the body must have no Content-Encoding')
    case 'too-slow':
      return invalid(408, 'the body did not arrive in time')
    case 'not-utf-8':
      return { status: 400, code: PARSE_ERROR, message: 'Parse error: the body is not UTF-8' }
    default:
      return invalid(400, 'the body is incomplete')
  }
}

function postedText(text: string): Posted | HttpFailure {
  let value: unknown
  try {
    value = JSON.parse(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text)
  } catch {
    return { status: 400, code: PARSE_ERROR, message: 'Parse error: the body is not JSON' }
  }
  return postedValue(value)
}

function postedValue(value: unknown): Posted | HttpFailure {
  if (Array.isArray(value)) return postedBatch(value)
  const message = parseMessage(value)
  if (typeof message === 'string') return invalid(400, message, idIn(value))
  return { messages: [message], isBatch: false }
}

function postedBatch(values: readonly unknown[]): Posted | HttpFailure {
  if (values.length === 0) return invalid(400, 'an empty batch')
  if (values.length > MOST_IN_A_BATCH) return invalid(400, `a batch of more than ${MOST_IN_A_BATCH} messages`)
  const messages: JsonRpcMessage[] = []
  const skipped: string[] = []
  for (const value of values) {
    const message = parseMessage(value)
    if (typeof message === 'string') skipped.push(message)
    else if (isInitialize(message)) return invalid(400, '"initialize" in a batch')
    else messages.push(message)
  }
  if (messages.length === 0) return invalid(400, `in a batch: ${skipped[0]}`)
  return { messages, isBatch: true, skipped }
}

/** Whether the message opens a session. */
export function isInitialize(message: JsonRpcMessage): boolean {
  return isRequest(message) && message.method === INITIALIZE
}

/** What those get who would have more requests in flight with these than they may. */
export function overload(
  { inFlight, settings: { maxInFlight } }: Asked,
  { messages }: Posted,
): HttpFailure | undefined {
  if (inFlight + messages.length <= maxInFlight) return undefined
  const asked = messages.filter(isRequest)
  return inFlight + asked.length <= maxInFlight ? undefined : tooManyInFlight(maxInFlight, asked[0]?.id)
}

/** A failure that is the caller's. */
export function invalid(status: number, what: string, id?: RequestId): HttpFailure {
  return { status, code: INVALID_REQUEST, message: `Invalid request: ${what}`, id }
}

function idIn(value: unknown): RequestId | undefined {
  const id: unknown = (value as { id?: unknown } | null)?.id
  return isRequestId(id) ? id : undefined
}
