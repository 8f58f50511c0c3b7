import { isErrorResponse, isRequest, isResponse, type JsonRpcMessage, type RequestId } from './message.js'

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
  let isSettled = false
  let allowed = false
  const asked = { here: undefined as RequestId | undefined, there: undefined as RequestId | undefined }

  function watch(message: JsonRpcMessage, asker: 'here' | 'there', answerer: 'here' | 'there'): void {
    if (isSettled) return
    if (isRequest(message)) {
      if (message.method === 'initialize') asked[asker] = message.id
    } else if (isResponse(message) && message.id !== undefined && message.id === asked[answerer]) {
      asked[answerer] = undefined
      if (isErrorResponse(message)) return
      isSettled = true
      allowed = message.result['protocolVersion'] === REVISION_WITH_BATCHES
    }
  }

  return {
    get allowed() {
      return allowed
    },
    sent: (message) => watch(message, 'here', 'there'),
    received: (message) => watch(message, 'there', 'here'),
  }
}
