import { type StreamFaults, tcpProxy, turns, until, within } from '@mcpwire/compliance'
import type { JsonRpcMessage } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { clientOf, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000
const request: JsonRpcMessage = { jsonrpc: '2.0', id: 1, method: 'echo', params: { text: 'häßlich, 語' } }
const response: JsonRpcMessage = { jsonrpc: '2.0', id: 1, result: { text: 'häßlich, 語' } }
const bytesOf = (message: JsonRpcMessage): number => Buffer.byteLength(JSON.stringify(message)) + 1

async function connectedThrough(faults: { toServer?: StreamFaults; toClient?: StreamFaults }) {
  const server = await listening({ closeTimeoutMs: 100 })
  const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' }, ...faults })
  onTestFinished(() => proxy.close())
  const client = clientOf({ port: proxy.port, closeTimeoutMs: 100 })
  const received: JsonRpcMessage[] = []
  client.transport.onmessage = (message) => received.push(message)
  await client.transport.start()
  await until(() => server.connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  const connection = server.connections[0] as (typeof server.connections)[0]
  let closes = 0
  connection.onclose = () => {
    closes++
  }
  connection.onmessage = () => void connection.send(response).catch(() => {})
  return { client, received, connection, closes: () => closes, proxy }
}

test('a reset after any byte of a request ends both ends once and settles every send', async () => {
  for (let byte = 1; byte <= bytesOf(request); byte += 3) {
    const { client, connection, closes } = await connectedThrough({ toServer: { resetAfterBytes: byte } })
    const sent = client.transport.send(request).then(
      () => 'sent',
      () => 'rejected',
    )
    await within(
      Promise.all([client.transport.closed, connection.closed, sent]),
      `byte ${byte}: both ended`,
      TIMEOUT_MS,
    )
    await turns(2)
    expect({ client: client.closes(), server: closes() }).toEqual({ client: 1, server: 1 })
    await expect(client.transport.send(request)).rejects.toMatchObject({ code: 'CLOSED' })
  }
})

test('a reset within a response delivers the whole message or nothing', async () => {
  for (let byte = 1; byte <= bytesOf(response); byte += 3) {
    const { client, received, closes } = await connectedThrough({ toClient: { resetAfterBytes: byte } })
    client.transport.send(request).catch(() => {})
    const reason = await within(client.transport.closed, `byte ${byte}: it ended`, TIMEOUT_MS)
    expect(reason).toMatchObject({ code: 'PEER_LOST' })
    expect(received).toEqual(byte === bytesOf(response) ? [response] : [])
    await until(() => closes() === 1, 'the other end ended', TIMEOUT_MS)
  }
})

test('delivers 200 messages in each direction in order, one byte at a time', async () => {
  const { client, received, connection } = await connectedThrough({
    toServer: { chunkBytes: 1 },
    toClient: { chunkBytes: 1 },
  })
  const atServer: unknown[] = []
  connection.onmessage = (message) => {
    atServer.push('params' in message && message.params?.['n'])
    void connection.send(message)
  }
  const numbers = Array.from({ length: 200 }, (_, n) => n)
  await Promise.all(
    numbers.map((n) => client.transport.send({ jsonrpc: '2.0', method: 'note', params: { n, text: '語ß' } })),
  )
  await until(() => received.length === 200, 'all messages returned', TIMEOUT_MS)
  expect(atServer).toEqual(numbers)
  expect(received.map((message) => 'params' in message && message.params?.['n'])).toEqual(numbers)
})

test('close() returns when the network hides the end from the peer', async () => {
  const { client, connection } = await connectedThrough({
    toServer: { halfOpen: true },
    toClient: { halfOpen: true },
  })
  await client.transport.send(request)
  await client.transport.close()
  expect(connection.state).toBe('open')
  await within(connection.close(), 'the other end closed', TIMEOUT_MS)
})

test('a client that ends its side still receives pending responses', async () => {
  const { connections, port } = await listening()
  const { connect } = await import('node:net')
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let output = ''
  socket.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  await until(() => connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  const [connection] = connections
  if (connection) connection.onmessage = () => void connection.send(response)
  socket.end(`${JSON.stringify(request)}\n`)
  await until(() => output.includes('\n'), 'the response arrived', TIMEOUT_MS)
  expect(JSON.parse(output)).toEqual(response)
  expect(await connection?.closed).toBeUndefined()
})
