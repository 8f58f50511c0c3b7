import { connect as connectSocket } from 'node:net'
import { until, within } from '@mcpwire/compliance'
import { type JsonRpcMessage, type Transport, TransportError } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { tls } from './support/credentials.js'
import { bareServer, clientOf, type Listening, listening } from './support/ends.js'

const PATIENCE_MS = 5_000
const request: JsonRpcMessage = { jsonrpc: '2.0', id: 1, method: 'initialize' }
const long = (bytes: number): JsonRpcMessage => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'a',
  params: { fill: 'x'.repeat(bytes) },
})

/** What is said to a caller of bare sockets, and when it is over. */
async function called(server: Listening, say: string): Promise<{ said: () => string; ended: Promise<void> }> {
  const socket = connectSocket({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  let said = ''
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('end', resolve)
  })
  socket.on('data', (chunk) => {
    said += chunk
  })
  await until(() => server.connections.length === 1, 'it is connected', PATIENCE_MS)
  socket.write(say)
  return { said: () => said, ended: within(ended, 'it was ended', PATIENCE_MS) }
}

function theOne({ connections }: Listening): Transport {
  return connections[0] as Transport
}

test.each(['tcp', 'TLS'])('over %s both ends know that a message was too long', async (wire) => {
  const isSecure = wire === 'TLS'
  const server = await listening({ maxMessageBytes: 2_048, ...(isSecure && { tls: tls.server }) })
  const client = clientOf({ port: server.port, ...(isSecure && { tls: tls.client }) })
  await client.transport.start()
  await until(() => server.connections.length === 1, 'it is connected', PATIENCE_MS)
  const heard: Error[] = []
  theOne(server).onerror = (error) => heard.push(error)
  await client.transport.send(long(5_000))

  const reason = await within(client.transport.closed, 'it ended', PATIENCE_MS)
  expect(reason).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    message: expect.stringMatching(/^tcps?:\S+ ended the conversation: .*maxMessageBytes \(2048\)/),
    details: { bytes: expect.any(Number), maxMessageBytes: 2_048 },
  })
  expect(client.errors).toEqual([reason])
  await within(theOne(server).closed, 'the other end ended', PATIENCE_MS)
  expect(heard).toMatchObject([{ code: 'MESSAGE_TOO_LARGE' }])
})

test('a server is told of its own message that was too long', async () => {
  const server = await listening()
  const { transport } = clientOf({ port: server.port, maxMessageBytes: 1_024 })
  await transport.start()
  await until(() => server.connections.length === 1, 'it is connected', PATIENCE_MS)
  await theOne(server).send(long(2_000))

  expect(await within(theOne(server).closed, 'it ended', PATIENCE_MS)).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    message: expect.stringContaining('ended the conversation'),
  })
  expect(await transport.closed).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
})

test('what was sent before comes first, then one error without an id, then the end', async () => {
  const server = await listening({ maxMessageBytes: 2_000_000 })
  const note: JsonRpcMessage = { jsonrpc: '2.0', method: 'n', params: { fill: 'y'.repeat(1_000_000) } }
  server.listener.onconnection = (connection) => {
    server.connections.push(connection)
    connection.onmessage = () => void connection.send(note).catch(() => {})
    connection.start().catch(() => {})
  }
  const line = `${JSON.stringify(request)}\n`
  const { said, ended } = await called(server, `${line}${line}${'x'.repeat(3_000_000)}`)
  await ended
  const lines = said().split('\n')
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

test('ten malformed messages in a row are answered with why it ends', async () => {
  const server = await listening()
  const { said, ended } = await called(server, 'HELO\n'.repeat(12))
  await ended
  expect(JSON.parse(said())).toMatchObject({
    error: { code: -31_008, data: { code: 'MALFORMED_MESSAGE' } },
  })
})

test('the words arrive also where the caller goes on for long', async () => {
  const server = await listening({ maxMessageBytes: 2_048 })
  const { said, ended } = await called(server, 'x'.repeat(20_000_000))
  await ended
  expect(JSON.parse(said())).toMatchObject({ error: { data: { code: 'MESSAGE_TOO_LARGE' } } })
})

test('who hangs up never is not waited for beyond closeTimeoutMs', async () => {
  const server = await listening({ closeTimeoutMs: 100 })
  const { ended } = await called(server, 'HELO\n'.repeat(12))
  await ended
  expect(theOne(server).state).toBe('open')
  await expect(theOne(server).send(request)).rejects.toMatchObject({ code: 'SEND_FAILED' })
  expect(await within(theOne(server).closed, 'it ended', 1_000)).toMatchObject({ code: 'MALFORMED_MESSAGE' })
})

test('a listener that is closed meanwhile still tells why it ended', async () => {
  const server = await listening({ closeTimeoutMs: 200 })
  const { ended } = await called(server, 'HELO\n'.repeat(12))
  await ended
  const heard: Error[] = []
  theOne(server).onerror = (error) => heard.push(error)
  await server.listener.close()
  expect(heard[0]).toMatchObject({ code: 'MALFORMED_MESSAGE', message: expect.stringContaining('in a row') })
})

test('a caller whose admission ends is told so', async () => {
  const revoking = new AbortController()
  const server = await listening({ gate: { admit: () => ({ admit: true, revoked: revoking.signal }) } })
  const { transport } = clientOf({ port: server.port })
  await transport.start()
  await until(() => server.connections.length === 1, 'it is connected', PATIENCE_MS)
  revoking.abort()
  expect(await within(transport.closed, 'it ended', PATIENCE_MS)).toMatchObject({
    code: 'REFUSED',
    message: `${transport.peer?.address} ended the conversation: the admission of this caller was revoked`,
    details: { status: 401 },
  })
})

test.each([
  ['nothing', undefined, undefined],
  ['an end of its own', new TransportError('CLOSED', 'idle', undefined), undefined],
  ['a failure', new Error('hunter2'), 'internal error'],
  ['a callback', new TransportError('CALLBACK_FAILED', 'hunter2', { slot: 'a' }), 'internal error'],
  ['the loss of another', new TransportError('PEER_LOST', 'hunter2', { address: 'a' }), 'internal error'],
  [
    'a credential',
    new TransportError('AUTH_REQUIRED', 'renew it', { status: 401, challenge: 'Bearer' }),
    'renew it',
  ],
])('a server that closes for %s says what the caller may know', async (_what, reason, text) => {
  const server = await listening()
  const { transport } = clientOf({ port: server.port })
  await transport.start()
  await until(() => server.connections.length === 1, 'it is connected', PATIENCE_MS)
  await theOne(server).close({ reason })
  const told = await transport.closed
  expect(told?.message).toBe(text && `${transport.peer?.address} ended the conversation: ${text}`)
  const { code } =
    reason instanceof TransportError && reason.code === 'AUTH_REQUIRED' ? reason : { code: 'PEER_LOST' }
  if (told) expect(told).toMatchObject({ code })
})

test.each([
  ['a request', request, 'PEER_LOST'],
  ['a notification', { jsonrpc: '2.0', method: 'n' }, undefined],
] as const)(
  'a server that ends it in order, having heard %s and said nothing',
  async (_what, message, code) => {
    const { port, close } = await bareServer((socket) => void socket.once('data', () => socket.end()))
    onTestFinished(close)
    const { transport } = clientOf({ port })
    await transport.start()
    await transport.send(message)
    const reason = await within(transport.closed, 'it ended', PATIENCE_MS)
    expect((reason as { code?: string } | undefined)?.code).toBe(code)
  },
)

test('a caller without TLS is told what a server with TLS cannot say', async () => {
  const server = await listening({ tls: tls.server })
  const { transport } = clientOf({ port: server.port })
  await transport.start()
  await transport.send(request)
  expect(await within(transport.closed, 'it ended', PATIENCE_MS)).toMatchObject({
    code: 'PEER_LOST',
    message: `lost ${transport.peer?.address}: it ended the conversation without an answer; does it speak TLS (option tls)?`,
  })
})

test('a caller without TLS understands that an alert is one', async () => {
  const alert = Buffer.from('15030100020246', 'hex')
  const { port, close } = await bareServer((socket) => void socket.once('data', () => socket.end(alert)))
  onTestFinished(close)
  const { transport, errors } = clientOf({ port })
  await transport.start()
  await transport.send(request)
  await within(transport.closed, 'it ended', PATIENCE_MS)
  expect(errors).toMatchObject([
    { code: 'PEER_LOST', message: expect.stringContaining('it speaks TLS, and this end does not (tls)') },
  ])
})

test.each([
  ['that is unknown', { code: -31_008, message: 'no\n\u001b[31m', data: { code: 'CLOSED' } }, 'PEER_LOST'],
  ['without facts', { code: -31_008, message: 'no\n\u001b[31m' }, 'PEER_LOST'],
  [
    'with facts that are none',
    { code: -31_008, message: 'no\n\u001b[31m', data: { code: 'MESSAGE_TOO_LARGE', bytes: 'x' } },
    'MESSAGE_TOO_LARGE',
  ],
])('a farewell %s is understood as far as it can be', async (_what, error, code) => {
  const answer = { jsonrpc: '2.0', id: 1, result: {} }
  const { port, close } = await bareServer((socket) => {
    socket.once('data', () =>
      socket.end(`${JSON.stringify(answer)}\n${JSON.stringify({ jsonrpc: '2.0', error })}\n`),
    )
  })
  onTestFinished(close)
  const { transport } = clientOf({ port })
  const heard: JsonRpcMessage[] = []
  transport.onmessage = (message) => heard.push(message)
  await transport.start()
  await transport.send(request)
  expect(await within(transport.closed, 'it ended', PATIENCE_MS)).toMatchObject({
    code,
    message: `${transport.peer?.address} ended the conversation: no [31m`,
  })
  expect(heard).toEqual([answer])
})

test('an error without an id that says something else is a message like others', async () => {
  const answer = { jsonrpc: '2.0', error: { code: -32_700, message: 'Parse error' } }
  const { port, close } = await bareServer((socket) => {
    socket.once('data', () => socket.write(`${JSON.stringify(answer)}\n`.repeat(2)))
  })
  onTestFinished(close)
  const { transport } = clientOf({ port })
  const heard: JsonRpcMessage[] = []
  transport.onmessage = (message) => heard.push(message)
  await transport.start()
  await transport.send(request)
  await until(() => heard.length === 2, 'both came', PATIENCE_MS)
  expect([heard, transport.state]).toEqual([[answer, answer], 'open'])
})
