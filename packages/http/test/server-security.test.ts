import { connect } from 'node:net'
import { createFakeClock } from '@mcpwire/compliance'
import { type Gate, type HttpHooks, isTransportError, localOnly } from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { httpServer } from '../src/node/index.js'
import { initialize, served } from './support/served.js'

const ask = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'test/ask' })
const json = 'content-type: application/json\r\naccept: application/json, text/event-stream\r\n'

interface Raw {
  write(text: string): void
  readonly text: () => string
  readonly isOver: () => boolean
  readonly closed: Promise<void>
}

/** A raw connection. */
async function raw(port: number): Promise<Raw> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  let isOver = false
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      isOver = true
      resolve()
    }),
  )
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  return { write: (more) => void socket.write(more), text: () => text, isOver: () => isOver, closed }
}

describe('bodies', () => {
  test('are refused before they are read if the declared length is over the limit', async () => {
    const server = await served({ maxMessageBytes: 1_024 })
    const caller = await raw(server.port)
    caller.write(`POST /mcp HTTP/1.1\r\nhost: localhost\r\n${json}content-length: 99999999\r\n\r\n`)
    await vi.waitFor(() => expect(caller.text()).toMatch(/^HTTP\/1.1 413 [\s\S]*"code":-32600/))
    expect(caller.text()).toMatch(/connection: close/i)
  })

  test('are refused at the limit if they are chunked, and the response arrives while the client still sends', async () => {
    const server = await served({ maxMessageBytes: 1_024 })
    const caller = await raw(server.port)
    caller.write(`POST /mcp HTTP/1.1\r\nhost: localhost\r\n${json}transfer-encoding: chunked\r\n\r\n`)
    const chunk = `${(16_384).toString(16)}\r\n${' '.repeat(16_384)}\r\n`
    for (let n = 0; n < 64; n++) caller.write(chunk)
    await vi.waitFor(() =>
      expect(caller.text()).toMatch(/^HTTP\/1.1 413 [\s\S]*maxMessageBytes|^HTTP\/1.1 413/),
    )
    caller.write('0\r\n\r\n')
    await caller.closed
  })

  test('are accepted at exactly the limit, and refused one byte over it', async () => {
    const server = await served({ maxMessageBytes: 1_024 })
    const headers = await server.session()
    const text = JSON.stringify(ask(1))
    expect((await server.ask({ body: text.padEnd(1_024), headers })).status).toBe(200)
    expect((await server.ask({ body: text.padEnd(1_025), headers })).status).toBe(413)
  })

  test('get 408 if they arrive too slowly', async () => {
    const clock = createFakeClock()
    const server = await served({ clock, bodyTimeoutMs: 5_000 })
    const caller = await raw(server.port)
    caller.write(`POST /mcp HTTP/1.1\r\nhost: localhost\r\n${json}content-length: 100\r\n\r\n{`)
    await vi.waitFor(() => expect(clock.pending).toBeGreaterThan(0))
    await clock.advance(4_999)
    expect(caller.text()).toBe('')
    await clock.advance(1_000)
    await vi.waitFor(() => expect(caller.text()).toMatch(/^HTTP\/1.1 408 /))
  })

  test('get an error if they are not UTF-8, not JSON, or of another type', async () => {
    const server = await served()
    const bytes = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","method":"'),
      Buffer.of(0xff),
      Buffer.from('"}'),
    ])
    expect(await server.ask({ body: bytes })).toMatchObject({
      status: 400,
      messages: [{ error: { code: -32_700 } }],
    })
    expect(await server.ask({ body: '{' })).toMatchObject({
      status: 400,
      messages: [{ error: { code: -32_700 } }],
    })
    const headers = { 'content-type': 'text/plain' }
    expect((await server.ask({ body: initialize(), headers })).status).toBe(415)
    const typed = { 'content-type': 'Application/JSON; charset=utf-8' }
    expect((await server.ask({ body: initialize(), headers: typed })).status).toBe(200)
  })
})

test('responds with 408 to headers that arrive too slowly, and closes the connection', async () => {
  const server = await served({ headersTimeoutMs: 100 })
  const caller = await raw(server.port)
  caller.write('POST /mcp HTTP/1.1\r\nhost: localhost\r\n')
  await caller.closed
  expect(caller.text()).toMatch(/^HTTP\/1.1 408 /)
})

test.each([
  ['application/json', 'application/json'],
  ['text/event-stream', 'text/event-stream'],
  ['*/*', 'application/json'],
  ['application/json;q=0, text/event-stream', 'text/event-stream'],
  ['text/html', undefined],
])('responds to "Accept: %s" in %s', async (accept, type) => {
  const server = await served()
  const headers = await server.session()
  const answer = await server.ask({ body: ask(1), headers: { ...headers, accept } })
  expect(answer.status).toBe(type === undefined ? 406 : 200)
  if (type !== undefined) expect(answer.headers['content-type']).toBe(type)
})

describe('the gate', () => {
  test('is called once for every request, and its reason is in the response', async () => {
    let asked = 0
    let isShut = false
    const gate: Gate = {
      admit: () => {
        asked++
        return isShut
          ? { admit: false, status: 401, reason: 'who are you?', challenge: 'Bearer realm="mcp"\r\nx: y' }
          : { admit: true }
      },
    }
    const server = await served({ gate })
    const headers = await server.session()
    expect(asked).toBe(2)
    await server.ask({ body: ask(1), headers })
    expect(asked).toBe(3)
    isShut = true
    for (const method of ['POST', 'GET', 'DELETE']) {
      const refused = await server.ask({ method, headers, ...(method === 'POST' && { body: ask(2) }) })
      expect({ status: refused.status, wwwAuthenticate: refused.headers['www-authenticate'] }).toEqual({
        status: 401,
        wwwAuthenticate: 'Bearer realm="mcp"  x: y',
      })
      expect(refused.messages).toMatchObject([{ error: { message: 'who are you?' } }])
    }
    expect(server.connections[0]?.state).toBe('open')
  })

  test('separates sessions: that of another caller does not exist', async () => {
    const gate: Gate = {
      admit: ({ headers }) => {
        const [clientId = '', sub = ''] = (headers['authorization'] ?? '').split('/')
        return { admit: true, authInfo: { token: 't', clientId, scopes: [], extra: { sub } } }
      },
    }
    const server = await served({ gate })
    const alice = await server.session('2025-11-25', { authorization: 'app/alice' })
    for (const authorization of ['app/bob', 'other/alice', '']) {
      const headers = { ...alice, authorization }
      expect((await server.ask({ body: ask(1), headers })).status).toBe(404)
      expect((await server.ask({ method: 'GET', headers })).status).toBe(404)
      expect((await server.ask({ method: 'DELETE', headers })).status).toBe(404)
    }
    expect((await server.ask({ body: ask(1), headers: alice })).status).toBe(200)
  })

  test('renews the admission of a session with each request', async () => {
    const clock = createFakeClock()
    let expiresAt = clock.epochNow() + 1_000
    const server = await served({ clock, gate: { admit: () => ({ admit: true, expiresAt }) } })
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    expiresAt = clock.epochNow() + 10_000
    await server.ask({ body: ask(1), headers })
    await clock.advance(9_000)
    expect({ state: server.connections[0]?.state, isOver: stream.isOver }).toEqual({
      state: 'open',
      isOver: false,
    })
    await clock.advance(1_001)
    expect(isTransportError(await server.connections[0]?.closed, 'REFUSED')).toBe(true)
    await stream.until(() => stream.isOver, 'the stream ended')
  })

  test.each([
    [
      'a refusal without a challenge',
      () => ({ admit: false, status: 401, reason: 'who are you?' }) as const,
      'Bearer',
    ],
    ['an admission that was over before', () => ({ admit: true, expiresAt: 1 }) as const, 'Bearer'],
  ])('has a challenge in its 401 after %s (RFC 9110, 15.5.2)', async (_what, admit, challenge) => {
    const server = await served({ gate: { admit } })
    const { status, headers } = await server.ask({ body: initialize() })
    expect({ status, wwwAuthenticate: headers['www-authenticate'] }).toEqual({
      status: 401,
      wwwAuthenticate: challenge,
    })
  })

  test('may be slow while the client disconnects', async () => {
    let admitAll!: () => void
    const opened = new Promise<void>((resolve) => {
      admitAll = resolve
    })
    let asked = 0
    const gate: Gate = {
      admit: async () => {
        asked++
        await opened
        return { admit: true }
      },
    }
    const server = await served({ gate })
    const caller = await raw(server.port)
    const body = JSON.stringify(initialize())
    caller.write(
      `POST /mcp HTTP/1.1\r\nhost: localhost\r\n${json}content-length: ${body.length}\r\n\r\n${body}`,
    )
    await vi.waitFor(() => expect(asked).toBe(1))
    const leaving = connect(server.port, '127.0.0.1')
    leaving.destroy()
    admitAll()
    await vi.waitFor(() => expect(caller.text()).toMatch(/^HTTP\/1.1 200 /))
  })

  test('is required to listen beyond this host', async () => {
    const open = httpServer({ port: 0, host: '0.0.0.0' })
    await expect(open.start()).rejects.toMatchObject({ code: 'INVALID_OPTION', details: { option: 'gate' } })
    const gated = httpServer({ port: 0, host: '0.0.0.0', gate: localOnly() })
    await gated.start()
    await gated.close()
  })
})

describe('hooks', () => {
  const hooks: HttpHooks = {
    preflight: ({ headers }) =>
      headers['origin'] === 'https://app.example'
        ? { status: 204, headers: { 'access-control-allow-origin': 'https://app.example' } }
        : undefined,
    responseHeaders: () => ({ 'x-content-type-options': 'nosniff' }),
    routes: { '/health': () => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'well' }) },
  }

  test('respond to preflights before the gate is called', async () => {
    let asked = 0
    const gate: Gate = {
      admit: () => {
        asked++
        return { admit: true }
      },
    }
    const server = await served({ hooks, gate })
    const known = await server.ask({ method: 'OPTIONS', headers: { origin: 'https://app.example' } })
    expect({
      status: known.status,
      accessControlAllowOrigin: known.headers['access-control-allow-origin'],
    }).toEqual({ status: 204, accessControlAllowOrigin: 'https://app.example' })
    const other = await server.ask({ method: 'OPTIONS', headers: { origin: 'https://evil.example' } })
    expect({
      status: other.status,
      accessControlAllowOrigin: other.headers['access-control-allow-origin'],
    }).toEqual({ status: 405, accessControlAllowOrigin: undefined })
    expect(asked).toBe(0)
  })

  test('add headers to every response, including streams and refusals', async () => {
    const server = await served({ hooks, maxMessageBytes: 1_024 })
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    const answers = [
      stream,
      await server.ask({ body: ask(1), headers }),
      await server.ask({ body: ask(1), headers: { ...headers, origin: 'https://evil.example' } }),
      await server.ask({ body: ' '.repeat(2_000), headers }),
      await server.ask({ path: '/nowhere' }),
      await server.ask({ method: 'OPTIONS' }),
      await server.open({ method: 'GET', path: '/health' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 403, 413, 404, 405, 200])
    for (const answer of answers) expect(answer.headers['x-content-type-options']).toBe('nosniff')
  })

  test('do not replace headers of the response itself', async () => {
    const twice: HttpHooks = {
      preflight: () => ({ status: 204, headers: { 'Access-Control-Allow-Origin': 'https://app.example' } }),
      responseHeaders: () => ({ 'access-control-allow-origin': '*', 'content-type': 'text/plain' }),
    }
    const server = await served({ hooks: twice })
    const preflight = await server.ask({ method: 'OPTIONS' })
    expect(preflight.headers['access-control-allow-origin']).toBe('https://app.example')
    const headers = await server.session()
    const answer = await server.ask({ body: ask(1), headers })
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.headers['access-control-allow-origin']).toBe('*')
  })

  test('serve further routes, and their errors are reported', async () => {
    const failing = {
      routes: {
        '/broken': () => {
          throw new Error('from a route')
        },
      },
    }
    const server = await served({ hooks: failing })
    const answer = await server.ask({ method: 'GET', path: '/broken' })
    expect({ status: answer.status, messages: answer.messages }).toMatchObject({
      status: 500,
      messages: [{ error: { code: -32_603 } }],
    })
    expect(server.errors.map(({ message }) => message).join()).toContain('from a route')
    expect((await server.ask({ method: 'GET', path: '/constructor' })).status).toBe(404)
  })
})
