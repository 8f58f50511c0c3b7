import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { httpHandler } from '../src/index.js'
import { modern, postOf, SUBSCRIPTION_KEY } from './support/modern.js'
import { acknowledgement, application, as, call, hang, listen } from './support/modern-application.js'
import { byName } from './support/modern-server.js'
import { served } from './support/served.js'

describe('modern: per-request', () => {
  const perRequest = { modern: 'per-request' as const, gate: byName }
  const changed = { jsonrpc: '2.0' as const, method: 'notifications/tools/list_changed' }
  const updated = (uri: string) => ({
    jsonrpc: '2.0' as const,
    method: 'notifications/resources/updated',
    params: { uri },
  })

  test('gives a connection one request, and ends it after the response', async () => {
    const server = await served(perRequest)
    const answers = await Promise.all([as('one'), as('one'), as('two')].map((each) => server.ask(each)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(server.connections).toHaveLength(3)
    await vi.waitFor(() => expect(server.listener.connections.size).toBe(0))
    expect(server.errors).toEqual([])
  })

  test('ends the connection when the client disconnects', async () => {
    const server = await served(perRequest, application)
    server.open(postOf(hang)).catch(() => {})
    await vi.waitFor(() => expect(server.messages).toHaveLength(1))
    server.leaveAll()
    await vi.waitFor(() => expect(server.messages).toHaveLength(2))
    expect(server.messages[1]).toMatchObject({ method: 'notifications/cancelled' })
    await vi.waitFor(() => expect(server.connections[0]?.state).toBe('closed'))
  })

  test('serves subscriptions: acknowledges, notifies and ends them [SUB-S-02, SUB-S-03, SUB-S-04, SUB-S-08]', async () => {
    const server = await served(perRequest)
    const notifications = {
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: ['a:1', 7],
    }
    const one = await server.open(as('one', modern('subscriptions/listen', { notifications }, '')))
    const two = await server.open(
      as('two', modern('subscriptions/listen', { notifications: { promptsListChanged: true } }, 0)),
    )
    await server.listener.notify(changed)
    await server.listener.notify(updated('a:1'))
    await server.listener.notify(updated('a:2'))
    await server.listener.notify({ jsonrpc: '2.0', method: 'notifications/prompts/list_changed' })
    await server.listener.notify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: 1 } })
    await server.listener.close()
    await one.until(() => one.isOver && two.isOver, 'both end')
    const _meta = { [SUBSCRIPTION_KEY]: '' }
    expect(one.messages).toMatchObject([
      {
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { toolsListChanged: true, resourceSubscriptions: ['a:1'] }, _meta },
      },
      { method: changed.method, params: { _meta } },
      { method: 'notifications/resources/updated', params: { uri: 'a:1', _meta } },
      { id: '', result: { resultType: 'complete', _meta } },
    ])
    expect(two.messages).toMatchObject([
      { params: { notifications: { promptsListChanged: true }, _meta: { [SUBSCRIPTION_KEY]: 0 } } },
      { method: 'notifications/prompts/list_changed', params: { _meta: { [SUBSCRIPTION_KEY]: 0 } } },
      { id: 0, result: { _meta: { [SUBSCRIPTION_KEY]: 0 } } },
    ])
    expect(server.connections).toHaveLength(0)
  })

  test('notifies the selected subscriptions only', async () => {
    const server = await served(perRequest)
    const [one, two] = [await server.open(as('one', listen())), await server.open(as('two', listen()))]
    await server.listener.notify(changed, { to: (authInfo) => authInfo?.clientId === 'two' })
    await two.until(() => two.messages.length === 2, 'one is notified')
    expect(one.messages).toHaveLength(1)
  })

  test('removes a subscription when its client disconnects, and refuses one without a filter', async () => {
    const server = await served(perRequest)
    const stream = await server.open(as('one', listen()))
    stream.leave()
    const refused = await server.ask(as('one', modern('subscriptions/listen')))
    expect(refused.messages).toMatchObject([{ id: 1, error: { code: -32_602 } }])
    await server.listener.notify(changed)
    expect(server.errors).toEqual([])
  })
})

test('cancels a web-standard request when the body of its response is cancelled [CANC-S-01]', async () => {
  const listener = httpHandler({ gate: byName })
  const received: JsonRpcMessage[] = []
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => {
      received.push(message)
      if (isRequest(message)) void connection.send(acknowledgement(message.id))
    }
    void connection.start()
  }
  await listener.start()
  onTestFinished(() => listener.close())
  const { body, headers } = postOf(listen())
  const answer = await listener.fetch(
    new Request('http://localhost/mcp', {
      method: 'POST',
      headers: {
        ...(headers as Record<string, string>),
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    }),
  )
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  await answer.body?.cancel()
  await vi.waitFor(() => expect(received).toHaveLength(2))
  expect(received[1]).toMatchObject({ method: 'notifications/cancelled' })
})

test('ignores notify() if the application serves subscriptions itself', async () => {
  const server = await served({}, application)
  const stream = await server.open(postOf(listen()))
  await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
  await server.listener.notify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
  await server.ask(postOf(call))
  expect(stream.messages).toHaveLength(1)
})

test('responds with the supported revisions if option "modern" is off', async () => {
  const server = await served({ modern: 'off' })
  const refused = await server.ask(postOf(call))
  expect(refused.status).toBe(400)
  const message = expect.stringContaining('2025-11-25')
  expect(refused.messages).toMatchObject([{ id: 1, error: { code: -32_600, message } }])
  expect(server.connections).toHaveLength(0)
})

test.each([
  ['modern', { modern: 'on' as 'off' }],
  ['legacy', { legacy: 1 as unknown as boolean }],
  ['legacy', { legacy: false, modern: 'off' as const }],
])('refuses %s with a value that cannot work', (option, options) => {
  expect(() => httpHandler(options)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
  )
})
