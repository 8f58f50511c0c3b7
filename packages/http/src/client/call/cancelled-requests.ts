import { isResponse, type JsonRpcMessage, type JsonRpcRequest, type RequestId } from '@mcpwire/core'
import { PROGRESS_METHOD } from '@mcpwire/core/authoring'

/** The most cancelled requests whose late messages are recognized. */
const MAX_CANCELLED = 1_000

/** The latest cancelled requests. A late response or progress of such a request is no error. */
export class CancelledRequests {
  readonly #tokens = new Map<RequestId, unknown>()

  add({ id, params }: JsonRpcRequest): void {
    this.#tokens.set(id, params?._meta?.progressToken)
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= MAX_CANCELLED) return
      this.#tokens.delete(oldest)
    }
  }

  /** A request is sent whose id may be that of a cancelled one. */
  reuse({ id }: JsonRpcRequest): void {
    this.#tokens.delete(id)
  }

  /** Whether the message belongs to a cancelled request. */
  isLate(message: JsonRpcMessage): boolean {
    if (this.#tokens.size === 0) return false
    if (isResponse(message)) return message.id !== undefined && this.#tokens.has(message.id)
    if (message.method !== PROGRESS_METHOD) return false
    const token = message.params?.['progressToken']
    return token !== undefined && [...this.#tokens.values()].includes(token)
  }
}
