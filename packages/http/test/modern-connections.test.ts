import { createFakeClock, turns } from '@mcpwire/compliance'
import { type Gate, isRequest, type JsonRpcMessage, type JsonRpcRequest, type RequestId } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { httpHandler } from '../src/index.js'
import { envelope, MODERN, modern, postOf, SUBSCRIPTION_KEY } from './support/modern.js'
import { byName } from './support/modern-server.js'
import { echo, served } from './support/served.js'

const call = modern('tools/call', { name: 'greet', arguments: {} })
const as = (name: string, request: JsonRpcRequest = call) =>
  postOf(request, { authorization: `Bearer ${name}` })
const listen = (id: RequestId = 1): JsonRpcRequest =>
  modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, id)
const acknowledgement = (id: RequestId): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/subscriptions/acknowledged',
  params: { notifications: { toolsListChanged: true }, _meta: { [SUBSCRIPTION_KEY]: id } },
})

/** Acknowledges subscriptions and leaves open what is called `hang`. */
const application: Parameters<typeof served>[1] = (request, connection) => {
  if (request.method === 'subscriptions/listen') void connection.send(acknowledgement(request.id))
  else if (request.params?.['name'] !== 'hang') return echo(request)
  return undefined
}
const hang = modern('tools/call', { name: 'hang', arguments: {} })

describe('the connection of a principal', () => {
  test('is shared by all concurrent requests of the principal', async () => {
    const server = await served({ gate: byName })
    await Promise.all(Array.from({ length: 20 }, () => server.ask(as('one'))))
    await server.ask(as('one'))
    await Promise.all([server.ask(as('two')), server.ask(postOf(call))])
    expect(server.connections.map(({ peer }) => peer?.authInfo?.clientId).sort()).toEqual([
      'one',
      'two',
      undefined,
    ])
  })

  test('passes the HTTP request and its authInfo with each message', async () => {
    const gate: Gate = {
      admit: ({ headers }) => {
        const token = headers['authorization'] ?? ''
        return { admit: true, authInfo: { token, clientId: 'one', scopes: [], extra: { sub: 'ann' } } }
      },
    }
    const contexts: unknown[] = []
    const server = await served({ gate }, (request, _connection, context) => {
      contexts.push([
        context?.authInfo?.token,
        context?.requestInfo?.headers['x'],
        context?.request?.headers.get('x'),
      ])
      return echo(request)
    })
    await server.ask(postOf(call, { authorization: 'first', x: '1' }))
    await server.ask(postOf(call, { authorization: 'second', x: '2' }))
    expect(contexts).toEqual([
      ['first', '1', '1'],
      ['second', '2', '2'],
    ])
    expect(server.connections).toHaveLength(1)
  })

  test('ends after idleTimeoutMs, and the next request opens another', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, idleTimeoutMs: 1_000 }, application)
    const stream = await server.open(postOf(listen()))
    await clock.advance(5_000)
    expect(server.connections[0]?.state).toBe('open')
    stream.leave()
    await vi.waitFor(() => expect(server.messages).toHaveLength(2))
    await clock.advance(900)
    await server.ask(postOf(call))
    await clock.advance(900)
    expect(server.connections[0]?.state).toBe('open')
    await clock.advance(200)
    expect(server.connections[0]?.state).toBe('closed')
    expect(await server.connections[0]?.closed).toBeUndefined()
    expect((await server.ask(postOf(call))).status).toBe(200)
    expect(server.connections).toHaveLength(2)
    expect(server.errors).toEqual([])
  })

  test('is retired at lifetimeMs: subscriptions end, requests are answered, and new ones get another connection', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, lifetimeMs: 10_000, idleTimeoutMs: 5_000 }, application)
    const stream = await server.open(postOf(listen('sub')))
    const hanging = server.open(postOf(hang))
    await vi.waitFor(() => expect(server.messages).toHaveLength(2))
    await clock.advance(9_000)
    expect(stream.isOver).toBe(false)
    await clock.advance(2_000)
    await stream.until(() => stream.isOver, 'the subscription ends')
    const ended = { resultType: 'complete', _meta: { [SUBSCRIPTION_KEY]: 'sub' } }
    expect(stream.messages.at(-1)).toEqual({ jsonrpc: '2.0', id: 'sub', result: ended })
    const cancelled = { method: 'notifications/cancelled', params: { requestId: 1 } }
    await vi.waitFor(() => expect(server.messages.at(-1)).toMatchObject(cancelled))
    expect((await server.ask(postOf(call))).status).toBe(200)
    const [old, young] = server.connections
    expect([old?.state, young?.state]).toEqual(['open', 'open'])
    await old?.send({ jsonrpc: '2.0', id: 2, result: {} })
    expect((await hanging).status).toBe(200)
    await vi.waitFor(() => expect(old?.state).toBe('closed'))
    expect(young?.state).toBe('open')
    expect(await old?.closed).toBeUndefined()
  })

  test('ends at lifetimeMs if it is idle', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, lifetimeMs: 10_000 }, application)
    await server.ask(postOf(call))
    await clock.advance(11_000)
    expect(server.connections[0]?.state).toBe('closed')
  })

  test('ends at maxConnections for that of another principal, unless it is in use', async () => {
    const server = await served({ gate: byName, maxConnections: 3 }, application)
    const busy = await server.open(as('busy', listen()))
    await server.ask(as('one'))
    await server.ask(as('two'))
    await vi.waitFor(() =>
      expect(server.connections.map(({ state }) => state)).toEqual(['open', 'closed', 'open']),
    )
    expect((await server.ask(as('three'))).status).toBe(200)
    expect(busy.isOver).toBe(false)
    await server.open(as('two', listen()))
    await server.open(as('three', listen()))
    const refused = await server.ask(as('four'))
    expect(refused.status).toBe(503)
    expect(refused.headers).toHaveProperty('retry-after')
  })

  test('refuses its requests if the application does not accept it', async () => {
    const listener = httpHandler({ gate: byName })
    listener.onconnection = (connection) => void connection.close()
    await listener.start()
    onTestFinished(() => listener.close())
    const { body, headers } = postOf(call)
    const answer = await listener.fetch(
      new Request('http://localhost/mcp', {
        method: 'POST',
        headers: { ...(headers as Record<string, string>), 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    )
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ error: { code: -31_007 } })
    expect(listener.connections.size).toBe(0)
  })

  test('keeps requests until the application connects, except those whose client disconnected', async () => {
    const started: (() => void)[] = []
    const server = await served({}, application)
    server.listener.onconnection = (connection) => {
      connection.onmessage = (message) => {
        server.messages.push(message)
        if (isRequest(message)) void connection.send(echo(message))
      }
      started.push(() => void connection.start())
    }
    const gone = server.open(postOf(modern('test/gone')))
    gone.catch(() => {})
    await vi.waitFor(() => expect(started).toHaveLength(1))
    server.leaveAll()
    await turns(50)
    const again = server.ask(postOf(modern('test/again')))
    await turns(50)
    started[0]?.()
    expect((await again).status).toBe(200)
    expect(server.messages).toMatchObject([{ method: 'test/again' }])
  })

  test('answers everything in flight when it ends: a request with an error, a subscription with its result', async () => {
    const server = await served({}, application)
    const stream = await server.open(postOf(listen('s')))
    const lost = server.ask(postOf(hang))
    await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
    await vi.waitFor(() => expect(server.messages).toHaveLength(2))
    await server.connections[0]?.close()
    expect((await lost).messages).toMatchObject([{ id: 1, error: { code: -31_006 } }])
    await stream.until(() => stream.isOver, 'it ends')
    expect(stream.messages[1]).toEqual({
      jsonrpc: '2.0',
      id: 's',
      result: { resultType: 'complete', _meta: { [SUBSCRIPTION_KEY]: 's' } },
    })
    expect((await server.ask(postOf(call))).status).toBe(200)
    expect(server.connections).toHaveLength(2)
  })

  test('is not named to clients [SESS-S-11]', async () => {
    const server = await served()
    await server.ask(postOf(call))
    expect(server.connections[0]?.sessionId).toBeUndefined()
  })
})

describe('messages of the application', () => {
  test('are reported and sent to no client if they belong to no request [HTTP-S-39]', async () => {
    const server = await served({}, application)
    const stream = await server.open(postOf(listen()))
    await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
    const changed = { jsonrpc: '2.0' as const, method: 'notifications/tools/list_changed' }
    await server.connections[0]?.send(changed)
    expect(server.errors).toMatchObject([
      { code: 'SEND_FAILED', message: expect.stringContaining('list_changed') },
    ])
    await server.ask(postOf(call))
    expect(stream.messages).toHaveLength(1)
  })

  test('are answered with an error if they are requests, since clients answer none [GEN-14]', async () => {
    const server = await served()
    await server.ask(postOf(call))
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 5, method: 'roots/list' })
    expect(server.messages.at(-1)).toMatchObject({ id: 5, error: { code: -31_007 } })
  })

  test('end a subscription, also by a cancellation [SUB-S-08, SUB-S-09]', async () => {
    const server = await served({}, application)
    const stream = await server.open(postOf(listen('s')))
    await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
    const [request] = server.messages
    const params = { requestId: isRequest(request as JsonRpcMessage) ? (request as JsonRpcRequest).id : 0 }
    await server.connections[0]?.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
    await server.connections[0]?.send({ jsonrpc: '2.0', id: params.requestId, result: {} })
    await stream.until(() => stream.isOver, 'it ends')
    expect(stream.messages.slice(1)).toMatchObject([
      { id: 's', result: { _meta: { [SUBSCRIPTION_KEY]: 's' } } },
    ])
    expect(server.errors).toEqual([])
    expect(server.messages).toHaveLength(1)
  })

  test('are replaced by an error response if they are too long', async () => {
    const server = await served({ maxMessageBytes: 2_048 }, ({ id }) => ({
      jsonrpc: '2.0',
      id,
      result: { text: 'x'.repeat(4_096) },
    }))
    const answer = await server.ask(postOf(call))
    expect(answer.messages).toMatchObject([{ id: 1, error: { code: -32_603 } }])
    expect(server.errors).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }])
  })

  test('turn the response into a stream after keepAliveIntervalMs, with comments until then [HTTP-S-30]', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, keepAliveIntervalMs: 1_000 }, application)
    const opened = server.open(postOf(hang))
    await vi.waitFor(() => expect(server.messages).toHaveLength(1))
    await clock.advance(1_100)
    const answer = await opened
    expect(answer.headers['content-type']).toBe('text/event-stream')
    await clock.advance(1_100)
    await answer.until(() => answer.events.length === 2, 'two comments came')
    const [request] = server.messages as [JsonRpcRequest]
    await server.connections[0]?.send({
      jsonrpc: '2.0',
      id: request.id,
      error: { code: -32_601, message: 'no such method' },
    })
    await answer.until(() => answer.isOver, 'it ends')
    expect(answer.messages).toMatchObject([{ id: 1, error: { code: -32_601 } }])
  })
})

describe('notifications of a client', () => {
  const noticed = (method: string, meta: object | undefined) => ({
    body: { jsonrpc: '2.0', method, params: meta ? { _meta: meta } : {} },
    headers: { 'mcp-protocol-version': MODERN, 'mcp-method': method },
  })

  test('are accepted, and delivered if the principal has a connection and they name their revision', async () => {
    const server = await served()
    const accepted = async (method: string, meta?: object) => {
      const { status, text } = await server.ask(noticed(method, meta))
      expect([status, text]).toEqual([202, ''])
    }
    await accepted('test/early', envelope)
    await server.ask(postOf(call))
    await accepted('test/heard', envelope)
    await accepted('test/bare')
    await accepted('notifications/cancelled', envelope)
    expect(server.messages.slice(1)).toMatchObject([{ method: 'test/heard' }])
    expect(server.connections).toHaveLength(1)
  })
})

describe('admissions that end', () => {
  const until = (epochMs: number): Gate => ({ admit: () => ({ admit: true, expiresAt: epochMs }) })

  test('end the subscription, and the application receives a cancellation', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, gate: until(clock.epochNow() + 1_000) }, application)
    const stream = await server.open(postOf(listen()))
    await stream.until(() => stream.messages.length === 1, 'it is acknowledged')
    await clock.advance(1_000)
    await stream.until(() => stream.isOver, 'it ends')
    expect(stream.messages).toHaveLength(1)
    expect(server.messages[1]).toMatchObject({
      method: 'notifications/cancelled',
      params: { _meta: envelope },
    })
    expect(server.connections[0]?.state).toBe('open')
  })

  test('end a request in flight with 401', async () => {
    const clock = createFakeClock()
    const stop = new AbortController()
    const gate: Gate = { admit: () => ({ admit: true, revoked: stop.signal }) }
    const server = await served({ clock, gate }, application)
    const lost = server.ask(postOf(hang))
    await vi.waitFor(() => expect(server.messages).toHaveLength(1))
    stop.abort()
    const { status, headers } = await lost
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"'])
  })
})

describe('arguments that are mirrored in headers', () => {
  const inputSchema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } }
  const deploy = modern('tools/call', { name: 'deploy', arguments: { region: 'eu' } })
  const lists: Parameters<typeof served>[1] = (request) =>
    request.method === 'tools/list'
      ? { jsonrpc: '2.0', id: request.id, result: { tools: [{ name: 'deploy', inputSchema }] } }
      : echo(request)

  test('are checked after the client has received the list of tools [HDR-S-14, HDR-S-18]', async () => {
    const server = await served({ gate: byName }, lists)
    expect((await server.ask(postOf(deploy))).status).toBe(200)
    await server.ask(postOf(modern('tools/list')))
    const refused = await server.ask(postOf(deploy))
    expect(refused.status).toBe(400)
    expect(refused.messages).toMatchObject([
      { id: 1, error: { code: -32_020, data: { header: 'mcp-param-region' } } },
    ])
    expect((await server.ask(postOf(deploy, { 'mcp-param-region': 'us' }))).status).toBe(400)
    expect((await server.ask(postOf(deploy, { 'mcp-param-region': 'eu' }))).status).toBe(200)
    // What one principal may see says nothing of what another may.
    expect((await server.ask(as('other', deploy))).status).toBe(200)
  })
})

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
    await two.until(() => two.messages.length === 2, 'one is told')
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
  const heard: JsonRpcMessage[] = []
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => {
      heard.push(message)
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
  await vi.waitFor(() => expect(heard).toHaveLength(2))
  expect(heard[1]).toMatchObject({ method: 'notifications/cancelled' })
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
  expect(refused.messages).toMatchObject([
    {
      id: 1,
      error: {
        code: -32_022,
        data: { requested: MODERN, supported: expect.arrayContaining(['2025-11-25']) },
      },
    },
  ])
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
