import { isResponse, type JsonRpcMessage, type RequestId } from '@mcpwire/core'

/** With these a conversation opens, and no server takes long over them. */
const OPENING: readonly string[] = ['initialize', 'server/discover']

/** Whether the message opens a conversation. */
export function isOpening(message: JsonRpcMessage): boolean {
  return 'method' in message && OPENING.includes(message.method)
}

/**
 * Whether the message has to wait until that `initialize` is answered. A response does not: what it answers may be
 * what `initialize` waits for; nor does a ping, nor what cancels `initialize` itself.
 */
export function waitsFor(initialize: RequestId | undefined, message: JsonRpcMessage): boolean {
  if (isResponse(message) || message.method === 'ping') return false
  return message.method !== 'notifications/cancelled' || message.params?.['requestId'] !== initialize
}
