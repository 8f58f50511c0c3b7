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
function* inTurn(): Generator<[string, string]> {
  yield* pairs
}

describe.each<[string, () => HttpHeaders]>([
  ['an object', () => record],
  ['the platform’s Headers', () => new Headers(pairs)],
  ['a Map', () => new Map(Object.entries(record))],
  ['a list of pairs, of which two have one name', () => pairs],
  ['a generator, which can be read once', inTurn],
])('headers given as %s', (_, given) => {
  test.each(['given', 'yielded by a function'])('are sent where they are %s', async (kind) => {
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
    const client = wsClient({ url, headers: kind === 'given' ? given() : given })
    await client.start()
    await client.close()
    expect(seen).toMatchObject([{ authorization: 'Bearer abc', 'x-two': 'a, b' }])
  })
})

test.each([[['a', 's3cret']], [[['a']]], [[[1, 's3cret']]], [new Set(['s3cret'])], [null], ['a: s3cret']])(
  '%o are no headers',
  async (given) => {
    const headers = given as unknown as HttpHeaders
    const refused = (): unknown => wsClient({ url: 'ws://127.0.0.1:1/', headers })
    expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(refused).not.toThrow('s3cret')
    const asked = wsClient({ url: 'ws://127.0.0.1:1/', headers: () => headers })
    await expect(asked.start()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      details: { slot: 'headers' },
    })
  },
)

test('certificates for a URL without TLS are refused without being shown', () => {
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
