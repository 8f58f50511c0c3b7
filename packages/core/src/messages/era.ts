import { isRequestId, type JsonRpcMessage, type JsonRpcRequest, type RequestId } from '../contract/message.js'
import { CANCELLED_METHOD, REVISION_KEY } from '../contract/protocol.js'

/**
 * Whether the request names its revision, as each does since 2026-07-28. Only such a request is cancelled by closing its
 * stream: the HTTP client of SDK v2 has `hasPerRequestStream` in every era.
 */
export function namesRevision(request: JsonRpcRequest): boolean {
  return typeof request.params?._meta?.[REVISION_KEY] === 'string'
}

/** The id of the request that the message cancels; `undefined` for other messages. */
export function cancelledBy(message: JsonRpcMessage): RequestId | undefined {
  if (!('method' in message) || message.method !== CANCELLED_METHOD) return undefined
  const id = message.params?.['requestId']
  return isRequestId(id) ? id : undefined
}
