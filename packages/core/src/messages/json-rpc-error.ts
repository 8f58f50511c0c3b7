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
