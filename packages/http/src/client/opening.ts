import type { JsonRpcMessage } from '@mcpwire/core'

/** With these a conversation opens, and no server takes long over them. */
const OPENING: readonly string[] = ['initialize', 'server/discover']

/** Whether the message opens a conversation. */
export function isOpening(message: JsonRpcMessage): boolean {
  return 'method' in message && OPENING.includes(message.method)
}
