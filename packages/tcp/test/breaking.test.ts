import { type StreamFaults, tcpProxy, turns, until, within } from '@mcpwire/compliance'
import { type JsonRpcMessage, systemClock } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { clientOf, listening } from './support/ends.js'

const PATIENCE_MS = 5_000
const request: JsonRpcMessage = { jsonrpc: '2.0', id: 1, method: 'echo', params: { text: 'häßlich, 語' } }
const answer: JsonRpcMessage = { jsonrpc: '2.0', id: 1, result: { text: 'häßlich, 語' } }
const bytesOf = (message: JsonRpcMessage): number => Buffer.byteLength(JSON.stringify(message)) + 1

async function connectedThrough(faults: { toServer?: StreamFaults; toClient?: StreamFaults }) {
  const server = await listening({ closeTimeoutMs: 100 })
  const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' }, ...faults })
  onTestFinished(() => proxy.close())
  const client = clientOf({ port: proxy.port, closeTimeoutMs: 100 })
  const heard: JsonRpcMessage[] = []
  client.transport.onmessage = (message) => heard.push(message)
  await client.transport.start()
  await until(() => server.connections.length === 1, 'the connection came', PATIENCE_MS)
  const connection = server.connections[0] as (typeof server.connections)[0]
  let closes = 0
  connection.onclose = () => {
    closes++
  }
  connection.onmessage = () => void connection.send(answer).catch(() => {})
  return { client, heard, connection, closes: () => closes, proxy }
}

test('a connection that is reset after any byte of a request ends both ends once, and every send settles', async () => {
  for (let byte = 1; byte <= bytesOf(request); byte += 3) {
    const { client, connection, closes } = await connectedThrough({ toServer: { resetAfterBytes: byte } })
    const sent = client.transport.send(request).then(
      () => 'sent',
      () => 'rejected',
    )
    await within(
      Promise.all([client.transport.closed, connection.closed, sent]),
      `byte ${byte}: both ended`,
      PATIENCE_MS,
    )
    await turns(2)
    expect([client.closes(), closes()]).toEqual([1, 1])
    await expect(client.transport.send(request)).rejects.toMatchObject({ code: 'CLOSED' })
  }
})

test('a connection that is reset within an answer delivers none of it, or all', async () => {
  for (let byte = 1; byte <= bytesOf(answer); byte += 3) {
    const { client, heard, closes } = await connectedThrough({ toClient: { resetAfterBytes: byte } })
    client.transport.send(request).catch(() => {})
    const reason = await within(client.transport.closed, `byte ${byte}: it ended`, PATIENCE_MS)
    expect(reason).toMatchObject({ code: 'PEER_LOST' })
    expect(heard).toEqual(byte === bytesOf(answer) ? [answer] : [])
    await until(() => closes() === 1, 'the other end ended', PATIENCE_MS)
  }
})

test('two hundred messages each way arrive in order, one byte at a time', async () => {
  const { client, heard, connection } = await connectedThrough({
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
  await until(() => heard.length === 200, 'all came back', 20_000)
  expect(atServer).toEqual(numbers)
  expect(heard.map((message) => 'params' in message && message.params?.['n'])).toEqual(numbers)
}, 30_000)

test('where the end of a connection is kept from the other side, close() still returns in time', async () => {
  const { client, connection } = await connectedThrough({
    toServer: { halfOpen: true },
    toClient: { halfOpen: true },
  })
  await client.transport.send(request)
  const startedAt = systemClock.now()
  await client.transport.close()
  expect(systemClock.now() - startedAt).toBeLessThan(1_000)
  expect(connection.state).toBe('open')
  await within(connection.close(), 'the other end closed', PATIENCE_MS)
})

test('a peer that ends its side hears the answers to what it had asked', async () => {
  const { connections, port } = await listening()
  const { connect } = await import('node:net')
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let said = ''
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await until(() => connections.length === 1, 'it came', PATIENCE_MS)
  const [connection] = connections
  if (connection) connection.onmessage = () => void connection.send(answer)
  socket.end(`${JSON.stringify(request)}\n`)
  await until(() => said.includes('\n'), 'the answer came', PATIENCE_MS)
  expect(JSON.parse(said)).toEqual(answer)
  expect(await connection?.closed).toBeUndefined()
})
