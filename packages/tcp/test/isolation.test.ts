import { until } from '@mcpwire/compliance'
import { isRequest, isResponse, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { clientOf, listening } from './support/ends.js'

const CLIENTS = 50
const PATIENCE_MS = 10_000
const ids: readonly RequestId[] = [1, '1', 0, '', '0', 'a:b', -1, Number.MAX_SAFE_INTEGER, '__proto__', '1.0']

test('fifty clients with colliding ids, interleaved, get only their own replies', async () => {
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
      if (waiting.length === CLIENTS * ids.length) answerAll()
    }
    connection.start().catch(() => {})
  }
  /** In an order that has nothing to do with that of the requests. */
  function answerAll(): void {
    for (let left = waiting.length; left > 0; left--) waiting.splice((left * 7_919) % left, 1)[0]?.()
  }

  const heard: JsonRpcMessage[][] = []
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, owner) => {
      const { transport } = clientOf({ port })
      const messages: JsonRpcMessage[] = []
      heard[owner] = messages
      transport.onmessage = (message) => messages.push(message)
      await transport.start()
      return transport
    }),
  )
  for (const id of ids)
    for (const [owner, client] of clients.entries())
      void client.send({ jsonrpc: '2.0', id, method: 'echo', params: { owner } })
  await until(
    () => heard.every(({ length }) => length === 2 * ids.length),
    'everybody has what is theirs',
    PATIENCE_MS,
  )

  for (const [owner, messages] of heard.entries()) {
    const answers = messages.filter(isResponse)
    expect(answers.map(({ id }) => id)).toHaveLength(ids.length)
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(ids))
    for (const message of messages) {
      const said = 'result' in message ? message.result : (message as { params?: object }).params
      expect(said).toMatchObject({ owner })
    }
  }
})

test('a client that breaks off, and one that does not read, trouble no other', async () => {
  const { port, connections } = await listening()
  const [broken, slow, well] = [clientOf({ port }), clientOf({ port }), clientOf({ port })]
  for (const { transport } of [broken, slow, well]) await transport.start()
  await until(() => connections.length === 3, 'all came', PATIENCE_MS)
  slow.transport.flow?.pause()
  const echo = {
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { fill: 'x'.repeat(100_000) },
  } as const
  for (let count = 0; count < 100; count++)
    for (const connection of connections) connection.send(echo).catch(() => {})
  let heard = 0
  well.transport.onmessage = () => {
    heard++
  }
  await broken.transport.close()
  await until(() => heard === 100, 'the third hears everything', PATIENCE_MS)
})
