import { expect, test } from 'vitest'
import type { JsonRpcMessage, RequestId } from '../src/index.js'
import { createBatchNegotiation } from '../src/messages/batches.js'

const initialize = (id: RequestId): JsonRpcMessage => ({ jsonrpc: '2.0', id, method: 'initialize' })
const answer = (id: RequestId, protocolVersion: unknown): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id,
  result: { protocolVersion },
})

test('does not allow batches before the negotiation', () => {
  expect(createBatchNegotiation().allowed).toBe(false)
})

test('allows batches when the peer responds to initialize with 2025-03-26', () => {
  const batches = createBatchNegotiation()
  batches.sent(initialize(0))
  batches.received(answer(0, '2025-03-26'))

  expect(batches.allowed).toBe(true)
})

test("allows batches when the response to the peer's initialize names 2025-03-26", () => {
  const batches = createBatchNegotiation()
  batches.received(initialize(''))
  batches.sent(answer('', '2025-03-26'))

  expect(batches.allowed).toBe(true)
})

test.each(['2024-11-05', '2025-06-18', '2025-11-25', '2026-07-28', undefined, ['2025-03-26']])(
  'does not allow batches under %o [GEN-09]',
  (version) => {
    const batches = createBatchNegotiation()
    batches.sent(initialize(1))
    batches.received(answer(1, version))

    expect(batches.allowed).toBe(false)
  },
)

test('ignores a response from the sender of the request', () => {
  const batches = createBatchNegotiation()
  batches.received(initialize(1))
  batches.received(answer(1, '2025-03-26'))

  expect(batches.allowed).toBe(false)
})

test('ignores a response with another id', () => {
  const batches = createBatchNegotiation()
  batches.sent(initialize(1))
  batches.received(answer('1', '2025-03-26'))

  expect(batches.allowed).toBe(false)
})

test('accepts a second initialize after a failed one', () => {
  const batches = createBatchNegotiation()
  batches.sent(initialize(1))
  batches.received({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no' } })
  batches.sent(initialize(2))
  batches.received(answer(2, '2025-03-26'))

  expect(batches.allowed).toBe(true)
})

test('keeps the first negotiation', () => {
  const batches = createBatchNegotiation()
  batches.sent(initialize(1))
  batches.received(answer(1, '2025-06-18'))
  batches.sent(initialize(2))
  batches.received(answer(2, '2025-03-26'))

  expect(batches.allowed).toBe(false)
})

test('ignores other requests and responses without an id', () => {
  const batches = createBatchNegotiation()
  batches.sent({ jsonrpc: '2.0', id: 1, method: 'ping' })
  batches.received(answer(1, '2025-03-26'))
  batches.received({ jsonrpc: '2.0', error: { code: 1, message: '' } })

  expect(batches.allowed).toBe(false)
})
