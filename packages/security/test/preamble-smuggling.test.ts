import { connect } from 'node:net'
import { until } from '@mcpwire/compliance'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bearer, TokenError } from '../src/index.js'
import { apiKey } from '../src/node/index.js'
import { type Served, type Wire, wires } from './support/wires.js'

const TIMEOUT_MS = 30_000
const KEY = 'key-of-ci-0123456789abcdef'
const socketWires = wires.filter(({ name }) => name === 'tcp' || name === 'unix')

/** Sends one line. Returns the statuses of refusals, or `admitted`. */
async function outcomeOf(
  { listener, refused, connections }: Served,
  line: string,
): Promise<number | string | undefined> {
  const url = new URL(listener.url)
  const socket =
    url.protocol === 'tcp:'
      ? connect(Number(url.port), '127.0.0.1')
      : connect(decodeURIComponent(url.pathname))
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {}).resume()
  socket.write(`${line}\n`)
  await until(() => refused.length + connections.length > 0, 'there is a decision', TIMEOUT_MS)
  return connections.length > 0 ? 'admitted' : refused[0]?.status
}

const preamble = (headers: string): string => `{"mcpwire":1,"headers":${headers}}`

describe.each(socketWires)('a preamble over $name', ({ serve }: Wire) => {
  test.each<[string, string, number | string]>([
    ['the key', preamble(`{"x-api-key":"${KEY}"}`), 'admitted'],
    ['the key under a name in upper case', preamble(`{"X-API-KEY":"${KEY}"}`), 'admitted'],
    ['the key in __proto__', preamble(`{"__proto__":{"x-api-key":"${KEY}"}}`), 401],
    ['the key in the constructor', preamble(`{"constructor":{"prototype":{"x-api-key":"${KEY}"}}}`), 401],
    ['the key in a list', preamble(`{"x-api-key":["${KEY}"]}`), 401],
    ['an object for the key', preamble('{"x-api-key":{"toString":"x"}}'), 401],
    ['headers that are a list', preamble(`["x-api-key","${KEY}"]`), 401],
    ['the key beside the headers', `{"mcpwire":1,"x-api-key":"${KEY}","headers":{}}`, 401],
    ['the key and a line break', preamble(`{"x-api-key":"${KEY}\\r\\n"}`), 401],
    ['no headers', `{"mcpwire":1}`, 401],
    ['a message in its place', '{"jsonrpc":"2.0","id":1,"method":"ping"}', 401],
  ])('with %s is decided correctly by apiKey', async (_what, line, outcome) => {
    expect(await outcomeOf(await serve(apiKey({ ci: KEY })), line)).toBe(outcome)
  })

  test('with two tokens in one header is refused by bearer', async () => {
    const verify = (): never => {
      throw new TokenError('invalid_token', 'the token is not known')
    }
    const served = await serve(bearer({ verify }))
    expect(await outcomeOf(served, preamble('{"authorization":"Bearer a, Bearer b"}'))).toBe(400)
  })
})
