import fc from 'fast-check'
import type { JsonRpcMessage, RequestId } from '../../src/index.js'

const text = (): fc.Arbitrary<string> => fc.string({ unit: 'grapheme', maxLength: 12 })

const ids = (): fc.Arbitrary<RequestId> => fc.oneof(text(), fc.maxSafeInteger())

const objects = (): fc.Arbitrary<Record<string, unknown>> =>
  fc.dictionary(text(), fc.jsonValue({ maxDepth: 3, stringUnit: 'grapheme' }), { maxKeys: 4 })

/** Any JSON-RPC message, as JSON would give it. */
export function messages(): fc.Arbitrary<JsonRpcMessage> {
  const jsonrpc = fc.constant('2.0' as const)
  const error = fc.record(
    { code: fc.integer(), message: text(), data: fc.jsonValue({ maxDepth: 2 }) },
    { requiredKeys: ['code', 'message'] },
  )
  const message = fc.oneof(
    fc.record(
      { jsonrpc, id: ids(), method: text(), params: objects() },
      { requiredKeys: ['jsonrpc', 'id', 'method'] },
    ),
    fc.record({ jsonrpc, method: text(), params: objects() }, { requiredKeys: ['jsonrpc', 'method'] }),
    fc.record({ jsonrpc, id: ids(), result: objects() }),
    fc.record({ jsonrpc, id: ids(), error }, { requiredKeys: ['jsonrpc', 'error'] }),
  )
  // Through JSON, so that -0 and null prototypes do not make equal messages differ.
  return message.map((made) => JSON.parse(JSON.stringify(made)) as JsonRpcMessage)
}

/** A request with that method. */
export function request(id: RequestId, method = 'test/echo'): JsonRpcMessage {
  return { jsonrpc: '2.0', id, method }
}

/** A notification that carries a number, for tests of order. */
export function numbered(n: number): JsonRpcMessage {
  return { jsonrpc: '2.0', method: 'test/numbered', params: { n } }
}

/** The number a message of `numbered()` carries. */
export function numberOf(message: JsonRpcMessage): unknown {
  return 'method' in message ? message.params?.['n'] : undefined
}
