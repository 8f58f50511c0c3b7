import { createServer } from 'node:http'
import { createFakeClock } from '@mcpwire/compliance'
import { expect, onTestFinished, test } from 'vitest'
import { closeCodes, errorFor } from '../src/close-codes.js'
import { wsClient } from '../src/index.js'
import { upgradeHandler, wsServer } from '../src/node/index.js'
import { createDialer as createWebDialer } from '../src/web/dialer.js'
import { BINARY, frame } from './support/frames.js'
import { plainServer } from './support/ports.js'
import { rawClient } from './support/raw-client.js'
import { eventually, serving } from './support/serving.js'
import { hostCertificate } from './support/tls-tunnel.js'

/** The only test of this package that pins whole messages. Ports vary and are replaced. */
const masked = (error: unknown): string => String(error).replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')

function thrownBy(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return masked(error)
  }
  return 'nothing'
}

const url = 'ws://127.0.0.1:1/mcp'

test('messages of options', () => {
  const web = { address: url, maxMessageBytes: 1, closeTimeoutMs: 1, hasHeaders: false } as const
  const time = { messageTimeoutMs: Infinity, clock: createFakeClock() }
  const webDialer = (more: object): unknown =>
    createWebDialer({ ...web, ...time, url: new URL(url), deflate: undefined, tls: undefined, ...more })
  expect(
    [
      () => wsClient({ url: 'http://127.0.0.1/' }),
      () => wsClient({ url: 'ws://me:secret@127.0.0.1/' }),
      () => wsClient({ url, tls: {} }),
      () => wsClient({ url, tokenInSubprotocol: 'abc', requireSubprotocol: false }),
      () => wsServer({ port: 0, path: 'mcp' }),
      () => upgradeHandler({ server: (() => {}) as never }),
      () => webDialer({ hasHeaders: true }),
      () => webDialer({ tls: {} }),
      () => webDialer({ deflate: { thresholdBytes: 1, contextTakeover: false } }),
    ].map(thrownBy),
  ).toMatchInlineSnapshot(`
    [
      "TransportError: option "url" must be a URL that starts with ws:// or wss://",
      "TransportError: option "url" must not contain credentials; use option "headers"",
      "TransportError: option "tls" requires a wss: URL",
      "TransportError: option "requireSubprotocol" must be true when option "tokenInSubprotocol" is given",
      "TransportError: option "path" must be a path that starts with / and has no query; received "mcp"",
      "TransportError: option "server" must be a server of node:http or node:https, such as app.listen() returns; received a function",
      "TransportError: option "headers" is not supported in browsers; use option "tokenInSubprotocol"",
      "TransportError: option "tls" is not supported in browsers; the platform verifies the server",
      "TransportError: option "deflate" is not supported in browsers; the platform decides about compression",
    ]
  `)
})

test('messages of connecting', async () => {
  await using secure = await serving({ tls: hostCertificate })
  const silent = await plainServer((socket) => void socket.resume())
  const missing = await plainServer((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'))
  })
  onTestFinished(async () => {
    await silent.close()
    await missing.close()
  })
  const failures = [
    wsClient({ url: `ws://127.0.0.1:${secure.port}/mcp` }),
    wsClient({ url: `ws://127.0.0.1:${missing.port}/mcp` }),
    wsClient({ url: `ws://127.0.0.1:${silent.port}/mcp`, connectTimeoutMs: 50 }),
    wsClient({ url, tokenInSubprotocol: () => '' }),
  ].map((client) => client.start().catch(masked))
  expect(await Promise.all(failures)).toMatchInlineSnapshot(`
    [
      "TransportError: cannot connect to ws://127.0.0.1:<port>/mcp: the server disconnected before a response; if it uses TLS, use wss:// in option "url"",
      "TransportError: cannot connect to ws://127.0.0.1:<port>/mcp: the handshake got status 404 (Not Found); check the path in option "url"",
      "TransportError: cannot connect to ws://127.0.0.1:<port>/mcp: no response within connectTimeoutMs (50 ms)",
      "TransportError: tokenInSubprotocol() failed: it returned no token",
    ]
  `)
})

test('messages of conversations', async () => {
  const clock = createFakeClock()
  await using server = await serving({ maxMessageBytes: 1_024, clock, maxConnections: 9, closeTimeoutMs: 1 })
  const inputs = [
    frame('x', { announcedBytes: 2_000 }),
    frame('x', { rsv: 1 }),
    frame('x', { opcode: BINARY }),
    new Uint8Array(0),
  ]
  const clients = await Promise.all(inputs.map(() => server.upgraded()))
  const closed = Promise.all(server.connections.map((connection) => connection.closed))
  for (const [index, input] of inputs.entries()) clients[index]?.write(input)
  await eventually(
    () => server.connections.filter(({ state }) => state === 'open').length === 1,
    'three ends',
  )
  await clock.advance(20_000)
  expect((await closed).map(masked).sort()).toMatchInlineSnapshot(`
    [
      "TransportError: lost ws://127.0.0.1:<port>: no data within pingIntervalMs (15000) and pongTimeoutMs (5000)",
      "TransportError: ws://127.0.0.1:<port> sent a binary frame: messages are text frames",
      "TransportError: ws://127.0.0.1:<port> sent a message longer than maxMessageBytes (1024); raise option "maxMessageBytes" to accept it",
      "TransportError: ws://127.0.0.1:<port> violated the WebSocket protocol: Invalid WebSocket frame: RSV2 and RSV3 must be clear",
    ]
  `)
})

test('messages of close codes', () => {
  const codes = [...closeCodes.map(({ code }) => code), 4321]
  const messages = codes.map((code) => `${code}: ${errorFor(code, '', { address: 'ws://peer' })}`)
  expect([...messages, String(errorFor(1008, 'no access', { address: 'ws://peer' }))]).toMatchInlineSnapshot(`
    [
      "1000: undefined",
      "1001: undefined",
      "1002: TransportError: ws://peer closed the connection with code 1002: protocol error",
      "1003: TransportError: ws://peer closed the connection with code 1003: unsupported data",
      "1005: undefined",
      "1006: TransportError: lost ws://peer: the connection ended without a close frame",
      "1007: TransportError: ws://peer closed the connection with code 1007: invalid payload",
      "1008: TransportError: ws://peer closed the connection with code 1008: policy violation",
      "1009: TransportError: ws://peer closed the connection with code 1009: message too big",
      "1011: TransportError: ws://peer closed the connection with code 1011: internal error",
      "1012: TransportError: ws://peer closed the connection with code 1012: service restart",
      "1013: TransportError: ws://peer closed the connection with code 1013: try again later",
      "3000: TransportError: ws://peer closed the connection with code 3000: unauthorized",
      "3003: TransportError: ws://peer closed the connection with code 3003: forbidden",
      "4321: TransportError: ws://peer closed the connection with code 4321",
      "TransportError: ws://peer closed the connection with code 1008: no access",
    ]
  `)
})

test('messages of listeners', async () => {
  const errors: unknown[] = []
  await using server = await serving({ maxConnections: 1 })
  const pending = await rawClient(server.port)
  await (await rawClient(server.port)).closed
  errors.push(...server.refused.map(({ reason }) => new Error(reason)))
  pending.socket.destroy()
  const idle = upgradeHandler({ server: createServer() })
  errors.push(await idle.start().catch((error: unknown) => error))
  expect(errors.map(masked)).toMatchInlineSnapshot(`
    [
      "Error: maxConnections (1) newer callers are pending",
      "TransportError: cannot listen on ws:/mcp: option "server" does not listen yet; call server.listen() first",
    ]
  `)
})
