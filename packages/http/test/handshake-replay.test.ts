import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { cancelled, initializeParams, request as requestOf } from '@mcpwire/test-support/messages'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type HandshakeReplay, handshakeReplay } from '../src/client/handshake-replay.js'

const request = (id: string | number, method = 'test/echo'): JsonRpcMessage => requestOf(id, method)

const initialize: JsonRpcMessage = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: initializeParams(),
}
const initialized: JsonRpcMessage = { jsonrpc: '2.0', method: 'notifications/initialized' }
const result = (id: string | number, members = {}): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id,
  result: members,
})
const failure = (id: string | number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id,
  error: { code: -32_602, message: 'no' },
})
const listen = (id: string | number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id,
  method: 'subscriptions/listen',
  params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
})

function afterLegacyHandshake(): HandshakeReplay {
  const replay = handshakeReplay()
  replay.sent(initialize)
  replay.received(result(0, { protocolVersion: '2025-11-25' }))
  replay.sent(initialized)
  return replay
}

function idOfFirst(messages: readonly JsonRpcMessage[]): string | number {
  const [first] = messages
  if (!first || !isRequest(first)) throw new Error('not a request')
  return first.id
}

describe('handshakeReplay', () => {
  it('returns no messages before a handshake', () => {
    const replay = handshakeReplay()
    expect(replay.era).toBe('unknown')
    expect(replay.reconnected()).toEqual([])
    expect(replay.isReplaying).toBe(false)
  })

  it('replays a legacy handshake under a private id and hides the response [GEN-16]', () => {
    const replay = afterLegacyHandshake()
    expect(replay.era).toBe('legacy')
    const first = replay.reconnected()
    const id = idOfFirst(first)
    expect(first).toEqual([{ ...initialize, id }])
    expect(id).not.toBe(0)
    expect(replay.isReplaying).toBe(true)
    expect(replay.received(request(id, 'ping'))).toEqual({ kind: 'deliver' })
    expect(replay.received(result(id, { protocolVersion: '2025-11-25' }))).toEqual({
      kind: 'ready',
      send: [initialized],
    })
    expect(replay.isReplaying).toBe(false)
    expect(replay.received(result(id))).toEqual({ kind: 'deliver' })
  })

  it('does not replay `initialized` that the client has not sent yet', () => {
    const replay = handshakeReplay()
    replay.sent(initialize)
    replay.received(result(0, { protocolVersion: '2025-11-25' }))
    const id = idOfFirst(replay.reconnected())
    const step = replay.received(result(id, { protocolVersion: '2025-11-25' }))
    expect(step).toEqual({ kind: 'ready', send: [] })
  })

  it.each([
    ['the answer is an error', failure],
    ['another revision is named', (id: string | number) => result(id, { protocolVersion: '2024-11-05' })],
  ])('fails when %s', (_, answer) => {
    const replay = afterLegacyHandshake()
    const id = idOfFirst(replay.reconnected())
    expect(replay.received(answer(id))).toMatchObject({ kind: 'failed' })
    expect(replay.isReplaying).toBe(false)
  })

  it('repeats a pending `initialize` under its own id and delivers the response', () => {
    const replay = handshakeReplay()
    replay.sent(initialize)
    expect(replay.resends(0)).toBe(true)
    expect(replay.resends('0')).toBe(false)
    expect(replay.reconnected()).toEqual([initialize])
    expect(replay.isReplaying).toBe(false)
    expect(replay.received(result(0, { protocolVersion: '2025-11-25' }))).toEqual({ kind: 'deliver' })
    expect(replay.era).toBe('legacy')
    expect(replay.resends(0)).toBe(false)
  })

  it('keeps the old handshake when a new one fails', () => {
    const replay = afterLegacyHandshake()
    replay.sent({ ...initialize, id: 9 } as JsonRpcMessage)
    replay.received(failure(9))
    expect(replay.reconnected()).toMatchObject([
      { method: 'initialize', params: { protocolVersion: '2025-11-25' } },
    ])
  })

  it('uses a new private id for each replay', () => {
    const replay = afterLegacyHandshake()
    expect(idOfFirst(replay.reconnected())).not.toBe(idOfFirst(replay.reconnected()))
  })

  it('is modern after a successful discovery or a request with a revision', () => {
    const discovered = handshakeReplay()
    discovered.sent({ ...listen(1), method: 'server/discover' } as JsonRpcMessage)
    expect(discovered.era).toBe('unknown')
    discovered.received(result(1))
    expect(discovered.era).toBe('modern')

    const refused = handshakeReplay()
    refused.sent({ ...listen(1), method: 'server/discover' } as JsonRpcMessage)
    refused.received(failure(1))
    refused.sent(request(1))
    refused.received(result(1))
    expect(refused.era).toBe('unknown')

    const asked = handshakeReplay()
    asked.sent(listen(1))
    expect(asked.era).toBe('modern')
  })

  it('repeats exactly the open listen requests in order [STDIO-C-11]', () => {
    const operation = fc.record({
      kind: fc.constantFrom('listen', 'answer', 'cancel', 'cancelledByServer', 'abandon' as const),
      id: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('0', '1', '')),
    })
    fc.assert(
      fc.property(fc.array(operation), (operations) => {
        const replay = handshakeReplay()
        const open = new Map<string | number, JsonRpcMessage>()
        for (const { kind, id } of operations) {
          if (kind === 'listen' && open.has(id)) continue
          if (kind === 'listen') {
            replay.sent(listen(id))
            open.set(id, listen(id))
            continue
          }
          if (kind === 'answer') replay.received(result(id))
          else if (kind === 'cancel') replay.sent(cancelled(id))
          else if (kind === 'cancelledByServer') replay.received(cancelled(id))
          else replay.cancelled(id)
          open.delete(id)
        }
        expect(replay.reconnected()).toEqual([...open.values()])
        for (const id of [0, 1, 2, 3, '0', '1', '']) expect(replay.resends(id)).toBe(open.has(id))
      }),
    )
  })
})
