import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Gate, type Handshake, type Listener, serve } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { httpServer, requestHandler } from '../src/node/index.js'

test.each<[string, Record<string, string | string[]>]>([
  ['each once, however it is spelt', { 'X-One': '1', 'x-two': '2', ACCEPT: 'text/plain' }],
  ['one that is repeated', { 'x-one': ['1', '2'], accept: ['text/plain', 'text/html'] }],
  ['two of which one counts', { 'user-agent': ['a', 'b'] }],
  ['names that objects have', { constructor: '1', ['__proto__']: '2', 'set-cookie': ['a=1', 'b=2'] }],
])('passes headers to the gate as Node joins them: %s', async (_, headers) => {
  const server = spy((gate) => httpServer({ port: 0, gate }))
  const mounted = spy((gate) => requestHandler({ gate }))
  await using own = await serve(server.listener, () => {})
  await using _mounted = await serve(mounted.listener, () => {})
  const around = createServer(mounted.listener.handle)
  await once(around.listen(0, '127.0.0.1'), 'listening')

  await ask(new URL(own.url).port, headers)
  await ask(String((around.address() as AddressInfo).port), headers)
  around.close()

  expect(Object.keys(mounted.received())).toContain('host')
  expect(server.received()).toEqual(mounted.received())
})

test('refuses two Authorization headers before the gate, since a proxy may have checked either', async () => {
  const server = spy((gate) => httpServer({ port: 0, gate }))
  const mounted = spy((gate) => requestHandler({ gate }))
  await using own = await serve(server.listener, () => {})
  await using _mounted = await serve(mounted.listener, () => {})
  const around = createServer(mounted.listener.handle)
  await once(around.listen(0, '127.0.0.1'), 'listening')

  const headers = { authorization: ['Bearer a', 'Bearer b'] }
  const ports = [new URL(own.url).port, String((around.address() as AddressInfo).port)]
  expect(await Promise.all(ports.map((port) => ask(port, headers)))).toEqual([400, 400])
  around.close()

  expect([server.received(), mounted.received()]).toEqual([{}, {}])
})

function spy<L extends Listener>(
  make: (gate: Gate) => L,
): { listener: L; received: () => Handshake['headers'] } {
  let headers: Handshake['headers'] = {}
  const listener = make({
    admit: (handshake) => {
      headers = handshake.headers
      return { admit: false, status: 403, reason: 'only looking' }
    },
  })
  return { listener, received: () => headers }
}

async function ask(port: string, headers: Record<string, string | string[]>): Promise<number | undefined> {
  const asking = request({
    port,
    host: '127.0.0.1',
    path: '/mcp',
    headers: { ...headers, host: 'localhost' },
  })
  const [response] = await once(asking.end(), 'response')
  response.resume()
  await once(response, 'end')
  return response.statusCode
}
