import { randomBytes } from 'node:crypto'
import { Socket } from 'node:net'
import { tcpProxy } from '@mcpwire/compliance'
import type { JsonRpcMessage } from '@mcpwire/core'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { wsClient } from '../src/index.js'
import { eventually, serving } from './support/serving.js'

const note = (n: number, fill = ''): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/x',
  params: { n, fill },
})

afterEach(() => vi.restoreAllMocks())

describe('permessage-deflate', () => {
  test.each([
    [false, {}, undefined],
    [false, undefined, {}],
    [true, {}, {}],
    [true, { contextTakeover: true }, { contextTakeover: true }],
  ])('is used (%s) when client and server have the options %o and %o', async (isUsed, near, far) => {
    await using server = await serving({ deflate: far })
    const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' } })
    const client = wsClient({ url: `ws://127.0.0.1:${proxy.port}/mcp`, deflate: near })
    await client.start()
    const written = vi.spyOn(Socket.prototype, 'write')
    await client.send(note(1, 'x'.repeat(100_000)))
    await eventually(() => server.messages.length === 1, 'the message')
    const longest = Math.max(...written.mock.calls.map(([chunk]) => (chunk as Uint8Array | string).length))
    expect(longest < 10_000).toBe(isUsed)
    await client.close()
    await proxy.close()
  })

  test('does not compress messages below the threshold', async () => {
    await using server = await serving({ deflate: { thresholdBytes: 1_000, contextTakeover: true } })
    const client = await server.upgraded({ headers: { 'sec-websocket-extensions': 'permessage-deflate' } })
    const short = note(1, 'x'.repeat(500))
    await server.connections[0]?.send(short)
    await server.connections[0]?.send(note(2, 'x'.repeat(2_000)))
    await eventually(() => client.frames.length === 2, 'both messages')
    const [plain, compressed] = client.frames
    expect(plain?.payload.toString()).toBe(JSON.stringify(short))
    expect(compressed?.payload.length).toBeLessThan(200)
  })

  test('limits the queue for a peer that does not read to maxQueuedBytes, and settles every send', async () => {
    await using server = await serving({ deflate: { thresholdBytes: 64 } })
    const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' } })
    const client = wsClient({
      url: `ws://127.0.0.1:${proxy.port}/mcp`,
      deflate: { thresholdBytes: 64 },
      maxQueuedBytes: 131_072,
      closeTimeoutMs: 100,
    })
    await client.start()
    proxy.stall('far')
    const outcomes: string[] = []
    let count = 0
    const pending = (): number => count - outcomes.length
    // Compression is slow too: the peer is the cause once no send settles any more.
    let sent = 0
    for (let stuck = 0; stuck < 4; ) {
      for (let burst = 0; burst < 12; burst++) {
        count++
        client.send(note(count, randomBytes(8_000).toString('base64'))).then(
          () => outcomes.push('sent'),
          (error: { code: string }) => outcomes.push(error.code),
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 25))
      const before = sent
      sent = outcomes.filter((each) => each === 'sent').length
      stuck = pending() > 0 && sent === before ? stuck + 1 : 0
    }
    expect(outcomes).toContain('OVERLOADED')
    await client.close()
    await eventually(() => outcomes.length === count, 'all sends settled')
    // Of the sends that were pending, those settle as sent that the socket accepts before it closes.
    expect(['sent', 'OVERLOADED', 'CLOSED']).toEqual(expect.arrayContaining([...new Set(outcomes)]))
    await proxy.close()
  })
})
