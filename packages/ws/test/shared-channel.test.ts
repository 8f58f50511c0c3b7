import type { JsonRpcMessage } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { eventually, serving } from './support/serving.js'

test('sends a cancellation as a notification, since requests share one channel [CUST-05]', async () => {
  await using server = await serving()
  const transport = wsClient({ url: server.listener.url })
  onTestFinished(() => transport.close())
  await transport.start()
  expect(transport.hasPerRequestStream).toBe(false)
  const cancelled: JsonRpcMessage = {
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: 1 },
  }
  await transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/call' })
  await transport.send(cancelled)
  await eventually(() => server.messages.length === 2, 'both messages')
  expect(server.messages[1]).toEqual(cancelled)
})
