import type { JsonRpcMessage, JsonRpcRequest, RequestId } from '../../src/index.js'

export interface Caller {
  readonly name: string
}

export const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'

export const a: Caller = { name: 'a' }

export const b: Caller = { name: 'b' }

export function ask(id: RequestId, meta?: object, method = 'tools/call'): JsonRpcRequest {
  return { jsonrpc: '2.0', id, method, params: { x: 1, ...(meta && { _meta: { ...meta } }) } }
}

export const listen = (id: RequestId): JsonRpcRequest => ask(id, {}, 'subscriptions/listen')

export const answer = (id: RequestId, result: object = {}): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id,
  result: { ...result },
})

export const note = (method: string, params: object = {}): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method,
  params: { ...params },
})

export const progress = (progressToken: unknown): JsonRpcMessage =>
  note('notifications/progress', { progressToken, progress: 1 })

export const cancelled = (requestId: unknown): JsonRpcMessage =>
  note('notifications/cancelled', { requestId })

export const changed = (subscription: unknown): JsonRpcMessage =>
  note('notifications/tools/list_changed', { _meta: { [SUBSCRIPTION]: subscription, other: 1 } })
