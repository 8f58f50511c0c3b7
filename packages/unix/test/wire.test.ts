import { join } from 'node:path'
import { until } from '@mcpwire/compliance'
import type { JsonRpcMessage, Transport } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { unixServer } from '../src/index.js'
import { temporaryFolder } from './support/folder.js'
import { plainCaller } from './support/sockets.js'

const PATIENCE_MS = 5_000

test('a socket speaks lines, as over stdio, and a cancellation is one of them [CUST-04, CUST-05]', async () => {
  const path = join(await temporaryFolder(), 'server')
  const listener = unixServer({ path })
  onTestFinished(() => listener.close())
  const messages: JsonRpcMessage[] = []
  let connection: Transport | undefined
  listener.onconnection = (accepted) => {
    connection = accepted
    accepted.onmessage = (message) => messages.push(message)
    void accepted.start()
  }
  await listener.start()
  const socket = await plainCaller(path)
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  socket.write('{"jsonrpc":"2.0","id":1,"method":"a"}\n{"jsonrpc":"2.0",')
  socket.write('"method":"notifications/cancelled","params":{"requestId":1}}\n')
  await until(() => messages.length === 2, 'both arrived', PATIENCE_MS)
  expect(messages).toEqual([
    { jsonrpc: '2.0', id: 1, method: 'a' },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
  ])
  expect(connection?.hasPerRequestStream).toBe(false)
  await connection?.send({ jsonrpc: '2.0', id: 'x', method: 'ask', params: { text: 'two\nlines' } })
  await until(() => heard.endsWith('\n'), 'the request came', PATIENCE_MS)
  expect(heard).toBe('{"jsonrpc":"2.0","id":"x","method":"ask","params":{"text":"two\\nlines"}}\n')
})
