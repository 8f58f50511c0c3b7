import { connect as connectSocket } from 'node:net'
import { until, within } from '@mcpwire/compliance'
import { type JsonRpcMessage, type Transport, TransportError } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { tls } from './support/credentials.js'
import { bareServer, clientOf, type Listening, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000
const request: JsonRpcMessage = { jsonrpc: '2.0', id: 1, method: 'initialize' }
const long = (bytes: number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'a',
  params: { fill: 'x'.repeat(bytes) },
})

/** Sends text over a plain socket. Returns what it receives, and a promise of the end. */
async function exchange(
  server: Listening,
  text: string,
): Promise<{ received: () => string; ended: Promise<void> }> {
  const socket = connectSocket({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  let received = ''
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('end', resolve)
  })
  socket.on('data', (chunk) => {
    received += chunk
  })
  await until(() => server.connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  socket.write(text)
  return { received: () => received, ended: within(ended, 'the connection ended', TIMEOUT_MS) }
}

function connectionOf({ connections }: Listening): Transport {
  return connections[0] as Transport
}

test.each(['tcp', 'TLS'])('over %s both ends report a message over maxMessageBytes', async (wire) => {
  const isSecure = wire === 'TLS'
  const server = await listening({ maxMessageBytes: 2_048, ...(isSecure && { tls: tls.server }) })
  const client = clientOf({ port: server.port, ...(isSecure && { tls: tls.client }) })
  await client.transport.start()
  await until(() => server.connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  const reported: Error[] = []
  connectionOf(server).onerror = (error) => reported.push(error)
  await client.transport.send(long(5_000))

  const reason = await within(client.transport.closed, 'the connection ended', TIMEOUT_MS)
  expect(reason).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    details: { bytes: expect.any(Number), maxMessageBytes: 2_048 },
  })
  expect(client.errors).toEqual([reason])
  await within(connectionOf(server).closed, 'the other end ended', TIMEOUT_MS)
  expect(reported).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }])
})

test('a server receives the close reason for its own message over the limit of the client', async () => {
  const server = await listening()
  const { transport } = clientOf({ port: server.port, maxMessageBytes: 1_024 })
  await transport.start()
  await until(() => server.connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  await connectionOf(server).send(long(2_000))

  expect(await within(connectionOf(server).closed, 'the connection ended', TIMEOUT_MS)).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    message: expect.stringContaining('closed the connection'),
  })
  expect(await transport.closed).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
})

test('a plain client receives earlier messages, then one error without an id, then the end', async () => {
  const server = await listening({ maxMessageBytes: 2_000_000 })
  const note: JsonRpcMessage = { jsonrpc: '2.0', method: 'n', params: { fill: 'y'.repeat(1_000_000) } }
  server.listener.onconnection = (connection) => {
    server.connections.push(connection)
    connection.onmessage = () => void connection.send(note).catch(() => {})
    connection.start().catch(() => {})
  }
  const line = `${JSON.stringify(request)}\n`
  const { received, ended } = await exchange(server, `${line}${line}${'x'.repeat(3_000_000)}`)
  await ended
  const lines = received().split('\n')
  expect(lines.slice(0, 2).map((each) => JSON.parse(each))).toEqual([note, note])
  expect(JSON.parse(lines[2] ?? '')).toEqual({
    jsonrpc: '2.0',
    error: {
      code: -31_008,
      message: expect.stringContaining('maxMessageBytes (2000000)'),
      data: { code: 'MESSAGE_TOO_LARGE', bytes: expect.any(Number), maxMessageBytes: 2_000_000 },
    },
  })
  expect(lines.slice(3)).toEqual([''])
})

test('ten malformed messages in a row end the connection with a close reason', async () => {
  const server = await listening()
  const { received, ended } = await exchange(server, 'HELO\n'.repeat(12))
  await ended
  expect(JSON.parse(received())).toMatchObject({
    error: { code: -31_008, data: { code: 'MALFORMED_MESSAGE' } },
  })
})

test('the close reason arrives although the client continues to send', async () => {
  const server = await listening({ maxMessageBytes: 2_048 })
  const { received, ended } = await exchange(server, `{${'x'.repeat(20_000_000)}`)
  await ended
  expect(JSON.parse(received())).toMatchObject({ error: { data: { code: 'MESSAGE_TOO_LARGE' } } })
})

test('a client that never closes is destroyed after closeTimeoutMs', async () => {
  const server = await listening({ closeTimeoutMs: 100 })
  const { ended } = await exchange(server, 'HELO\n'.repeat(12))
  await ended
  expect(connectionOf(server).state).toBe('open')
  await expect(connectionOf(server).send(request)).rejects.toMatchObject({ code: 'SEND_FAILED' })
  expect(await within(connectionOf(server).closed, 'the connection ended', 1_000)).toMatchObject({
    code: 'MALFORMED_MESSAGE',
  })
})

test('a connection that is being abandoned reports its reason when the listener closes', async () => {
  const server = await listening({ closeTimeoutMs: 200 })
  const { ended } = await exchange(server, 'HELO\n'.repeat(12))
  await ended
  const reported: Error[] = []
  connectionOf(server).onerror = (error) => reported.push(error)
  await server.listener.close()
  expect(reported[0]).toMatchObject({ code: 'MALFORMED_MESSAGE' })
})

test('a client receives the reason when its admission is revoked', async () => {
  const revoking = new AbortController()
  const server = await listening({ gate: { admit: () => ({ admit: true, revoked: revoking.signal }) } })
  const { transport } = clientOf({ port: server.port })
  await transport.start()
  await until(() => server.connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  revoking.abort()
  expect(await within(transport.closed, 'the connection ended', TIMEOUT_MS)).toMatchObject({
    code: 'REFUSED',
    message: expect.stringContaining('closed the connection'),
    details: { status: 401 },
  })
})

test.each([
  ['no reason', undefined, undefined],
  ['an orderly end', new TransportError('CLOSED', 'idle', undefined), undefined],
  ['a failure', new Error('hunter2'), 'internal error'],
  ['a failed callback', new TransportError('CALLBACK_FAILED', 'hunter2', { slot: 'a' }), 'internal error'],
  [
    'the loss of another peer',
    new TransportError('PEER_LOST', 'hunter2', { address: 'a' }),
    'internal error',
  ],
  [
    'an expired credential',
    new TransportError('AUTH_REQUIRED', 'renew it', { status: 401, challenge: 'Bearer' }),
    'renew it',
  ],
])('close() of a server for %s sends only what the client may read', async (_what, reason, text) => {
  const server = await listening()
  const { transport } = clientOf({ port: server.port })
  await transport.start()
  await until(() => server.connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  await connectionOf(server).close({ reason })
  const received = await transport.closed
  expect(received?.message.split(': ').at(-1)).toBe(text)
  const { code } =
    reason instanceof TransportError && reason.code === 'AUTH_REQUIRED' ? reason : { code: 'PEER_LOST' }
  if (received) expect(received).toMatchObject({ code })
})

test.each([
  ['a request', request, 'PEER_LOST'],
  ['a notification', { jsonrpc: '2.0', method: 'n' }, undefined],
] as const)('a server that ends in order after %s without any output', async (_what, message, code) => {
  const { port, close } = await bareServer((socket) => void socket.once('data', () => socket.end()))
  onTestFinished(close)
  const { transport } = clientOf({ port })
  await transport.start()
  await transport.send(message)
  const reason = await within(transport.closed, 'the connection ended', TIMEOUT_MS)
  expect((reason as { code?: string } | undefined)?.code).toBe(code)
})

test('a client without TLS that gets no response is advised to check option tls', async () => {
  const server = await listening({ tls: tls.server })
  const { transport } = clientOf({ port: server.port })
  await transport.start()
  await transport.send(request)
  expect(await within(transport.closed, 'the connection ended', TIMEOUT_MS)).toMatchObject({
    code: 'PEER_LOST',
    details: { option: 'tls', hint: expect.stringContaining('TLS') },
  })
})

test('a client without TLS recognises a TLS alert', async () => {
  const alert = Buffer.from('15030100020246', 'hex')
  const { port, close } = await bareServer((socket) => void socket.once('data', () => socket.end(alert)))
  onTestFinished(close)
  const { transport, errors } = clientOf({ port })
  await transport.start()
  await transport.send(request)
  await within(transport.closed, 'the connection ended', TIMEOUT_MS)
  expect(errors).toMatchObject([
    { code: 'MALFORMED_MESSAGE', message: expect.stringContaining('it speaks TLS') },
  ])
})

test.each([
  [
    'with an unknown code',
    { code: -31_008, message: 'no\n\u001b[31m', data: { code: 'CLOSED' } },
    'PEER_LOST',
  ],
  ['without data', { code: -31_008, message: 'no\n\u001b[31m' }, 'PEER_LOST'],
  [
    'with malformed data',
    { code: -31_008, message: 'no\n\u001b[31m', data: { code: 'MESSAGE_TOO_LARGE', bytes: 'x' } },
    'MESSAGE_TOO_LARGE',
  ],
])('a close reason %s is decoded as far as possible', async (_what, error, code) => {
  const response = { jsonrpc: '2.0', id: 1, result: {} }
  const { port, close } = await bareServer((socket) => {
    socket.once('data', () =>
      socket.end(`${JSON.stringify(response)}\n${JSON.stringify({ jsonrpc: '2.0', error })}\n`),
    )
  })
  onTestFinished(close)
  const { transport } = clientOf({ port })
  const messages: JsonRpcMessage[] = []
  transport.onmessage = (message) => messages.push(message)
  await transport.start()
  await transport.send(request)
  expect(await within(transport.closed, 'the connection ended', TIMEOUT_MS)).toMatchObject({
    code,
    message: expect.stringMatching(/: no \[31m$/),
  })
  expect(messages).toEqual([response])
})

test('an error without an id and with another code is delivered as a message', async () => {
  const response = { jsonrpc: '2.0', error: { code: -32_700, message: 'Parse error' } }
  const { port, close } = await bareServer((socket) => {
    socket.once('data', () => socket.write(`${JSON.stringify(response)}\n`.repeat(2)))
  })
  onTestFinished(close)
  const { transport } = clientOf({ port })
  const messages: JsonRpcMessage[] = []
  transport.onmessage = (message) => messages.push(message)
  await transport.start()
  await transport.send(request)
  await until(() => messages.length === 2, 'both messages arrived', TIMEOUT_MS)
  expect({ messages, state: transport.state }).toEqual({ messages: [response, response], state: 'open' })
})
