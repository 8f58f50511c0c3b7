import { type StreamFaults, tcpProxy, turns } from '@mcpwire/compliance'
import { isTransportError, type JsonRpcMessage } from '@mcpwire/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { eventually, serving } from './support/serving.js'

const POINTS = 30
const STEP_BYTES = 23
const uncaught: unknown[] = []
const note = (error: unknown): void => void uncaught.push(error)

beforeAll(() => void process.on('unhandledRejection', note).on('uncaughtException', note))
afterAll(() => {
  process.off('unhandledRejection', note).off('uncaughtException', note)
  expect(uncaught).toEqual([])
})

const request = (id: number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id,
  method: 'x',
  params: { id, text: 'täglich 語' },
})

describe.each([undefined, {}])('faults of the connection with deflate %o', (deflate) => {
  test.each<[string, StreamFaults]>([
    ['sends one byte at a time', { chunkBytes: 1 }],
    ['delays bytes', { delayMs: 20 }],
    ['is slow', { bytesPerSecond: 20_000 }],
  ])('delivers messages in order when the network %s', async (_, faults) => {
    await using server = await serving({ deflate })
    const proxy = await tcpProxy({
      to: { port: server.port, host: '127.0.0.1' },
      toServer: faults,
      toClient: faults,
    })
    const client = wsClient({ url: `ws://127.0.0.1:${proxy.port}/mcp`, deflate })
    const received: JsonRpcMessage[] = []
    client.onmessage = (message) => received.push(message)
    await client.start()
    for (let id = 0; id < 12; id++) void client.send(request(id))
    await eventually(() => received.length === 12, 'all responses')
    expect(received.map((message) => 'id' in message && message.id)).toEqual(
      Array.from({ length: 12 }, (__, id) => id),
    )
    await client.close()
    expect(await client.closed).toBeUndefined()
    await proxy.close()
  })

  test.each(['toServer', 'toClient'] as const)(
    'ends both ends once and settles every send after a reset at any byte (%s)',
    async (way) => {
      await using server = await serving({ deflate })
      for (let point = 0; point < POINTS; point++) {
        const faults = { [way]: { resetAfterBytes: 1 + point * STEP_BYTES } }
        const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' }, ...faults })
        const client = wsClient({ url: `ws://127.0.0.1:${proxy.port}/mcp`, deflate })
        let closes = 0
        client.onclose = () => closes++
        const started = await client.start().then(
          () => true,
          (error: unknown) => isTransportError(error) || String(error),
        )
        expect(started).toBe(true)
        const sends = Array.from({ length: 20 }, (_, id) =>
          client.send(request(id)).catch((error: unknown) => error),
        )
        expect(await client.closed).toBeInstanceOf(Error)
        for (const outcome of await Promise.all(sends)) {
          expect(outcome === undefined || isTransportError(outcome)).toBe(true)
        }
        await turns()
        expect(closes).toBe(1)
        await proxy.close()
      }
      await eventually(() => server.listener.connections.size === 0, 'no connection at the server')
    },
  )
})
