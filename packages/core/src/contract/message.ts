import { TransportError } from './errors.js'

/**
 * The id of a request, unique among the pending requests of its sender: a string or an integer of at most 2⁵³−1.
 * Ids are opaque: `0` and `''` are ids, `1` and `'1'` differ (JSON-RPC 2.0, section 4).
 */
export type RequestId = string | number

/** The token that links progress notifications to their request. */
export type ProgressToken = string | number

/** The `_meta` object of params and results, with the members that a transport reads. */
export interface MessageMeta {
  [key: string]: unknown
  progressToken?: ProgressToken | undefined
  'io.modelcontextprotocol/related-task'?: { [key: string]: unknown; taskId: string } | undefined
}

/** The `params` of a request or notification. */
export interface MessageParams {
  [key: string]: unknown
  _meta?: MessageMeta | undefined
}

/** A request. It expects exactly one response with the same id. */
export interface JsonRpcRequest {
  jsonrpc: '2.0'
  id: RequestId
  method: string
  params?: MessageParams | undefined
}

/** A message without a response. */
export interface JsonRpcNotification {
  jsonrpc: '2.0'
  method: string
  params?: MessageParams | undefined
}

/** The response to a request that succeeded. */
export interface JsonRpcResultResponse {
  jsonrpc: '2.0'
  id: RequestId
  result: { [key: string]: unknown; _meta?: MessageMeta | undefined }
}

/** The response to a request that failed. Without `id` where the id of the request could not be read. */
export interface JsonRpcErrorResponse {
  jsonrpc: '2.0'
  id?: RequestId | undefined
  error: { code: number; message: string; data?: unknown }
}

/** A response to a request. */
export type JsonRpcResponse = JsonRpcResultResponse | JsonRpcErrorResponse

/** A message of an MCP transport (JSON-RPC 2.0 without batches). */
export type JsonRpcMessage = JsonRpcRequest | JsonRpcNotification | JsonRpcResponse

/** Whether the message is a request. */
export function isRequest(message: JsonRpcMessage): message is JsonRpcRequest {
  return 'method' in message && (message as JsonRpcRequest).id !== undefined
}

/** Whether the message is a notification. */
export function isNotification(message: JsonRpcMessage): message is JsonRpcNotification {
  return 'method' in message && (message as JsonRpcRequest).id === undefined
}

/** Whether the message is a response, with a result or with an error. */
export function isResponse(message: JsonRpcMessage): message is JsonRpcResponse {
  return !('method' in message)
}

/** Whether the message is a response with an error. */
export function isErrorResponse(message: JsonRpcMessage): message is JsonRpcErrorResponse {
  return 'error' in message && !('method' in message)
}

/** Whether the value is a valid request id: a string, or an integer of at most 2⁵³−1. */
export function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || Number.isSafeInteger(value)
}

/**
 * The value as a JSON-RPC message, or the reason why it is none.
 *
 * Checks the envelope only, not the contents of `params`, `result` and `error.data`. An error response with `id: null`
 * is returned without `id`: some peers send it when they could not read the id.
 */
export function parseMessage(value: unknown): JsonRpcMessage | string {
  if (typeof value !== 'object' || value === null) return 'not a JSON object'
  if (Array.isArray(value)) return 'a batch, but batches were not negotiated'
  const message = value as Record<string, unknown>
  if (message['jsonrpc'] !== '2.0') return 'no "jsonrpc": "2.0"'
  const { id, method } = message
  if (method !== undefined) {
    if (typeof method !== 'string') return 'its method is not a string'
    if (message['params'] !== undefined && !isObject(message['params'])) return 'its params are not an object'
    if (message['result'] !== undefined || message['error'] !== undefined)
      return 'both a request and a response'
    return id === undefined || isRequestId(id) ? (value as JsonRpcMessage) : unusableId
  }
  if (message['error'] !== undefined) return parseErrorResponse(message)
  if (!isRequestId(id)) return id === undefined ? 'neither a method nor an id' : unusableId
  if (!isObject(message['result'])) return 'its result is not an object'
  return value as JsonRpcMessage
}

const unusableId = 'its id is neither a string nor an integer of at most 2^53-1'

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseErrorResponse(message: Record<string, unknown>): JsonRpcMessage | string {
  const error = message['error'] as { code?: unknown; message?: unknown } | null
  if (message['result'] !== undefined) return 'both a result and an error'
  if (typeof error !== 'object' || error === null) return 'its error is not an object'
  if (!Number.isInteger(error.code)) return 'its error has no integer code'
  if (typeof error.message !== 'string') return 'its error has no message'
  if (message['id'] === null) {
    const { id: _unread, ...rest } = message
    return rest as unknown as JsonRpcMessage
  }
  if (message['id'] !== undefined && !isRequestId(message['id'])) return unusableId
  return message as unknown as JsonRpcMessage
}

/**
 * The JSON text of a message. Throws `SEND_FAILED` where there is none, such as for a cycle, a `BigInt`, or a value that is
 * nested deeper than the stack.
 */
export function toJson(message: JsonRpcMessage): string {
  let cause: unknown
  try {
    const text: string | undefined = JSON.stringify(message)
    if (text !== undefined) return text
  } catch (error) {
    cause = error
  }
  const reason = isStackOverflow(cause) ? 'is nested too deeply' : 'cannot be serialized to JSON'
  const details = { delivery: 'none', isSerializable: false } as const
  throw new TransportError('SEND_FAILED', `the message ${reason}`, details, { cause })
}

/** Engines differ in the class of this error. */
function isStackOverflow(error: unknown): boolean {
  return error instanceof Error && /call stack|recursion/i.test(error.message)
}
