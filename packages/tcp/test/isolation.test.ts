import { until } from '@mcpwire/compliance'
import { isRequest, isResponse, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { clientOf, listening } from './support/ends.js'

const CLIENTS = 50
const TIMEOUT_MS = 30_000
const ids: readonly RequestId[] = [1, '1', 0, '', '0', 'a:b', -1, Number.MAX_SAFE_INTEGER, '__proto__', '1.0']

test('fifty clients with the same interleaved ids receive only their own responses', async () => {
  const { port, listener } = await listening()
  const waiting: (() => void)[] = []
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => {
      if (!isRequest(message)) return
      const { id, params } = message
      const progress = {
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { ...params, progressToken: id },
      } as const
      void connection.send(progress as JsonRpcMessage)
      waiting.push(() => void connection.send({ jsonrpc: '2.0', id, result: { ...params } }))
      if (waiting.length === CLIENTS * ids.length) respondToAll()
    }
    connection.start().catch(() => {})
  }
  /** In an order that is unrelated to that of the requests. */
  function respondToAll(): void {
    for (let left = waiting.length; left > 0; left--) waiting.splice((left * 7_919) % left, 1)[0]?.()
  }

  const received: JsonRpcMessage[][] = []
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, owner) => {
      const { transport } = clientOf({ port })
      const messages: JsonRpcMessage[] = []
      received[owner] = messages
      transport.onmessage = (message) => messages.push(message)
      await transport.start()
      return transport
    }),
  )
  for (const id of ids)
    for (const [owner, client] of clients.entries())
      void client.send({ jsonrpc: '2.0', id, method: 'echo', params: { owner } })
  await until(
    () => received.every(({ length }) => length === 2 * ids.length),
    'every client has its responses',
    TIMEOUT_MS,
  )

  for (const [owner, messages] of received.entries()) {
    const responses = messages.filter(isResponse)
    expect(responses.map(({ id }) => id)).toHaveLength(ids.length)
    expect(new Set(responses.map(({ id }) => id))).toEqual(new Set(ids))
    for (const message of messages) {
      const content = 'result' in message ? message.result : (message as { params?: object }).params
      expect(content).toMatchObject({ owner })
    }
  }
})

test('a client that disconnects and one that does not read do not affect a third', async () => {
  const { port, connections } = await listening()
  const [closing, paused, reading] = [clientOf({ port }), clientOf({ port }), clientOf({ port })]
  for (const { transport } of [closing, paused, reading]) await transport.start()
  await until(() => connections.length === 3, 'all connections arrived', TIMEOUT_MS)
  paused.transport.flow?.pause()
  const echo = {
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { fill: 'x'.repeat(100_000) },
  } as const
  for (let count = 0; count < 100; count++)
    for (const connection of connections) connection.send(echo).catch(() => {})
  let received = 0
  reading.transport.onmessage = () => {
    received++
  }
  await closing.transport.close()
  await until(() => received === 100, 'the third receives everything', TIMEOUT_MS)
})
