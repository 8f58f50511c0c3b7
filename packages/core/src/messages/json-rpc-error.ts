import { isTransportError, type TransportError, type TransportErrorCode } from '../contract/errors.js'
import { INTERNAL_ERROR_CODE } from '../contract/protocol.js'

/** A JSON-RPC error response as an error: `request()` rejects with it, and a request handler may throw it. */
export class JsonRpcError extends Error {
  override readonly name = 'JsonRpcError'
  readonly code: number
  readonly data: unknown

  constructor(code: number, message: string, data?: unknown, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.data = data
    Object.defineProperty(this, BRAND, { value: true })
  }
}

const BRAND: unique symbol = Symbol.for('@mcpwire/JsonRpcError') as never

/** Whether the value is a `JsonRpcError`. Works across copies of this package, where `instanceof` does not. */
export function isJsonRpcError(error: unknown): error is JsonRpcError {
  return error instanceof Error && BRAND in error
}

/** The `error` member of the response to a request whose handler threw. Other errors contribute their message only. */
export function toErrorMember(thrown: unknown): { code: number; message: string; data?: unknown } {
  if (isJsonRpcError(thrown)) {
    const { code, message, data } = thrown
    return data === undefined ? { code, message } : { code, message, data }
  }
  return { code: INTERNAL_ERROR_CODE, message: thrown instanceof Error ? thrown.message : 'Internal error' }
}

/** The `data` of the JSON-RPC errors that these packages originate. */
export interface JsonRpcErrorData {
  /** The code of the error behind it, one of `TransportErrorCode`. */
  readonly code: TransportErrorCode
  /** `none` where the request certainly did not reach its receiver. `unknown` where it may have run. */
  readonly delivery?: 'none' | 'unknown'
  /** An instruction: the thing to check or to change. Only for the own client, not for callers of a listener. */
  readonly hint?: string
  /** The time to wait before the next attempt, in milliseconds. */
  readonly retryAfterMs?: number
  /** The code of the cause, such as `ECONNRESET`. */
  readonly cause?: string
}

/**
 * The typed data of an error of these packages; `undefined` for other errors. It reads
 *
 * - a `TransportError`, from `send()`, `start()` or `closed`;
 * - a JSON-RPC error with `data`: a `JsonRpcError`, the `McpError` of SDK v1, the `ProtocolError` of SDK v2, and the
 *   `error` member of a response;
 * - an error with one of these as its `cause`, such as an `SdkError` of SDK v2.
 *
 * The reason of an ended conversation replaces `CLOSED`.
 *
 * @example
 * ```ts
 * try {
 *   await client.callTool({ name: 'search' })
 * } catch (error) {
 *   if (errorDataOf(error)?.delivery === 'none') await retry()
 * }
 * ```
 */
export function errorDataOf(error: unknown): JsonRpcErrorData | undefined {
  let each = error
  for (let depth = 0; depth < MAX_CAUSES && typeof each === 'object' && each !== null; depth++) {
    const { data, cause } = each as { readonly data?: unknown; readonly cause?: unknown }
    const found = isTransportError(each) ? dataOfTransportError(each) : dataIn(data)
    if (found) return found
    each = cause
  }
  return undefined
}

/** The most causes that are followed: a chain may be a circle. */
const MAX_CAUSES = 8

/** The reason of an ended conversation, which is more specific than `CLOSED`; else the error itself. */
export function failureOf(error: unknown): unknown {
  return isTransportError(error, 'CLOSED') && isTransportError(error.cause) ? error.cause : error
}

/** The typed data of a `TransportError`. */
export function dataOfTransportError(error: TransportError): JsonRpcErrorData {
  const { code, details, cause } = failureOf(error) as TransportError
  const { code: causeCode } = (cause ?? {}) as { readonly code?: unknown }
  const delivery = PROVED_DELIVERY[code]
  return { ...(delivery && { delivery }), ...membersOf({ ...details, cause: causeCode }), code }
}

/** The codes that determine by themselves whether a request may have run. */
const PROVED_DELIVERY: { readonly [C in TransportErrorCode]?: 'none' | 'unknown' } = {
  OUTCOME_UNKNOWN: 'unknown',
  OVERLOADED: 'none',
  REQUEST_TIMEOUT: 'unknown',
}

function dataIn(data: unknown): JsonRpcErrorData | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { code } = data as { readonly code?: unknown }
  return isCode(code) ? { ...membersOf(data), code } : undefined
}

function membersOf(source: object): Omit<JsonRpcErrorData, 'code'> {
  const { delivery, hint, retryAfterMs, cause } = source as Readonly<Record<string, unknown>>
  return {
    ...((delivery === 'none' || delivery === 'unknown') && { delivery }),
    ...(typeof hint === 'string' && { hint }),
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
    ...(typeof cause === 'string' && { cause }),
  }
}

/** All codes. A record, so that the compiler reports a missing one. */
const CODES: Readonly<Record<TransportErrorCode, true>> = {
  NOT_STARTED: true,
  ALREADY_STARTED: true,
  CLOSED: true,
  INVALID_OPTION: true,
  CONNECT_FAILED: true,
  CONNECT_TIMEOUT: true,
  LISTEN_FAILED: true,
  REFUSED: true,
  AUTH_REQUIRED: true,
  SEND_FAILED: true,
  OVERLOADED: true,
  PEER_LOST: true,
  SESSION_LOST: true,
  PROCESS_EXITED: true,
  REQUEST_TIMEOUT: true,
  OUTCOME_UNKNOWN: true,
  MESSAGE_TOO_LARGE: true,
  MALFORMED_MESSAGE: true,
  CIRCUIT_OPEN: true,
  RECONNECT_EXHAUSTED: true,
  CALLBACK_FAILED: true,
}

function isCode(value: unknown): value is TransportErrorCode {
  return typeof value === 'string' && Object.hasOwn(CODES, value)
}
