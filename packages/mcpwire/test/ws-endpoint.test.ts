import { isRequest } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { endpoint, isSecure, listenerAt } from '../src/endpoint.js'

test('ws: connects a client to a listener', async () => {
  const listener = await listenerAt('ws://127.0.0.1:0/some/path')
  onTestFinished(() => listener.close())
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => {
      if (isRequest(message)) void connection.send({ jsonrpc: '2.0', id: message.id, result: {} })
    }
    void connection.start()
  }
  await listener.start()
  expect(listener.address).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/some\/path$/)
  const client = await endpoint(listener.url)
  const response = new Promise((resolve) => {
    client.onmessage = resolve
  })
  await client.start()
  await client.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
  expect(await response).toMatchObject({ id: 1, result: {} })
  await client.close()
})

test('ws: rejects credentials, query, fragment and certificates without TLS', async () => {
  for (const url of ['ws://h/?token=x', 'ws://u:p@h/', 'ws://h/#x'])
    await expect(listenerAt(url)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  await expect(listenerAt('ws://127.0.0.1:0/', { tls: {} })).rejects.toMatchObject({
    details: { option: 'tls' },
  })
  await expect(endpoint('ws://127.0.0.1/', { tls: {} })).rejects.toMatchObject({ details: { option: 'tls' } })
  await expect(listenerAt('wss://127.0.0.1:0/')).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  expect({ ws: isSecure('ws://h'), wss: isSecure('wss://h') }).toEqual({ ws: false, wss: true })
})
