import { constants } from 'node:buffer'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createFakeClock } from '@mcpwire/compliance'
import { allowAll, type Gate, type Handshake, type Verdict } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { upgradeHandler, wsServer } from '../src/node/index.js'
import { frame } from './support/frames.js'
import { type RawClient, type RawRequest, rawClient, upgradeRequest } from './support/raw-client.js'
import { eventually, serving } from './support/serving.js'

const NOTE = '{"jsonrpc":"2.0","method":"notifications/x"}'

async function refusedClient(port: number, request: RawRequest): Promise<RawClient> {
  const client = await rawClient(port, upgradeRequest(port, request))
  await client.closed
  return client
}

describe('a handshake request', () => {
  test.each<[number, string, RawRequest]>([
    [404, 'another path', { path: '/other' }],
    [404, 'a longer path', { path: '/mcp/' }],
    [405, 'another method', { method: 'POST', headers: { 'content-length': '0' } }],
    [426, 'another protocol', { headers: { upgrade: 'h2c' } }],
    [426, 'no upgrade at all', { headers: { upgrade: undefined, connection: undefined } }],
    [426, 'an older version', { headers: { 'sec-websocket-version': '8' } }],
    [400, 'no key', { headers: { 'sec-websocket-key': undefined } }],
    [400, 'a short key', { headers: { 'sec-websocket-key': 'abc' } }],
    [400, 'no subprotocol', { headers: { 'sec-websocket-protocol': undefined } }],
    [400, 'another subprotocol', { headers: { 'sec-websocket-protocol': 'graphql, mcpx' } }],
    [400, 'no Host', { headers: { host: undefined } }],
    [400, 'a body with a length', { headers: { 'content-length': '5' } }],
    [400, 'a body in chunks', { headers: { 'transfer-encoding': 'chunked' } }],
    [403, 'another Host', { headers: { host: 'evil.example' } }],
    [403, 'another Origin', { headers: { origin: 'https://evil.example' } }],
    [403, 'an Origin similar to this host', { headers: { origin: 'http://localhost.evil.example' } }],
    [403, 'the Origin of a sandboxed page', { headers: { origin: 'null' } }],
    [403, 'two Origins', { headers: { origin: 'http://localhost, https://evil.example' } }],
  ])('gets status %i for %s', async (status, _, request) => {
    await using server = await serving()
    const { response } = await refusedClient(server.port, request)
    expect(response.status).toBe(status)
    expect(server.connections).toEqual([])
    expect(await server.upgraded()).toBeDefined()
  })

  test.each<[string, RawRequest]>([
    ['a query', { path: '/mcp?x=1' }],
    ['an Origin on this host', { headers: { origin: 'http://localhost:3000' } }],
    ['several subprotocols', { headers: { 'sec-websocket-protocol': 'other , mcp' } }],
  ])('is accepted with %s', async (_, request) => {
    await using server = await serving()
    const { response } = await server.upgraded(request)
    expect(response.head).toMatch(/^Sec-WebSocket-Protocol: mcp$/m)
  })

  test.each<[string, Record<string, string>, RegExp]>([
    ['a subprotocol twice', { 'sec-websocket-protocol': 'mcp, mcp' }, /Sec-WebSocket-Protocol/],
    ['an invalid extension', { 'sec-websocket-extensions': 'a;;' }, /Sec-WebSocket-Extensions/],
  ])('gets status 400 with a reason for %s', async (_, headers, reason) => {
    const listener = wsServer({ port: 0, deflate: {} })
    const failures: unknown[] = []
    listener.onconnection = (connection) => {
      connection.start().catch((error: unknown) => failures.push(error))
    }
    await listener.start()
    const port = Number(new URL(listener.url).port)
    const { response } = await refusedClient(port, { headers })
    expect(response.status).toBe(400)
    expect(response.body).toMatch(reason)
    expect(failures).toMatchObject([{ code: 'MALFORMED_MESSAGE' }])
    await listener.close()
  })

  test('needs no subprotocol when requireSubprotocol is false', async () => {
    await using server = await serving({ requireSubprotocol: false })
    for (const offered of [undefined, 'other']) {
      const { response } = await server.upgraded({ headers: { 'sec-websocket-protocol': offered } })
      expect(response.head).not.toMatch(/protocol:/i)
    }
  })

  test.each<[Extract<Verdict, { admit: false }>, RegExp[]]>([
    [
      { admit: false, status: 401, reason: 'who?', challenge: 'Bearer\r\nx: y' },
      [/^www-authenticate: Bearer {2}x: y$/m],
    ],
    [{ admit: false, status: 403, reason: 'not you' }, []],
    [{ admit: false, status: 421, reason: 'elsewhere' }, []],
    [{ admit: false, status: 429, reason: 'slow down', retryAfterMs: 1_500 }, [/^retry-after: 2$/m]],
    [{ admit: false, status: 503, reason: 'full' }, []],
  ])('gets an HTTP response with a JSON-RPC error when a gate refuses with %o', async (verdict, headers) => {
    await using server = await serving({ gate: { admit: () => verdict } })
    const { response } = await refusedClient(server.port, {})
    expect(response.status).toBe(verdict.status)
    for (const header of headers) expect(response.head).toMatch(header)
    const data = { status: verdict.status, code: verdict.status === 401 ? 'AUTH_REQUIRED' : 'REFUSED' }
    expect(JSON.parse(response.body)).toMatchObject({
      error: { code: -31_007, message: verdict.reason, data },
    })
  })

  test('reaches the gate with its headers, and the refusal reaches the client', async () => {
    const seen: Handshake[] = []
    const refusal = { admit: false, status: 429, reason: 'slow down', retryAfterMs: 2_000 } as const
    const gate: Gate = {
      admit: (handshake) => {
        seen.push(handshake)
        return refusal
      },
    }
    await using server = await serving({ gate })
    const client = wsClient({ url: `${server.listener.address}?key=1`, headers: () => ({ 'X-Test': 'yes' }) })
    const failure = await client.start().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'REFUSED', details: { status: 429, retryAfterMs: 2_000 } })
    expect(String(failure)).toContain('slow down')
    expect(seen).toMatchObject([
      { medium: 'ws', remote: { address: '127.0.0.1' }, host: `127.0.0.1:${server.port}`, path: '/mcp' },
    ])
    expect(seen[0]?.headers['x-test']).toBe('yes')
  })

  test('is followed by no read before its connection is started', async () => {
    const listener = wsServer({ port: 0, closeTimeoutMs: 100 })
    let started: (() => void) | undefined
    const seen: unknown[] = []
    listener.onconnection = (connection) => {
      connection.onmessage = (message) => seen.push(message)
      started = () => void connection.start()
    }
    await listener.start()
    const port = Number(new URL(listener.url).port)
    const client = await rawClient(port)
    client.write(Buffer.concat([Buffer.from(upgradeRequest(port)), frame(NOTE)]))
    await eventually(() => started !== undefined, 'a connection')
    client.write(frame(NOTE))
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([])
    expect(client.response.status).toBe(0)
    started?.()
    await eventually(() => seen.length === 2, 'the early messages')
    expect(client.response.status).toBe(101)
    await listener.close()
  })

  test('is missing or slow: the server disconnects after headersTimeoutMs', async () => {
    const clock = createFakeClock()
    await using server = await serving({ clock, headersTimeoutMs: 1_000 })
    const silent = await rawClient(server.port)
    const slow = await rawClient(server.port, 'GET /mcp HTTP/1.1\r\nhost: localhost\r\n')
    const quick = await server.upgraded()
    await clock.advance(500)
    slow.write('x: y\r\n')
    await clock.advance(500)
    await Promise.all([silent.closed, slow.closed])
    expect(quick.isClosed).toBe(false)
    quick.socket.destroy()
    await eventually(() => server.listener.connections.size === 0, 'no connection')
  })

  test('is pending: the server counts its connection towards maxConnections', async () => {
    await using server = await serving({ maxConnections: 2 })
    const waiting = [await rawClient(server.port), await rawClient(server.port)]
    const third = await rawClient(server.port)
    await third.closed
    expect(server.refused).toMatchObject([{ status: 503, option: 'maxConnections' }])
    expect(server.errors).toEqual([])
    for (const each of waiting) each.socket.destroy()
    await eventually(() => server.listener.connections.size === 0, 'no connection')
    await expect
      .poll(() =>
        server.upgraded().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
  })
})

describe('a bearer token', () => {
  const admits = (token: string): Gate => ({
    admit: ({ headers }) =>
      headers['authorization'] === `Bearer ${token}`
        ? { admit: true, authInfo: { token, clientId: 'a', scopes: [] } }
        : { admit: false, status: 401, reason: `unknown: ${headers['sec-websocket-protocol']}` },
  })

  test('is accepted as a header', async () => {
    await using server = await serving({ gate: admits('s3cret') })
    const client = wsClient({
      url: server.listener.url,
      headers: { authorization: 'Bearer s3cret' },
    })
    await client.start()
    expect(server.connections[0]?.peer?.authInfo?.clientId).toBe('a')
    await client.close()
  })

  test('is accepted as a subprotocol with tokenInSubprotocol, and never sent back', async () => {
    const token = 'tökén+/=='
    await using server = await serving({ gate: admits(token), tokenInSubprotocol: true })
    const client = wsClient({ url: server.listener.url, tokenInSubprotocol: async () => token })
    await client.start()
    await client.close()
    const name = `mcp.bearer.${Buffer.from(token).toString('base64url')}`
    const { response } = await server.upgraded({ headers: { 'sec-websocket-protocol': `${name}, mcp` } })
    expect(response.head).toMatch(/^Sec-WebSocket-Protocol: mcp$/m)
    expect(response.head).not.toContain('bearer')
    const alone = await refusedClient(server.port, { headers: { 'sec-websocket-protocol': name } })
    expect(alone.response.status).toBe(400)
  })

  test('is ignored as a subprotocol by default, and concealed from the gate', async () => {
    await using server = await serving({ gate: admits('s3cret') })
    const client = wsClient({ url: server.listener.url, tokenInSubprotocol: 's3cret' })
    await expect(client.start()).rejects.toMatchObject({
      code: 'AUTH_REQUIRED',
      message: expect.stringMatching(/unknown: mcp$/),
    })
  })
})

describe('upgradeHandler', () => {
  test('shares the port of an HTTP server and leaves it open when it closes', async () => {
    const server = createServer((_request, response) => response.end('still here'))
    const handler = upgradeHandler({ server, path: '/mcp' })
    await expect(handler.start()).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
    const { port } = server.address() as AddressInfo
    const shared = upgradeHandler({ server, path: '/mcp' })
    shared.onconnection = (connection) => void connection.start()
    await shared.start()
    expect(shared.address).toBe(`ws://127.0.0.1:${port}/mcp`)

    const client = wsClient({ url: shared.url })
    await client.start()
    const lost = await refusedClient(port, { path: '/other' })
    expect(lost.response.status).toBe(404)
    server.on('upgrade', (request, socket) => {
      if (request.url === '/other') socket.end('HTTP/1.1 418 mine\r\n\r\n')
    })
    const other = await refusedClient(port, { path: '/other' })
    expect(other.response.status).toBe(418)
    const foreign = await refusedClient(port, { headers: { origin: 'https://evil.example' } })
    expect(foreign.response.status).toBe(403)

    await shared.close()
    expect(await client.closed).toBeUndefined()
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('still here')
    await new Promise((resolve) => server.close(resolve))
  })

  test.each([
    [{ server: 1 }, 'server'],
    [{ path: 'mcp' }, 'path'],
    [{ path: '/mcp?x' }, 'path'],
    [{ tokenInSubprotocol: 'yes' }, 'tokenInSubprotocol'],
    [{ maxMessageBytes: Infinity }, 'maxMessageBytes'],
    [{ maxMessageBytes: constants.MAX_STRING_LENGTH + 1 }, 'maxMessageBytes'],
  ])('rejects %o', (bad, option) => {
    expect(() => upgradeHandler({ server: createServer(), ...(bad as object) })).toThrow(option)
  })
})

test.each([{ port: -1 }, { port: 1.5 }, { host: '' }, { headersTimeoutMs: 0 }, { path: '' }, { tls: {} }])(
  'wsServer rejects %o',
  (bad) => {
    expect(() => wsServer({ port: 0, ...bad })).toThrow(Object.keys(bad)[0])
  },
)

test('requires a gate to listen beyond this host [SEC-S-07]', async () => {
  await expect(wsServer({ port: 0, host: '0.0.0.0' }).start()).rejects.toMatchObject({
    code: 'INVALID_OPTION',
  })
  const open = wsServer({ port: 0, host: '0.0.0.0', gate: allowAll() })
  await open.start()
  await open.close()
})
