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

/** The request under another id, which is its progress token too if it has one. */
export function renumbered(request: JsonRpcRequest, id: number): JsonRpcRequest {
  const { params } = request
  const meta = params?._meta
  if (meta?.progressToken === undefined) return { ...request, id }
  return { ...request, id, params: { ...params, _meta: { ...meta, progressToken: id } } }
}

/** The id of the subscription that the message belongs to, as the number we gave it. */
export function subscriptionOf(message: JsonRpcMessage): number | undefined {
  const id = metaOf(message)?.[SUBSCRIPTION_KEY]
  if (typeof id === 'number') return id
  // Some servers say a number as text.
  return typeof id === 'string' && /^[1-9]\d{0,15}$/.test(id) ? Number(id) : undefined
}

/** Whether the message belongs to a subscription, ours or not. */
export function namesSubscription(message: JsonRpcMessage): boolean {
  return metaOf(message)?.[SUBSCRIPTION_KEY] !== undefined
}

/** The answer under the id the caller knows, which is also what it calls the subscription. */
export function restoredAnswer(response: JsonRpcResponse, id: RequestId): JsonRpcResponse {
  if ('error' in response) return { ...response, id }
  const { result } = response
  if (!namesSubscription(response)) return { ...response, id }
  return { ...response, id, result: { ...result, _meta: { ...result._meta, [SUBSCRIPTION_KEY]: id } } }
}

/** The notification with the subscription called as the caller knows it. */
export function restoredSubscription(notification: JsonRpcNotification, id: RequestId): JsonRpcNotification {
  const { params } = notification
  return { ...notification, params: { ...params, _meta: { ...params?._meta, [SUBSCRIPTION_KEY]: id } } }
}

/** The progress under the token the caller chose. */
export function restoredProgress(
  notification: JsonRpcNotification,
  progressToken: ProgressToken,
): JsonRpcNotification {
  return { ...notification, params: { ...notification.params, progressToken } }
}

/** The cancellation of the request that the other end knows by this id. */
export function restoredCancellation(
  notification: JsonRpcNotification,
  requestId: RequestId,
): JsonRpcNotification {
  return { ...notification, params: { ...notification.params, requestId } }
}

/** What tells the other end that nobody awaits the request any more. It says of its sender what the request said. */
export function cancellationOf(meta: MessageMeta | undefined, requestId: number): JsonRpcNotification {
  const reason = 'the caller is gone'
  // A server that tells eras apart by the first message would take one without these for a legacy one.
  const said = Object.entries(meta ?? {}).filter(([key]) => ENVELOPE_KEYS.includes(key))
  const envelope = said.length > 0 && { _meta: Object.fromEntries(said) }
  return { jsonrpc: '2.0', method: CANCELLED_METHOD, params: { requestId, reason, ...envelope } }
}

const ENVELOPE_KEYS = ['protocolVersion', 'clientInfo', 'clientCapabilities'].map(
  (name) => `io.modelcontextprotocol/${name}`,
)

/** The token of a progress notification, if it is one. */
export function progressTokenIn(message: JsonRpcMessage): unknown {
  return 'method' in message && message.method === PROGRESS_METHOD
    ? message.params?.['progressToken']
    : undefined
}

function metaOf(message: JsonRpcMessage): MessageMeta | undefined {
  if ('method' in message) return isRequest(message) ? undefined : message.params?._meta
  return 'result' in message ? message.result._meta : undefined
}
