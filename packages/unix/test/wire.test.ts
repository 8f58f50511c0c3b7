import { join } from 'node:path'
import { until } from '@mcpwire/compliance'
import type { JsonRpcMessage, Transport } from '@mcpwire/core'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { cancelled } from '@mcpwire/test-support/messages'
import { plainSocket } from '@mcpwire/test-support/socket-files'
import { expect, onTestFinished, test } from 'vitest'
import { unixServer } from '../src/index.js'

const TIMEOUT_MS = 30_000

test('a plain socket sends and receives lines as over stdio, cancellations included [CUST-04, CUST-05]', async () => {
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
  const socket = await plainSocket(path)
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  socket.write('{"jsonrpc":"2.0","id":1,"method":"a"}\n{"jsonrpc":"2.0",')
  socket.write('"method":"notifications/cancelled","params":{"requestId":1}}\n')
  await until(() => messages.length === 2, 'both messages arrived', TIMEOUT_MS)
  expect(messages).toEqual([{ jsonrpc: '2.0', id: 1, method: 'a' }, cancelled(1)])
  expect(connection?.hasPerRequestStream).toBe(false)
  await connection?.send({ jsonrpc: '2.0', id: 'x', method: 'ask', params: { text: 'two\nlines' } })
  await until(() => received.endsWith('\n'), 'the request arrived', TIMEOUT_MS)
  expect(received).toBe('{"jsonrpc":"2.0","id":"x","method":"ask","params":{"text":"two\\nlines"}}\n')
})
