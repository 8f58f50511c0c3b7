import { inspect } from 'node:util'
import type { HttpHeaders } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { serving } from './support/serving.js'

const record = { authorization: 'Bearer abc', 'X-Two': 'a, b' }
const pairs: [string, string][] = [
  ['authorization', 'Bearer abc'],
  ['x-two', 'a'],
  ['X-Two', 'b'],
]
function* generated(): Generator<[string, string]> {
  yield* pairs
}

describe.each<[string, () => HttpHeaders]>([
  ['an object', () => record],
  ['a Headers object', () => new Headers(pairs)],
  ['a Map', () => new Map(Object.entries(record))],
  ['a list of pairs with a repeated name', () => pairs],
  ['a generator', generated],
])('headers as %s', (_, given) => {
  test.each(['an option', 'the result of a function'])('are sent as %s', async (kind) => {
    const seen: unknown[] = []
    await using server = await serving({
      gate: {
        admit: ({ headers }) => {
          seen.push(headers)
          return { admit: true }
        },
      },
    })
    const url = server.listener.url
    const client = wsClient({ url, headers: kind === 'an option' ? given() : given })
    await client.start()
    await client.close()
    expect(seen).toMatchObject([{ authorization: 'Bearer abc', 'x-two': 'a, b' }])
  })
})

test.each([[['a', 's3cret']], [[['a']]], [[[1, 's3cret']]], [new Set(['s3cret'])], [null], ['a: s3cret']])(
  'rejects %o as headers',
  async (given) => {
    const headers = given as unknown as HttpHeaders
    const create = (): unknown => wsClient({ url: 'ws://127.0.0.1:1/', headers })
    expect(create).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(create).not.toThrow('s3cret')
    const client = wsClient({ url: 'ws://127.0.0.1:1/', headers: () => headers })
    await expect(client.start()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      details: { slot: 'headers' },
    })
  },
)

test('rejects certificates for a ws: URL and conceals them', () => {
  const tls = { key: 'PRIVATE', passphrase: 's3cret' }
  let error: unknown
  try {
    wsClient({ url: 'ws://127.0.0.1:1/', tls })
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'tls' } })
  expect(inspect(error, { depth: Infinity })).not.toMatch(/PRIVATE|s3cret/)
})
