import {
  isErrorResponse,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from '../contract/message.js'
import { INITIALIZE_METHOD } from '../contract/protocol.js'

/** The one revision of MCP with JSON-RPC batches (2025-03-26, Basic: Batching). */
const REVISION_WITH_BATCHES = '2025-03-26'
/** Revisions are dates: their texts are ordered. */
const FIRST_REVISION_WITHOUT_SESSIONS = '2026-07-28'

/** Detects from passing messages whether the peer may send batches, and whether a session has begun. */
export interface BatchNegotiation {
  readonly allowed: boolean
  /** Whether a session has begun. Revisions since 2026-07-28 have none. */
  readonly isInSession: boolean
  sent(message: JsonRpcMessage): void
  received(message: JsonRpcMessage): void
}

/** Reads the response to `initialize`, in either direction. Batches are allowed where it names 2025-03-26. */
export function createBatchNegotiation(): BatchNegotiation {
  return new InitializeObserver()
}

// A class, because each connection has one: an object with its own accessor has a hidden class of its own.
class InitializeObserver implements BatchNegotiation {
  allowed = false
  isInSession = false
  #isSettled = false
  #sentId: RequestId | undefined
  #receivedId: RequestId | undefined

  sent(message: JsonRpcMessage): void {
    if (this.#isSettled) return
    if (isInitialize(message)) this.#sentId = message.id
    else if (this.#receivedId !== undefined && isResponseTo(message, this.#receivedId)) {
      this.#receivedId = undefined
      this.#settle(message)
    }
  }

  received(message: JsonRpcMessage): void {
    if (this.#isSettled) return
    if (isInitialize(message)) this.#receivedId = message.id
    else if (this.#sentId !== undefined && isResponseTo(message, this.#sentId)) {
      this.#sentId = undefined
      this.#settle(message)
    }
  }

  #settle(response: JsonRpcResponse): void {
    if (isErrorResponse(response)) return
    this.#isSettled = true
    const version = response.result['protocolVersion']
    this.allowed = version === REVISION_WITH_BATCHES
    this.isInSession = typeof version === 'string' && version < FIRST_REVISION_WITHOUT_SESSIONS
  }
}

/** Whether the message is an `initialize` request. */
export function isInitialize(message: JsonRpcMessage): message is JsonRpcRequest {
  return isRequest(message) && message.method === INITIALIZE_METHOD
}

function isResponseTo(message: JsonRpcMessage, id: RequestId): message is JsonRpcResponse {
  return isResponse(message) && message.id === id
}
