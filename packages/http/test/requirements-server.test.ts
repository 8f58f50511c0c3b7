import type { Gate, JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { echo, initialize, served } from './support/served.js'

const SESSION_ID = 'mcp-session-id'
const VERSION = 'mcp-protocol-version'
const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
const ask = (id: number | string, params = {}) => ({
  jsonrpc: '2.0' as const,
  id,
  method: 'test/ask',
  params,
})
const progress = (n: number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 't', progress: n },
})

describe('the endpoint', () => {
  test('serves POST, GET and DELETE at one path, on this host by default [HTTP-S-01, HTTP-S-04, SEC-S-07]', async () => {
    const server = await served()
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
    const headers = await server.session()
    expect((await server.ask({ body: ask(1), headers })).status).toBe(200)
    const stream = await server.open({ method: 'GET', headers })
    expect({ status: stream.status, contentType: stream.headers['content-type'] }).toEqual({
      status: 200,
      contentType: 'text/event-stream',
    })
    for (const path of ['/', '/mcp/', '/other']) {
      expect((await server.ask({ path, body: ask(2), headers })).status).toBe(404)
    }
    const put = await server.ask({ method: 'PUT', headers })
    expect({ status: put.status, allow: put.headers.allow }).toEqual({
      status: 405,
      allow: 'GET, POST, DELETE, OPTIONS',
    })
  })

  test.each([
    ['a page of another site', { origin: 'https://evil.example' }],
    ['a page whose site looks like this host', { origin: 'http://localhost.evil.example' }],
    ['a sandboxed page', { origin: 'null' }],
    ['a name that was rebound', { host: 'evil.example' }],
  ])('refuses %s with 403 before it reads a message [HTTP-S-02, HTTP-S-03]', async (_, forged) => {
    const server = await served()
    const headers = { ...(await server.session()), ...forged }
    const received = server.messages.length
    const answers = [
      await server.ask({ body: initialize(), headers: forged }),
      await server.ask({ body: ask(1), headers }),
      await server.ask({ method: 'GET', headers }),
      await server.ask({ method: 'DELETE', headers }),
    ]
    for (const { status, text, messages } of answers) {
      expect(status).toBe(403)
      expect(messages).toMatchObject([{ jsonrpc: '2.0', error: {} }])
      expect(text).not.toContain('"id"')
    }
    expect(server.messages).toHaveLength(received)
    expect(
      (
        await server.ask({
          body: ask(2),
          headers: { ...headers, origin: 'http://localhost:3000', host: undefined },
        })
      ).status,
    ).toBe(200)
  })
})

describe('POST', () => {
  test('responds with 202 and no body to a notification or a response [HTTP-S-10]', async () => {
    const server = await served()
    const headers = await server.session()
    for (const body of [note, { jsonrpc: '2.0', id: 's1', result: {} }]) {
      const answer = await server.ask({ body, headers })
      expect({ status: answer.status, text: answer.text }).toEqual({ status: 202, text: '' })
      expect(server.messages.at(-1)).toEqual(body)
    }
  })

  test.each<[string, unknown, number, number]>([
    ['is no JSON', '{"jsonrpc":', 400, -32_700],
    ['is no message', { jsonrpc: '2.0', id: 7 }, 400, -32_600],
    ['is another version of JSON-RPC', { jsonrpc: '1.0', id: 7, method: 'x' }, 400, -32_600],
    ['has null for an id', { jsonrpc: '2.0', id: null, method: 'x' }, 400, -32_600],
    ['is a batch, in a session without batches', [ask(1), ask(2)], 400, -32_600],
    ['is an empty batch', [], 400, -32_600],
  ])(
    'responds with an error to a body that %s, and delivers nothing [HTTP-S-11, GEN-01, GEN-06, GEN-09]',
    async (_, body, status, code) => {
      const server = await served()
      const headers = await server.session('2025-11-25')
      const received = server.messages.length
      const answer = await server.ask({ body, headers })
      expect(answer.status).toBe(status)
      expect(answer.messages).toMatchObject([{ jsonrpc: '2.0', error: { code } }])
      expect(answer.text).not.toContain('"id":null')
      expect(server.messages).toHaveLength(received)
    },
  )

  test('refuses a body that is not UTF-8 [GEN-02, HTTP-S-11]', async () => {
    const server = await served()
    const headers = await server.session()
    const body = Buffer.from('{"jsonrpc":"2.0","method":"\xff"}', 'latin1').toString('latin1')
    const answer = await server.ask({ body: Buffer.from(body, 'latin1'), headers })
    expect({ status: answer.status, messages: answer.messages }).toMatchObject({
      status: 400,
      messages: [{ error: { code: -32_700 } }],
    })
  })

  test('responds to a request with one JSON text with its id, or with a stream that ends after the response [HTTP-S-12, HTTP-S-14, HTTP-S-19, GEN-05]', async () => {
    for (const answers of ['json', 'sse', 'auto'] as const) {
      const server = await served({ responseFormat: answers })
      const headers = await server.session()
      for (const id of [1, '1', 0, '']) {
        const answer = await server.ask({ body: ask(id), headers })
        expect(answer.status).toBe(200)
        expect(answer.headers['content-type']).toBe(
          answers === 'sse' ? 'text/event-stream' : 'application/json',
        )
        expect(answer.messages).toEqual([{ jsonrpc: '2.0', id, result: { of: 'test/ask' } }])
      }
    }
  })

  test('delivers requests, notifications and responses, and sends all three [GEN-12]', async () => {
    const server = await served({}, (request, connection) => {
      void connection.send(progress(1), { relatedRequestId: request.id })
      void connection.send(
        { jsonrpc: '2.0', id: 's1', method: 'roots/list' },
        { relatedRequestId: request.id },
      )
      return echo(request)
    })
    const headers = await server.session()
    const answer = await server.ask({ body: ask(1), headers })
    expect(answer.messages).toEqual([
      progress(1),
      { jsonrpc: '2.0', id: 's1', method: 'roots/list' },
      { jsonrpc: '2.0', id: 1, result: { of: 'test/ask' } },
    ])
  })
})

describe('a session', () => {
  test('has an id in the response to initialize: long, random, visible ASCII [SESS-S-01, SESS-S-02, SESS-S-03]', async () => {
    const server = await served()
    const ids = new Set<string>()
    for (let n = 0; n < 20; n++) {
      const { headers } = await server.ask({ body: initialize() })
      const id = String(headers[SESSION_ID])
      expect(id).toMatch(/^[\x21-\x7e]{32,}$/)
      ids.add(id)
    }
    expect(ids.size).toBe(20)
    // What all of them share must not be what makes them long.
    const columns = Array.from({ length: 32 }, (_, n) => new Set([...ids].map((id) => id[n])).size)
    expect(columns.filter((different) => different > 1).length).toBeGreaterThan(24)
  })

  test('is required: the response is 400 without its id, and 404 with an unknown one [SESS-S-06, SESS-S-07]', async () => {
    const server = await served()
    const headers = await server.session()
    for (const method of ['POST', 'GET', 'DELETE']) {
      const body = method === 'POST' ? ask(1) : undefined
      expect((await server.ask({ method, body, headers: { [VERSION]: '2025-11-25' } })).status).toBe(400)
      const other = { ...headers, [SESSION_ID]: '00000000-0000-4000-8000-000000000000' }
      expect((await server.ask({ method, body, headers: other })).status).toBe(404)
    }
  })

  test('ends after DELETE, with its streams [SESS-S-07, HTTP-S-25]', async () => {
    const server = await served({}, () => undefined)
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    const open = server.ask({ body: ask(1), headers })
    await stream.until(() => server.messages.length === 3, 'the request has arrived')
    expect((await server.ask({ method: 'DELETE', headers })).status).toBe(204)
    await stream.until(() => stream.isOver, 'the stream ends')
    expect((await open).messages).toMatchObject([{ id: 1, error: {} }])
    expect((await server.ask({ body: ask(2), headers })).status).toBe(404)
    expect((await server.ask({ method: 'GET', headers })).status).toBe(404)
    expect(await server.connections[0]?.closed).toBeUndefined()
  })

  test('is unknown after the application has closed it [SESS-S-07]', async () => {
    const server = await served()
    const headers = await server.session()
    await server.connections[0]?.close()
    expect((await server.ask({ body: ask(1), headers })).status).toBe(404)
  })

  test('proves no identity: the gate is called for every request [SESS-S-12]', async () => {
    let isOpen = true
    let asked = 0
    const gate = {
      admit: () => {
        asked++
        return isOpen
          ? ({ admit: true } as const)
          : ({ admit: false, status: 401, reason: 'no', challenge: 'Bearer' } as const)
      },
    }
    const server = await served({ gate })
    const headers = await server.session()
    expect(asked).toBe(2)
    isOpen = false
    for (const method of ['POST', 'GET', 'DELETE']) {
      const body = method === 'POST' ? ask(1) : undefined
      const answer = await server.ask({ method, body, headers })
      expect({ status: answer.status, wwwAuthenticate: answer.headers['www-authenticate'] }).toEqual({
        status: 401,
        wwwAuthenticate: 'Bearer',
      })
    }
    expect(asked).toBe(5)
    expect(server.messages.filter((message) => 'method' in message && message.method === 'test/ask')).toEqual(
      [],
    )
  })

  test('belongs to the principal that opened it: for others it does not exist [SESS-S-13]', async () => {
    const gate: Gate = {
      admit({ headers }) {
        const [clientId = '', sub] = (headers['authorization'] ?? '').split('/')
        return { admit: true, authInfo: { token: '', clientId, scopes: [], extra: { sub } } }
      },
    }
    const server = await served({ gate })
    const headers = await server.session('2025-11-25', { authorization: 'client/ann' })
    for (const authorization of ['client/bob', 'other/ann', undefined]) {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const body = method === 'POST' ? ask(1) : undefined
        expect((await server.ask({ method, body, headers: { ...headers, authorization } })).status).toBe(404)
      }
    }
    expect((await server.ask({ body: ask(1), headers })).status).toBe(200)
  })
})

describe('the version header', () => {
  test('may be missing: the session has the revision, and one of 2025-03-26 has batches [PVH-S-03, GEN-09, GEN-10]', async () => {
    const server = await served()
    const headers = await server.session('2025-03-26')
    expect(headers).not.toHaveProperty(VERSION)
    const answer = await server.ask({ body: [ask(1), note, ask('2')], headers })
    expect(answer.status).toBe(200)
    expect(answer.messages.flat()).toEqual([echo(ask(1)), echo(ask('2'))])
    expect(server.messages.slice(2)).toEqual([ask(1), note, ask('2')])
    const quiet = await server.ask({ body: [note, note], headers })
    expect({ status: quiet.status, text: quiet.text }).toEqual({ status: 202, text: '' })
  })

  test.each(['2025-06-18', '2025-11-25'])(
    'may be missing in a session of %s [PVH-S-03]',
    async (revision) => {
      const server = await served()
      const headers = { ...(await server.session(revision)), [VERSION]: undefined }
      expect((await server.ask({ body: ask(1), headers })).status).toBe(200)
    },
  )

  test('gets 400 if it names no revision of the server [PVH-S-05]', async () => {
    const server = await served()
    const headers = await server.session()
    for (const version of ['1999-01-01', 'x', '2026-07-28']) {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const body = method === 'POST' ? ask(1) : undefined
        const answer = await server.ask({ method, body, headers: { ...headers, [VERSION]: version } })
        expect(answer.status).toBe(400)
      }
    }
    expect((await server.ask({ body: ask(2), headers })).status).toBe(200)
  })
})

test.each(['2025-03-26', '2025-11-25'])('refuses a batch with initialize: %s [GEN-11]', async (revision) => {
  const server = await served()
  const answer = await server.ask({ body: [initialize(revision), ask(1)] })
  expect({ status: answer.status, messages: answer.messages }).toMatchObject({
    status: 400,
    messages: [{ error: { code: -32_600 } }],
  })
  expect(server.connections).toEqual([])
})

describe('gates and hooks', () => {
  test.each([401, 403] as const)(
    'add a challenge to a refusal with %i, and deliver nothing [AUTH-S-01, AUTH-S-02, AUTH-S-10]',
    async (status) => {
      const challenge =
        'Bearer error="insufficient_scope", scope="a b", resource_metadata="https://x.example/m"'
      const server = await served({
        gate: { admit: () => ({ admit: false, status, reason: 'no', challenge }) },
      })
      const answer = await server.ask({ body: initialize() })
      expect({ status: answer.status, wwwAuthenticate: answer.headers['www-authenticate'] }).toEqual({
        status,
        wwwAuthenticate: challenge,
      })
      expect(server.connections).toEqual([])
    },
  )

  test('serve metadata of the resource without a token [AUTH-S-06, AUTH-S-08]', async () => {
    const path = '/.well-known/oauth-protected-resource/mcp'
    const metadata = JSON.stringify({ authorization_servers: ['https://as.example'] })
    const server = await served({
      gate: { admit: () => ({ admit: false, status: 401, reason: 'no' }) },
      hooks: {
        routes: {
          [path]: () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: metadata }),
        },
      },
    })
    const answer = await server.ask({ method: 'GET', path })
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: metadata })
    expect((await server.ask({ body: initialize() })).status).toBe(401)
  })
})
