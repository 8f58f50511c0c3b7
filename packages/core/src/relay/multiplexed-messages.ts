import {
  isRequest,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type MessageMeta,
  type ProgressToken,
  type RequestId,
} from '../contract/message.js'
import { CANCELLED_METHOD, PROGRESS_METHOD, SUBSCRIPTION_KEY } from '../contract/protocol.js'

/** The request under another id, which also replaces its progress token. */
export function renumbered(request: JsonRpcRequest, id: number): JsonRpcRequest {
  const { params } = request
  const meta = params?._meta
  if (meta?.progressToken === undefined) return { ...request, id }
  return { ...request, id, params: { ...params, _meta: { ...meta, progressToken: id } } }
}

/** The number of the subscription that the message belongs to. */
export function subscriptionOf(message: JsonRpcMessage): number | undefined {
  const id = metaOf(message)?.[SUBSCRIPTION_KEY]
  if (typeof id === 'number') return id
  // Some servers send the number as a string.
  return typeof id === 'string' && /^[1-9]\d{0,15}$/.test(id) ? Number(id) : undefined
}

/** Whether the message belongs to a subscription. */
export function namesSubscription(message: JsonRpcMessage): boolean {
  return metaOf(message)?.[SUBSCRIPTION_KEY] !== undefined
}

/** The response under the caller's id, which is also the caller's subscription id. */
export function restoredResponse(response: JsonRpcResponse, id: RequestId): JsonRpcResponse {
  if ('error' in response) return { ...response, id }
  const { result } = response
  if (!namesSubscription(response)) return { ...response, id }
  return { ...response, id, result: { ...result, _meta: { ...result._meta, [SUBSCRIPTION_KEY]: id } } }
}

/** The notification under the caller's subscription id. */
export function restoredSubscription(notification: JsonRpcNotification, id: RequestId): JsonRpcNotification {
  const { params } = notification
  return { ...notification, params: { ...params, _meta: { ...params?._meta, [SUBSCRIPTION_KEY]: id } } }
}

/** The progress under the caller's token. */
export function restoredProgress(
  notification: JsonRpcNotification,
  progressToken: ProgressToken,
): JsonRpcNotification {
  return { ...notification, params: { ...notification.params, progressToken } }
}

/** The cancellation under another request id. */
export function restoredCancellation(
  notification: JsonRpcNotification,
  requestId: RequestId,
): JsonRpcNotification {
  return { ...notification, params: { ...notification.params, requestId } }
}

/** The cancellation of the request of a closed caller. Its `_meta` describes the client as that of the request does. */
export function cancellationOf(meta: MessageMeta | undefined, requestId: number): JsonRpcNotification {
  const reason = 'the client has closed the connection'
  // Some servers take a first message without these members for one of a legacy client.
  const entries = Object.entries(meta ?? {}).filter(([key]) => ENVELOPE_KEYS.includes(key))
  const envelope = entries.length > 0 && { _meta: Object.fromEntries(entries) }
  return { jsonrpc: '2.0', method: CANCELLED_METHOD, params: { requestId, reason, ...envelope } }
}

const ENVELOPE_KEYS = ['protocolVersion', 'clientInfo', 'clientCapabilities'].map(
  (name) => `io.modelcontextprotocol/${name}`,
)

/** The token of a progress notification; `undefined` for other messages. */
export function progressTokenIn(message: JsonRpcMessage): unknown {
  return 'method' in message && message.method === PROGRESS_METHOD
    ? message.params?.['progressToken']
    : undefined
}

function metaOf(message: JsonRpcMessage): MessageMeta | undefined {
  if ('method' in message) return isRequest(message) ? undefined : message.params?._meta
  return 'result' in message ? message.result._meta : undefined
}
