import { createFakeClock, turns } from '@mcpwire/compliance'
import { type Gate, isRequest } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { httpHandler } from '../src/index.js'
import { envelope, modern, postOf, SUBSCRIPTION_KEY } from './support/modern.js'
import { application, as, call, hang, listen } from './support/modern-application.js'
import { byName } from './support/modern-server.js'
import { echo, served } from './support/served.js'

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
    expect({ old: old?.state, young: young?.state }).toEqual({ old: 'open', young: 'open' })
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
    const states = (): unknown[] => server.connections.map(({ state }) => state)
    const busy = await server.open(as('busy', listen()))
    await server.ask(as('one'))
    await server.ask(as('two'))
    expect((await server.ask(as('three'))).status).toBe(200)
    await vi.waitFor(() => expect(states()).toEqual(['open', 'closed', 'open', 'open']))
    expect(busy.isOver).toBe(false)
    await server.open(as('two', listen()))
    await server.open(as('three', listen()))
    const refused = await server.ask(as('four'))
    expect(refused.status).toBe(503)
    expect(refused.headers).toHaveProperty('retry-after')
  })

  test('ends at maxConnections for a session, and idle sessions end for it', async () => {
    const server = await served({ maxConnections: 2 }, application)
    const states = (): unknown[] => server.connections.map(({ state }) => state)
    await server.ask(postOf(call))
    const headers = await server.session()
    await server.ask({ body: { jsonrpc: '2.0', id: 1, method: 'test/used' }, headers })
    await server.session()
    await vi.waitFor(() => expect(states()).toEqual(['closed', 'open', 'open']))
    expect((await server.ask(postOf(call))).status).toBe(200)
    // The unused session first.
    await vi.waitFor(() => expect(states()).toEqual(['closed', 'open', 'closed', 'open']))
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
    expect({ status, wwwAuthenticate: headers['www-authenticate'] }).toEqual({
      status: 401,
      wwwAuthenticate: 'Bearer error="invalid_token"',
    })
  })
})
