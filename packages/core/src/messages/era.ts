import { isRequestId, type JsonRpcMessage, type JsonRpcRequest, type RequestId } from '../contract/message.js'
import { CANCELLED_METHOD, REVISION_KEY } from '../contract/protocol.js'

/**
 * Whether the request says itself which revision it keeps to, as all do since 2026-07-28. Only such a one is
 * cancelled by closing its stream: the HTTP client of the v2 SDK has `hasPerRequestStream` in every era.
 */
export function namesRevision(request: JsonRpcRequest): boolean {
  return typeof request.params?._meta?.[REVISION_KEY] === 'string'
}

/** The request that the message cancels, if it is such a notification and names one. */
export function cancelledBy(message: JsonRpcMessage): RequestId | undefined {
  if (!('method' in message) || message.method !== CANCELLED_METHOD) return undefined
  const id = message.params?.['requestId']
  return isRequestId(id) ? id : undefined
}
