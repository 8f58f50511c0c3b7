import type {
  JsonRpcMessage,
  JsonRpcNotification,
  JsonRpcRequest,
  JsonRpcResultResponse,
} from '@mcpwire/core'
import { systemClock } from '@mcpwire/core'

/** A notification with a number. */
export function notification(n: number, more: Readonly<Record<string, unknown>> = {}): JsonRpcNotification {
  return { jsonrpc: '2.0', method: 'test/note', params: { n, ...more } }
}

/** The numbers of the notifications in these messages, in order. */
export function numbersOf(messages: readonly JsonRpcMessage[]): unknown[] {
  return messages.flatMap((message) =>
    'method' in message && message.method === 'test/note' ? [message.params?.['n']] : [],
  )
}

/** The numbers from 0 to `length` - 1. */
export function count(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}

/** A request with this id. */
export function request(id: string | number, method = 'test/ask'): JsonRpcRequest {
  return { jsonrpc: '2.0', id, method, params: {} }
}

/** The response to a request with this id. */
export function response(
  id: string | number,
  result: JsonRpcResultResponse['result'] = {},
): JsonRpcResultResponse {
  return { jsonrpc: '2.0', id, result }
}

/** A notification whose JSON text has exactly this many bytes. */
export function notificationOfBytes(n: number, bytes: number): JsonRpcNotification {
  const bare = JSON.stringify(notification(n, { fill: '' })).length
  return notification(n, { fill: 'x'.repeat(bytes - bare) })
}

/** The messages of a long burst. With `occupy` for each, they take 200 ms. */
export const BURST_MESSAGES = 1_000
const MESSAGE_MS = 0.2

/** Occupies the process for the time of one message of a burst. */
export function occupy(): void {
  const end = systemClock.now() + MESSAGE_MS
  while (systemClock.now() < end);
}
