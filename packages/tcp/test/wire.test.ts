import { once } from 'node:events'
import { connect } from 'node:net'
import { until } from '@mcpwire/compliance'
import type { JsonRpcMessage } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { bareServer, clientOf, listening } from './support/ends.js'

const PATIENCE_MS = 5_000
const cancelled: JsonRpcMessage = {
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId: 1 },
}

test('a socket that speaks lines, as over stdio, is a caller [CUST-04]', async () => {
  const server = await listening()
  const socket = connect({ host: '127.0.0.1', port: server.port })
  onTestFinished(() => void socket.destroy())
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  await once(socket, 'connect')
  await until(() => server.connections.length === 1, 'it is connected', PATIENCE_MS)
  const [connection] = server.connections
  const messages: JsonRpcMessage[] = []
  if (!connection) throw new Error('nobody connected')
  connection.onmessage = (message) => messages.push(message)
  socket.write('{"jsonrpc":"2.0","id":1,"method":"a"}\n{"jsonrpc":"2.0",')
  socket.write('"method":"b"}\r\n\n')
  await until(() => messages.length === 2, 'both arrived', PATIENCE_MS)
  expect(messages).toEqual([
    { jsonrpc: '2.0', id: 1, method: 'a' },
    { jsonrpc: '2.0', method: 'b' },
  ])
  await connection.send({ jsonrpc: '2.0', id: 1, result: { text: 'two\nlines' } })
  await until(() => heard.includes('\n'), 'the answer came', PATIENCE_MS)
  expect(heard).toBe('{"jsonrpc":"2.0","id":1,"result":{"text":"two\\nlines"}}\n')
})

test('a cancellation goes out as the notification it is, for requests share one channel [CUST-05]', async () => {
  let heard = ''
  const { port, close } = await bareServer((socket) => {
    socket.on('data', (chunk) => {
      heard += chunk
    })
  })
  onTestFinished(close)
  const { transport } = clientOf({ port, closeTimeoutMs: 100 })
  await transport.start()
  expect(transport.hasPerRequestStream).toBe(false)
  await transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/call' })
  await transport.send(cancelled)
  await until(() => heard.split('\n').length === 3, 'both came', PATIENCE_MS)
  expect(JSON.parse(heard.split('\n')[1] ?? '')).toEqual(cancelled)
})

test('tools whose schemas have marks for headers arrive as they were sent, even with marks that HTTP refuses [HDR-C-11]', async () => {
  const server = await listening()
  const { transport } = clientOf({ port: server.port })
  const messages: JsonRpcMessage[] = []
  transport.onmessage = (message) => messages.push(message)
  await transport.start()
  await until(() => server.connections.length === 1, 'it is connected', PATIENCE_MS)
  const properties = {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    list: { type: 'array', 'x-mcp-header': 'not a token' },
  }
  const listed: JsonRpcMessage = {
    jsonrpc: '2.0',
    id: 1,
    result: { tools: [{ name: 'a', inputSchema: { type: 'object', properties } }] },
  }
  await server.connections[0]?.send(listed)
  await until(() => messages.length === 1, 'they arrived', PATIENCE_MS)
  expect(messages).toEqual([listed])
})
