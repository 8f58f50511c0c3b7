import { turns } from '@mcpwire/compliance'
import {
  allowAll,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type RequestId,
  serve,
  type Transport,
} from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { httpHandler } from '../src/index.js'
import { modern, postOf, SUBSCRIPTION_KEY } from './support/modern.js'
import type { OpenAnswer } from './support/raw-http.js'
import { served } from './support/served.js'

const LISTEN = 'subscriptions/listen'
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const accept = { accept: 'text/event-stream, application/json' }

const listen = (id: RequestId, notifications: object = { toolsListChanged: true }) =>
  postOf(modern(LISTEN, { notifications }, id), accept)
const changed = (kind: string, params: object = {}): JsonRpcNotification => ({
  jsonrpc: '2.0',
  method: `notifications/${kind}`,
  params: { ...params },
})
/** The notification with the id of its subscription. */
function notificationFor(id: RequestId, message: JsonRpcNotification): JsonRpcMessage {
  return { ...message, params: { ...message.params, _meta: { [SUBSCRIPTION_KEY]: id } } }
}
async function receivedOn(stream: OpenAnswer, count: number): Promise<unknown[]> {
  await stream.until(() => stream.messages.length >= count, `${count} messages came`)
  return stream.messages
}

/** A server whose application keeps subscriptions, as the v2 SDK does over one channel. */
async function subscribed() {
  const listens: { id: RequestId; connection: Transport }[] = []
  const server = await served({}, ({ id, method, params }, connection) => {
    if (method !== LISTEN) return { jsonrpc: '2.0', id, result: {} }
    listens.push({ id, connection })
    const notifications = params?.['notifications']
    return notificationFor(id, { jsonrpc: '2.0', method: ACKNOWLEDGED, params: { notifications } })
  })
  const at = (index: number) => {
    const found = listens[index]
    if (!found) throw new Error('no subscription is open')
    return found
  }
  return {
    ...server,
    notify: (index: number, message: JsonRpcNotification) => {
      const { id, connection } = at(index)
      return connection.send(notificationFor(id, message))
    },
    at,
  }
}

describe('subscriptions of the application', () => {
  test('have one stream each, acknowledged first, whose messages have the id of the request [SUB-C-01, SUB-S-02, SUB-S-03]', async () => {
    const server = await subscribed()
    const one = await server.open(listen('7'))
    await receivedOn(one, 1)
    const two = await server.open(listen(7, { promptsListChanged: true }))
    await receivedOn(two, 1)
    await server.notify(1, changed('prompts/list_changed'))
    await server.notify(0, changed('tools/list_changed'))
    expect(await receivedOn(one, 2)).toEqual([
      notificationFor('7', {
        jsonrpc: '2.0',
        method: ACKNOWLEDGED,
        params: { notifications: { toolsListChanged: true } },
      }),
      notificationFor('7', changed('tools/list_changed')),
    ])
    expect(await receivedOn(two, 2)).toEqual([
      notificationFor(7, {
        jsonrpc: '2.0',
        method: ACKNOWLEDGED,
        params: { notifications: { promptsListChanged: true } },
      }),
      notificationFor(7, changed('prompts/list_changed')),
    ])
    expect({ one: one.isOver, two: two.isOver }).toEqual({ one: false, two: false })
  })

  test('carry no progress and no log messages [SUB-S-05]', async () => {
    const server = await subscribed()
    const stream = await server.open(listen(1))
    await receivedOn(stream, 1)
    const { id, connection } = server.at(0)
    const logged = changed('message', { level: 'info', data: 'x' })
    const progress = changed('progress', { progressToken: id, progress: 1 })
    for (const message of [logged, progress]) {
      await connection.send(message, { relatedRequestId: id }).catch(() => {})
    }
    await server.notify(0, changed('tools/list_changed'))
    expect(await receivedOn(stream, 2)).toHaveLength(2)
    expect(stream.messages[1]).toEqual(notificationFor(1, changed('tools/list_changed')))
  })

  test('end with their result, and then the stream ends [SUB-S-08]', async () => {
    const server = await subscribed()
    const stream = await server.open(listen('a'))
    await receivedOn(stream, 1)
    const { id, connection } = server.at(0)
    const result = { resultType: 'complete', _meta: { [SUBSCRIPTION_KEY]: id } }
    await connection.send({ jsonrpc: '2.0', id, result })
    await stream.until(() => stream.isOver, 'it ends')
    expect(stream.messages.at(-1)).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      result: { resultType: 'complete', _meta: { [SUBSCRIPTION_KEY]: 'a' } },
    })
  })

  test('end with a result if the application cancels them [SUB-S-08, SUB-S-09]', async () => {
    const server = await subscribed()
    const stream = await server.open(listen('a'))
    await receivedOn(stream, 1)
    const { id, connection } = server.at(0)
    await connection.send(changed('cancelled', { requestId: id }))
    await stream.until(() => stream.isOver, 'it ends')
    expect(stream.messages.slice(1)).toMatchObject([{ id: 'a', result: { resultType: 'complete' } }])
  })

  test('end if the client closes the stream, and others continue [SUB-C-07, CANC-S-01]', async () => {
    const server = await subscribed()
    const one = await server.open(listen(1))
    const two = await server.open(listen(2))
    await receivedOn(two, 1)
    await receivedOn(one, 1)
    const { id } = server.at(0)
    one.leave()
    await two.until(() => server.messages.length === 3, 'the application received it')
    expect(server.messages[2]).toMatchObject({
      method: 'notifications/cancelled',
      params: { requestId: id },
    })
    await server.notify(1, changed('tools/list_changed'))
    expect(await receivedOn(two, 2)).toHaveLength(2)
  })
})

describe('subscriptions of the endpoint', () => {
  test('are acknowledged with their filter, and carry only what it contains [SUB-S-02, SUB-S-03, SUB-S-04]', async () => {
    const server = await served({ modern: 'per-request' })
    const wanted = {
      toolsListChanged: true,
      resourceSubscriptions: ['test:a'],
      promptsListChanged: false,
      odd: true,
    }
    const one = await server.open(listen('1', wanted))
    const two = await server.open(listen(1, { promptsListChanged: true }))
    await receivedOn(two, 1)
    expect(await receivedOn(one, 1)).toEqual([
      notificationFor('1', {
        jsonrpc: '2.0',
        method: ACKNOWLEDGED,
        params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['test:a'] } },
      }),
    ])
    const changes = [
      changed('prompts/list_changed'),
      changed('resources/updated', { uri: 'test:b' }),
      changed('resources/list_changed'),
      changed('tools/list_changed'),
      changed('resources/updated', { uri: 'test:a' }),
    ]
    for (const change of changes) await server.listener.notify(change)
    expect((await receivedOn(one, 3)).slice(1)).toEqual([
      notificationFor('1', changed('tools/list_changed')),
      notificationFor('1', changed('resources/updated', { uri: 'test:a' })),
    ])
    expect((await receivedOn(two, 2)).slice(1)).toEqual([notificationFor(1, changed('prompts/list_changed'))])
  })

  test('are refused if the server closed while the body arrived', async () => {
    const handler = httpHandler({ modern: 'per-request', gate: allowAll() })
    await serve(handler, () => {})
    const { headers, body } = listen(1)
    const arriving = new TransformStream<Uint8Array, Uint8Array>()
    const answer = handler.fetch(
      new Request('http://localhost/mcp', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers } as Record<string, string>,
        body: arriving.readable,
        duplex: 'half',
      } as RequestInit),
    )
    await turns(20)
    await handler.close()
    const writer = arriving.writable.getWriter()
    void writer.write(new TextEncoder().encode(JSON.stringify(body)))
    void writer.close()
    expect((await answer).status).toBe(503)
  })

  test('end with their result when the server closes [SUB-S-08]', async () => {
    const server = await served({ modern: 'per-request' })
    const stream = await server.open(listen('a'))
    await receivedOn(stream, 1)
    await Promise.all([server.listener.close(), stream.until(() => stream.isOver, 'it ends')])
    expect(stream.messages.slice(1)).toEqual([
      {
        jsonrpc: '2.0',
        id: 'a',
        result: { resultType: 'complete', _meta: { [SUBSCRIPTION_KEY]: 'a' } },
      },
    ])
  })
})
