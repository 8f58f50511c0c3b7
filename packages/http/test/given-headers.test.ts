import type { HttpHeaders, SendOptions } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpClient } from '../src/index.js'
import { httpServer } from '../src/node/index.js'
import { initializedClient, scriptedServer, startedClient } from './support/scripted-server.js'

const record = { authorization: 'Bearer abc', 'X-Two': 'a, b' }
const pairs: [string, string][] = [
  ['authorization', 'Bearer abc'],
  ['x-two', 'a'],
  ['X-Two', 'b'],
]
function* inTurn(): Generator<[string, string]> {
  yield* pairs
}

const shapes: [string, () => HttpHeaders][] = [
  ['an object', () => record],
  ['the platform’s Headers', () => new Headers(pairs)],
  ['a Map', () => new Map(Object.entries(record))],
  ['a list of pairs, of which two have one name', () => pairs],
  ['a generator, which can be read once', inTurn],
]

describe.each(shapes)('headers given as %s', (_, given) => {
  test.each(['given', 'returned by a function'])(
    'are sent with every request where they are %s',
    async (kind) => {
      const server = await scriptedServer()
      await initializedClient(server, { headers: kind === 'given' ? given() : given })
      await server.until(() => server.requests.length >= 3, 'the stream was requested')
      for (const { headers } of server.requests)
        expect(headers).toMatchObject({ authorization: 'Bearer abc', 'x-two': 'a, b' })
    },
  )

  test('are sent with the one message whose send() has them', async () => {
    const server = await scriptedServer()
    const client = await startedClient(server)
    const headers = given() as SendOptions['headers']
    const initialize = { jsonrpc: '2.0' as const, id: 0, method: 'initialize', params: {} }
    await client.transport.send(initialize, { headers })
    expect(server.requests[0]?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-two': 'a, b' })
  })

  test('are added to every response where responseHeaders() returns them', async () => {
    const listener = httpServer({ port: 0, hooks: { responseHeaders: given } })
    await listener.start()
    onTestFinished(() => listener.close())
    const { headers } = await fetch(listener.url, { method: 'PUT' })
    expect(headers.get('x-two')).toBe('a, b')
  })
})

test.each([
  [[['a b', 's3cret']]],
  [new Map([['a', 's3cret\n']])],
  [['a', 's3cret']],
  [[['a']]],
  ['a: s3cret'],
])('rejects %o as headers, without their values', (given) => {
  const headers = given as unknown as HttpHeaders
  const refused = (): unknown => httpClient({ url: 'http://127.0.0.1:1/mcp', headers })
  expect(refused).toThrow(
    expect.objectContaining({
      code: 'INVALID_OPTION',
      details: expect.objectContaining({ option: 'headers' }),
    }),
  )
  expect(refused).not.toThrow('s3cret')
})
