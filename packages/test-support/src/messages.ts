type Id = string | number
type Params = Readonly<Record<string, unknown>>

interface Request {
  readonly jsonrpc: '2.0'
  readonly id: Id
  readonly method: string
  readonly params?: Record<string, unknown>
}

interface Notification {
  readonly jsonrpc: '2.0'
  readonly method: string
  readonly params?: Record<string, unknown>
}

interface Response {
  readonly jsonrpc: '2.0'
  readonly id: Id
  readonly result: Record<string, unknown>
}

/** A request. Without `params` it has none. */
export function request(id: Id, method: string, params?: Params): Request {
  return { jsonrpc: '2.0', id, method, ...(params && { params: { ...params } }) }
}

/** A notification. Without `params` it has none. */
export function notification(method: string, params?: Params): Notification {
  return { jsonrpc: '2.0', method, ...(params && { params: { ...params } }) }
}

/** A successful response. */
export function response(id: Id, result: Params = {}): Response {
  return { jsonrpc: '2.0', id, result: { ...result } }
}

/** The parameters of `initialize`, of a client named `test`. */
export function initializeParams(protocolVersion = '2025-11-25'): {
  protocolVersion: string
  capabilities: Record<string, unknown>
  clientInfo: { name: string; version: string }
} {
  return { protocolVersion, capabilities: {}, clientInfo: { name: 'test', version: '1' } }
}

/** The cancellation of a request. */
export function cancelled(requestId: unknown): Notification {
  return notification('notifications/cancelled', { requestId })
}
