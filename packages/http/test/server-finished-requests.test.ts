import { createFakeClock } from '@mcpwire/compliance'
import { isTransportError, type JsonRpcMessage, type SendOptions } from '@mcpwire/core'
import { describe, expect, test, vi } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import type { HttpServerOptions } from '../src/node/index.js'
import { served } from './support/served.js'

const progress = (progressToken: string | number, more = {}): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken, progress: 1, ...more },
})
const log: JsonRpcMessage = {
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data: 1 },
}
const cancelled: JsonRpcMessage = {
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId: 'elicit' },
}
const task = { _meta: { 'io.modelcontextprotocol/related-task': { taskId: 't' } } }

/** A session with a finished request `1`, a request `2` in flight and an open GET stream. */
async function withFinished(
  how: 'answered' | 'cancelled',
  options: Partial<HttpServerOptions> = {},
  params = {},
) {
  const clock = createFakeClock()
  const server = await served({ clock, responseFormat: 'sse', ...options }, () => undefined)
  const headers = await server.session()
  const get = await server.open({ method: 'GET', headers })
  const asked = (id: number) => ({
    jsonrpc: '2.0',
    id,
    method: 'test/ask',
    params: { ...params, _meta: { progressToken: `token-${id}` } },
  })
  const before = server.messages.length
  const [first, second] = [server.open({ body: asked(1), headers }), server.open({ body: asked(2), headers })]
  await vi.waitFor(() => expect(server.messages).toHaveLength(before + 2))
  const [connection] = server.connections
  if (!connection) throw new Error('no session')
  if (how === 'answered') await connection.send({ jsonrpc: '2.0', id: 1, result: {} })
  else {
    const body = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
    expect((await server.ask({ body, headers })).status).toBe(202)
  }
  // Without a message, the head of a stream is not sent.
  await connection.send(log, { relatedRequestId: 2 })
  const streams = [get, await first, await second]
  await streams[2]?.until(() => streams[2]?.messages.length === 1, 'the first message came')
  const lengths = streams.map(({ messages }) => messages.length)
  /** What came on the streams since the request is finished. */
  const received = async (): Promise<unknown[]> => {
    await connection.send({ jsonrpc: '2.0', id: 2, result: { last: true } })
    const [, , last] = streams
    await last?.until(() => JSON.stringify(last.messages).includes('"last":true'), 'the last response came')
    return streams
      .flatMap(({ messages }, at) => messages.slice(lengths[at]))
      .filter((message) => !JSON.stringify(message).includes('"last":true'))
  }
  return { server, clock, connection, received }
}

describe.each(['answered', 'cancelled'] as const)('a message of a request that is %s', (how) => {
  describe.each<[string, Partial<HttpServerOptions>]>([
    ['without an event store', {}],
    ['with an event store', { eventStore: memoryEventStore() }],
  ])('%s', (_store, options) => {
    test.each<[string, JsonRpcMessage, SendOptions]>([
      ['progress by its token', progress('token-1'), {}],
      ['progress with the related request', progress('token-1'), { relatedRequestId: 1 }],
      ['progress with an unknown token', progress('other'), {}],
      ['a log message', log, { relatedRequestId: 1 }],
      ['a cancellation of the server', cancelled, { relatedRequestId: 1 }],
      ['a message of a request that never was', log, { relatedRequestId: 'never' }],
    ])('is dropped and reported: %s', async (_kind, message, sendOptions) => {
      const { server, connection, received } = await withFinished(how, options)
      await connection.send(message, sendOptions)
      expect(await received()).toEqual([])
      expect(server.errors).toMatchObject([{ code: 'SEND_FAILED', details: { delivery: 'none' } }])
    })
  })

  test('rejects a request of the server', async () => {
    const { connection, received } = await withFinished(how)
    const request: JsonRpcMessage = { jsonrpc: '2.0', id: 'elicit', method: 'elicitation/create', params: {} }
    await expect(connection.send(request, { relatedRequestId: 1 })).rejects.toMatchObject({
      code: 'SEND_FAILED',
    })
    expect(await received()).toEqual([])
  })

  test('is reported once a second, with the count', async () => {
    const { server, clock, connection } = await withFinished(how)
    for (let n = 0; n < 500; n++) await connection.send(progress('token-1'))
    await clock.advance(1_100)
    const texts = server.errors.filter((error) => isTransportError(error)).map(({ message }) => message)
    expect(texts).toHaveLength(2)
    expect(texts[0]).toContain('dropped 1 message')
    expect(texts[1]).toContain('dropped 499 messages')
  })

  test.each<[string, JsonRpcMessage, SendOptions]>([
    ['progress of the other request', progress('token-2'), {}],
    ['a message of the other request', log, { relatedRequestId: 2 }],
    ['a message of no request', log, {}],
    ['progress of a task', progress('token-1', task), {}],
    [
      'a message of a task',
      { ...log, params: { ...log.params, ...task } } as JsonRpcMessage,
      { relatedRequestId: 1 },
    ],
  ])('does not stop %s', async (_kind, message, sendOptions) => {
    const { server, connection, received } = await withFinished(how)
    await connection.send(message, sendOptions)
    expect(await received()).toEqual([message])
    expect(server.errors).toEqual([])
  })
})

test('progress of a task goes on after the response that created it', async () => {
  const { connection, received } = await withFinished('answered', {}, { task: { ttl: 1_000 } })
  await connection.send(progress('token-1'))
  expect(await received()).toEqual([progress('token-1')])
})
