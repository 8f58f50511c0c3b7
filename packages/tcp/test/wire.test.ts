import { once } from 'node:events'
import { connect } from 'node:net'
import { until } from '@mcpwire/compliance'
import type { JsonRpcMessage } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { bareServer, clientOf, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000
const cancelled: JsonRpcMessage = {
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId: 1 },
}

test('a plain socket sends and receives lines as over stdio [CUST-04]', async () => {
  const server = await listening()
  const socket = connect({ host: '127.0.0.1', port: server.port })
  onTestFinished(() => void socket.destroy())
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  await once(socket, 'connect')
  await until(() => server.connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  const [connection] = server.connections
  const messages: JsonRpcMessage[] = []
  if (!connection) throw new Error('no connection')
  connection.onmessage = (message) => messages.push(message)
  socket.write('{"jsonrpc":"2.0","id":1,"method":"a"}\n{"jsonrpc":"2.0",')
  socket.write('"method":"b"}\r\n\n')
  await until(() => messages.length === 2, 'both messages arrived', TIMEOUT_MS)
  expect(messages).toEqual([
    { jsonrpc: '2.0', id: 1, method: 'a' },
    { jsonrpc: '2.0', method: 'b' },
  ])
  await connection.send({ jsonrpc: '2.0', id: 1, result: { text: 'two\nlines' } })
  await until(() => received.includes('\n'), 'the response arrived', TIMEOUT_MS)
  expect(received).toBe('{"jsonrpc":"2.0","id":1,"result":{"text":"two\\nlines"}}\n')
})

test('a cancellation is sent as a notification, since requests share one channel [CUST-05]', async () => {
  let received = ''
  const { port, close } = await bareServer((socket) => {
    socket.on('data', (chunk) => {
      received += chunk
    })
  })
  onTestFinished(close)
  const { transport } = clientOf({ port, closeTimeoutMs: 100 })
  await transport.start()
  expect(transport.hasPerRequestStream).toBe(false)
  await transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/call' })
  await transport.send(cancelled)
  await until(() => received.split('\n').length === 3, 'both messages arrived', TIMEOUT_MS)
  expect(JSON.parse(received.split('\n')[1] ?? '')).toEqual(cancelled)
})

test('tools with x-mcp-header marks arrive unchanged, even with marks that HTTP rejects [HDR-C-11]', async () => {
  const server = await listening()
  const { transport } = clientOf({ port: server.port })
  const messages: JsonRpcMessage[] = []
  transport.onmessage = (message) => messages.push(message)
  await transport.start()
  await until(() => server.connections.length === 1, 'the connection arrived', TIMEOUT_MS)
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
  await until(() => messages.length === 1, 'the tools arrived', TIMEOUT_MS)
  expect(messages).toEqual([listed])
})
