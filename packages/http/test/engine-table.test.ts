import { once } from 'node:events'
import { isTransportError } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { engineSettings, eventually, record } from './support/engine-calls.js'
import { credentials, type EngineKind, engineKinds } from './support/engine-kinds.js'
import { connectProxy } from './support/engine-proxy.js'
import { engineServer, type Seen } from './support/engine-server.js'

const SERVER_TLS = { ...credentials.server, ca: credentials.ca, requestCert: true, rejectUnauthorized: true }

function echo({ response, body }: Seen): void {
  response.writeHead(200, { 'content-type': 'application/json', 'x-answer': 'yes' }).end(body)
}

describe.each(engineKinds)('$name', (kind: EngineKind) => {
  test('receives a JSON response', async () => {
    await using server = await engineServer(echo)
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))
    const body = JSON.stringify({ text: 'grüße 漢字 😀' })

    const call = record(engine, {
      url: server.url,
      body,
      headers: { 'content-type': 'application/json', 'x-a': 'b' },
    })
    await call.over()

    expect(call.events).toEqual(['head', 'data', 'end'])
    expect(call.text()).toBe(body)
    expect(call.head).toMatchObject({ status: 200, statusText: 'OK' })
    expect(call.head?.header('content-type')).toBe('application/json')
    expect(call.head?.header('x-answer')).toBe('yes')
    expect(call.head?.header('x-other')).toBeUndefined()
    expect(server.seen).toMatchObject([{ method: 'POST', path: '/mcp?x=%20', body, headers: { 'x-a': 'b' } }])
    await engine.close()
  })

  test('sends GET and DELETE without a body, and receives responses without one', async () => {
    await using server = await engineServer(({ response }) => response.writeHead(204).end())
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))

    for (const method of ['GET', 'DELETE'] as const) {
      const call = record(engine, { url: server.url, method, headers: {} })
      await call.over()
      expect(call.events).toEqual(['head', 'end'])
    }

    expect(server.seen).toMatchObject([
      { method: 'GET', body: '' },
      { method: 'DELETE', body: '' },
    ])
    await engine.close()
  })

  test('delivers each event of an SSE stream when it arrives', async () => {
    await using server = await engineServer(({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))
    const call = record(engine, { url: server.url, method: 'GET' })
    await eventually(() => call.events[0] === 'head', 'the head arrives before any data')

    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      server.seen[0]?.response.write(event)
      await eventually(() => call.text().endsWith(event), 'the event arrives while the stream is open')
    }

    server.seen[0]?.response.end()
    await call.over()
    expect(call.events).toEqual(['head', 'data', 'end'])
    await engine.close()
  })

  test('closes the connection of an aborted stream', async () => {
    await using server = await engineServer(({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
    })
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))
    const call = record(engine, { url: server.url })
    await eventually(() => call.bytes > 0, 'the stream has begun')
    const { response } = server.seen[0] as Seen
    const closed = once(response, 'close')

    call.call.abort()
    call.call.abort()
    await closed

    expect(response.writableFinished).toBe(false)
    expect(call.events).toEqual(['head', 'data'])
    await engine.close()
    expect(call.events).toEqual(['head', 'data'])
  })

  test('aborts a request without a response', async () => {
    await using server = await engineServer(() => {})
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))
    const call = record(engine, { url: server.url, body: '{}' })
    await eventually(() => server.seen.length === 1, 'the request is at the server')
    const { response } = server.seen[0] as Seen
    const closed = once(response, 'close')

    call.call.abort()
    await closed

    await engine.close()
    expect(call.events).toEqual([])
  })

  test('sends a client certificate, or rejects option tls', async () => {
    await using server = await engineServer(({ response, caller }) => response.end(caller), SERVER_TLS)
    const { mutualTls } = kind
    if ('refused' in mutualTls) {
      const settings = engineSettings({ url: server.url, ...mutualTls.refused })
      expect(() => kind.create(settings)).toThrow(expect.objectContaining({ details: { option: 'tls' } }))
      return
    }
    const engine = kind.create(engineSettings({ url: server.url, ...mutualTls.with() }))

    const call = record(engine, { url: server.url, body: '{}' })
    await call.over()

    expect(call.failure).toBeUndefined()
    expect(call.text()).toBe('CN=alice')
    await engine.close()
  })

  test('uses a proxy, or rejects option proxy', async () => {
    await using server = await engineServer(echo, SERVER_TLS)
    await using proxy = await connectProxy()
    const { proxied } = kind
    if ('refused' in proxied) {
      const settings = engineSettings({ url: server.url, ...proxied.refused })
      expect(() => kind.create(settings)).toThrow(expect.objectContaining({ details: { option: 'proxy' } }))
      return
    }
    const engine = kind.create(engineSettings({ url: server.url, ...proxied.with(proxy.port) }))

    const call = record(engine, { url: server.url, body: '{"a":1}' })
    await call.over()

    expect(call.failure).toBeUndefined()
    expect(call.text()).toBe('{"a":1}')
    expect(proxy.requests).toMatchObject([{ target: `127.0.0.1:${server.port}` }])
    await engine.close()
  })

  test('stops reading while it is paused', async () => {
    const size = 64 * 1024 * 1024
    const block = Buffer.alloc(1024 * 1024, 'x')
    let written = 0
    await using server = await engineServer(({ response }) => {
      response.writeHead(200, { 'content-length': size })
      const more = (): void => {
        while (written < size) {
          written += block.length
          if (!response.write(block)) {
            response.once('drain', more)
            return
          }
        }
        response.end()
      }
      more()
    })
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))
    const call = record(engine, { url: server.url })
    await eventually(() => call.bytes > 0, 'data arrives')
    call.call.pause()
    // The buffers of the system are full once nothing more is written for a while.
    let last = -1
    await eventually(() => {
      const isStill = last === written
      last = written
      return isStill && written > 0
    }, 'the server waits')
    const [held, heldWritten] = [call.bytes, written]

    expect(heldWritten).toBeLessThan(size)
    expect(held).toBeLessThan(size / 2)
    call.call.resume()
    await call.over()

    expect(call.bytes).toBe(size)
    await engine.close()
  })

  test('shows a redirect instead of following it', async () => {
    await using server = await engineServer(({ response }) => {
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))

    const call = record(engine, { url: server.url, body: '{}' })
    await call.over()

    expect(call.head?.status).toBe(307)
    expect(call.head?.header('location')).toMatch(/\/elsewhere$/)
    expect(server.seen).toHaveLength(1)
    await engine.close()
  })

  test('fails with delivery none where nothing listens', async () => {
    const server = await engineServer(echo)
    await server[Symbol.asyncDispose]()
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))

    const call = record(engine, { url: server.url, body: '{}' })
    await call.over()

    expect(call.events).toEqual(['failed'])
    expect(call.delivery).toBe('none')
    expect(call.failure?.message).toContain('ECONNREFUSED')
    await engine.close()
  })

  test('fails with delivery unknown where the connection breaks after the request', async () => {
    await using server = await engineServer(({ response }) => response.socket?.destroy())
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))

    const call = record(engine, { url: server.url, body: '{}' })
    await call.over()

    expect(call.events).toEqual(['failed'])
    expect(call.delivery).toBe('unknown')
    await engine.close()
  })

  test('fails where a response is interrupted', async () => {
    await using server = await engineServer(({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n', () => {
        response.socket?.destroy()
      })
    })
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))

    const call = record(engine, { url: server.url, body: '{}' })
    await call.over()

    expect(call.events.at(-1)).toBe('failed')
    expect(call.delivery).toBe('unknown')
    await engine.close()
  })

  test('rejects headers that cannot be sent, without their values', async () => {
    await using server = await engineServer(echo)
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))

    const call = record(engine, { url: server.url, headers: { authorization: 'Bearer s3cret\n' } })
    await call.over()

    expect(call.delivery).toBe('none')
    expect(call.failure?.message).toMatch(/authorization/)
    expect(String(call.failure?.stack)).not.toContain('s3cret')
    expect(server.seen).toEqual([])
    await engine.close()
  })

  test('sends 1 000 requests over at most 64 sockets', async () => {
    let inProgress = 0
    let most = 0
    await using server = await engineServer((seen) => {
      most = Math.max(most, ++inProgress)
      setImmediate(() => {
        inProgress--
        echo(seen)
      })
    })
    const engine = kind.create(engineSettings({ url: server.url, ...kind.plain() }))

    const calls = Array.from({ length: 1_000 }, (_, at) => record(engine, { url: server.url, body: `${at}` }))
    for (const call of calls) await call.over()

    expect(calls.map((call) => call.text())).toEqual(calls.map((_, at) => `${at}`))
    expect(most).toBeLessThanOrEqual(64)
    if (kind.reusesSockets) expect(server.socketCount()).toBeLessThanOrEqual(64)
    await engine.close()
  })

  test('sends replies while every other socket waits for the server', async () => {
    const held: Seen[] = []
    await using server = await engineServer((seen) => {
      if (seen.body !== 'reply') held.push(seen)
      else for (const one of [seen, ...held.splice(0)]) one.response.end()
    })
    const engine = kind.create(engineSettings({ url: server.url, maxSockets: 8, ...kind.plain() }))
    const calls = Array.from({ length: 20 }, () => record(engine, { url: server.url, body: 'request' }))
    await eventually(() => held.length === 7, 'all but the last socket are taken')

    while (calls.some(({ events }) => !events.includes('end'))) {
      const reply = record(engine, { url: server.url, body: 'reply', isReply: true })
      await reply.over()
      expect(reply.failure).toBeUndefined()
      const left = 20 - server.seen.filter(({ body }) => body === 'request').length
      await eventually(() => held.length > 0 || left === 0, 'the waiting requests are sent')
    }

    if (kind.reusesSockets) expect(server.socketCount()).toBeLessThanOrEqual(8)
    await engine.close()
  })

  test('fails requests in progress when it is closed, and later ones', async () => {
    await using server = await engineServer(() => {})
    const engine = kind.create(engineSettings({ url: server.url, maxSockets: 3, ...kind.plain() }))
    const calls = Array.from({ length: 4 }, () => record(engine, { url: server.url, body: '{}' }))
    await eventually(() => server.seen.length > 0, 'some are at the server')

    await Promise.all([engine.close(), engine.close()])
    calls.push(record(engine, { url: server.url, body: '{}' }))
    for (const call of calls) await call.over()

    expect(calls.map(({ events }) => events)).toEqual(Array.from({ length: 5 }, () => ['failed']))
    expect(calls[0]?.delivery).toBe('unknown')
    expect(calls[3]?.delivery).toBe('none')
    expect(calls[4]?.delivery).toBe('none')
  })
})

describe('options that cannot be combined', () => {
  const url = new URL('https://127.0.0.1:1/mcp')
  const [fetch, agent, tls, proxy] = [
    globalThis.fetch,
    engineKinds[1]?.plain().agent,
    {},
    'http://127.0.0.1:1',
  ]

  test.each([
    ['agent beside fetch', 'agent', 0, { fetch, agent }],
    ['tls beside fetch', 'tls', 0, { fetch, tls }],
    ['proxy beside fetch', 'proxy', 0, { fetch, proxy }],
    ['tls beside agent', 'tls', 0, { agent, tls }],
    ['proxy beside agent', 'proxy', 0, { agent, proxy }],
    ['tls for http:', 'tls', 0, { tls, url: new URL('http://127.0.0.1:1/mcp') }],
    ['an invalid agent', 'agent', 0, { agent: {} }],
    ['agent in a browser', 'agent', 3, { agent }],
    ['tls in a browser', 'tls', 3, { tls }],
    ['proxy in a browser', 'proxy', 3, { proxy }],
  ] as const)('%s is rejected', (_what, option, kind, options) => {
    const create = engineKinds[kind]?.create as EngineKind['create']
    let thrown: unknown
    try {
      create(engineSettings({ url, ...options }))
    } catch (error) {
      thrown = error
    }
    expect(isTransportError(thrown, 'INVALID_OPTION') && thrown.details.option).toBe(option)
  })
})
