import { expect, test } from 'vitest'
import type { JsonRpcMessage, RequestId } from '../src/index.js'
import { createBatchNegotiation } from '../src/messages/batches.js'

const initialize = (id: RequestId): JsonRpcMessage => ({ jsonrpc: '2.0', id, method: 'initialize' })
const answer = (id: RequestId, protocolVersion: unknown): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id,
  result: { protocolVersion },
})

test('batches are not allowed before anything was negotiated', () => {
  expect(createBatchNegotiation().allowed).toBe(false)
})

test('batches are allowed when the peer answers initialize with 2025-03-26', () => {
  const batches = createBatchNegotiation()
  batches.sent(initialize(0))
  batches.received(answer(0, '2025-03-26'))

  expect(batches.allowed).toBe(true)
})

test('batches are allowed when initialize of the peer is answered with 2025-03-26', () => {
  const batches = createBatchNegotiation()
  batches.received(initialize(''))
  batches.sent(answer('', '2025-03-26'))

  expect(batches.allowed).toBe(true)
})

test.each(['2024-11-05', '2025-06-18', '2025-11-25', '2026-07-28', undefined, ['2025-03-26']])(
  'batches are not allowed under %o [GEN-09]',
  (version) => {
    const batches = createBatchNegotiation()
    batches.sent(initialize(1))
    batches.received(answer(1, version))

    expect(batches.allowed).toBe(false)
  },
)

test('an answer counts only from the one who was asked', () => {
  const batches = createBatchNegotiation()
  batches.received(initialize(1))
  batches.received(answer(1, '2025-03-26'))

  expect(batches.allowed).toBe(false)
})

test('an answer counts only for the very id that asked', () => {
  const batches = createBatchNegotiation()
  batches.sent(initialize(1))
  batches.received(answer('1', '2025-03-26'))

  expect(batches.allowed).toBe(false)
})

test('a second initialize after one that failed still negotiates', () => {
  const batches = createBatchNegotiation()
  batches.sent(initialize(1))
  batches.received({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no' } })
  batches.sent(initialize(2))
  batches.received(answer(2, '2025-03-26'))

  expect(batches.allowed).toBe(true)
})

test('what was negotiated once stays', () => {
  const batches = createBatchNegotiation()
  batches.sent(initialize(1))
  batches.received(answer(1, '2025-06-18'))
  batches.sent(initialize(2))
  batches.received(answer(2, '2025-03-26'))

  expect(batches.allowed).toBe(false)
})

test('other requests and answers without id change nothing', () => {
  const batches = createBatchNegotiation()
  batches.sent({ jsonrpc: '2.0', id: 1, method: 'ping' })
  batches.received(answer(1, '2025-03-26'))
  batches.received({ jsonrpc: '2.0', error: { code: 1, message: '' } })

  expect(batches.allowed).toBe(false)
})
