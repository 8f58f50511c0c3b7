import { Socket } from 'node:net'
import type { JsonRpcMessage, Transport } from '@mcpwire/core'
import { afterEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import { wsClient } from '../src/index.js'
import { eventually, serving } from './support/serving.js'

const note = (n: number, fill = ''): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/x',
  params: { n, fill },
})

afterEach(() => vi.restoreAllMocks())

/** Counts the writes of sockets. No public API reports them. */
function spyOn(method: '_write' | '_writev'): MockInstance {
  return vi.spyOn(Socket.prototype as unknown as Record<typeof method, () => void>, method)
}

describe('the frames of one turn', () => {
  test.each(['client', 'server'] as const)('leave a %s in one write', async (sender) => {
    await using server = await serving()
    const client = wsClient({ url: server.listener.url })
    const received: JsonRpcMessage[] = []
    client.onmessage = (message) => received.push(message)
    await client.start()
    const from = sender === 'client' ? client : (server.connections[0] as Transport)
    const to = sender === 'client' ? server.messages : received
    const writes = spyOn('_write')
    const gathered = spyOn('_writev')
    const sends = Array.from({ length: 20 }, (_, n) => from.send(note(n)))
    await Promise.all(sends)
    await eventually(() => to.length === 20, 'all messages')
    expect(writes.mock.calls.length + gathered.mock.calls.length).toBe(1)
    await client.close()
  })

  test('leave in writes of some 4 KiB when they are longer', async () => {
    await using server = await serving()
    const client = wsClient({ url: server.listener.url })
    await client.start()
    const writes = spyOn('_write')
    const gathered = spyOn('_writev')
    await Promise.all(Array.from({ length: 64 }, (_, n) => client.send(note(n, 'x'.repeat(200)))))
    const count = writes.mock.calls.length + gathered.mock.calls.length
    expect(count).toBeGreaterThanOrEqual(2)
    expect(count).toBeLessThanOrEqual(6)
    await client.close()
  })
})
