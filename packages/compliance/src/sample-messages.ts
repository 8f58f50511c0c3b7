import type {
  JsonRpcMessage,
  JsonRpcNotification,
  JsonRpcRequest,
  JsonRpcResultResponse,
} from '@mcpwire/core'

/** A notification that carries its number. */
export function note(n: number, more: Readonly<Record<string, unknown>> = {}): JsonRpcNotification {
  return { jsonrpc: '2.0', method: 'test/note', params: { n, ...more } }
}

/** The numbers of the notifications among these messages, in order. */
export function numbersOf(messages: readonly JsonRpcMessage[]): unknown[] {
  return messages.flatMap((message) =>
    'method' in message && message.method === 'test/note' ? [message.params?.['n']] : [],
  )
}

/** The numbers from 0, as many as asked for. */
export function count(howMany: number): number[] {
  return Array.from({ length: howMany }, (_, index) => index)
}

/** A request with that id. */
export function request(id: string | number, method = 'test/ask'): JsonRpcRequest {
  return { jsonrpc: '2.0', id, method, params: {} }
}

/** The answer to a request with that id. */
export function answer(
  id: string | number,
  result: JsonRpcResultResponse['result'] = {},
): JsonRpcResultResponse {
  return { jsonrpc: '2.0', id, result }
}

/** A notification whose JSON text has exactly that many bytes. */
export function noteOfBytes(n: number, bytes: number): JsonRpcNotification {
  const bare = JSON.stringify(note(n, { fill: '' })).length
  return note(n, { fill: 'x'.repeat(bytes - bare) })
}
