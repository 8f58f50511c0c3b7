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

/** Learns from the messages that pass whether the peer may send batches. */
export interface BatchNegotiation {
  readonly allowed: boolean
  sent(message: JsonRpcMessage): void
  received(message: JsonRpcMessage): void
}

/** Watches for the answer to `initialize`, in either direction; batches are allowed where it names 2025-03-26. */
export function batchesNegotiated(): BatchNegotiation {
  return new InitializeWatch()
}

// A class, as one is there for each connection: an object with an accessor of its own costs a hidden class each.
class InitializeWatch implements BatchNegotiation {
  allowed = false
  #isSettled = false
  #askedHere: RequestId | undefined
  #askedThere: RequestId | undefined

  sent(message: JsonRpcMessage): void {
    if (this.#isSettled) return
    if (isInitialize(message)) this.#askedHere = message.id
    else if (this.#askedThere !== undefined && answers(message, this.#askedThere)) {
      this.#askedThere = undefined
      this.#answered(message)
    }
  }

  received(message: JsonRpcMessage): void {
    if (this.#isSettled) return
    if (isInitialize(message)) this.#askedThere = message.id
    else if (this.#askedHere !== undefined && answers(message, this.#askedHere)) {
      this.#askedHere = undefined
      this.#answered(message)
    }
  }

  #answered(response: JsonRpcResponse): void {
    if (isErrorResponse(response)) return
    this.#isSettled = true
    this.allowed = response.result['protocolVersion'] === REVISION_WITH_BATCHES
  }
}

/** Whether the message is the request that opens a conversation. */
export function isInitialize(message: JsonRpcMessage): message is JsonRpcRequest {
  return isRequest(message) && message.method === INITIALIZE_METHOD
}

function answers(message: JsonRpcMessage, id: RequestId): message is JsonRpcResponse {
  return isResponse(message) && message.id === id
}
