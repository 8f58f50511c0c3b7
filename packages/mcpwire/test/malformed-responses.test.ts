import { errorDataOf, type Transport } from '@mcpwire/core'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { ResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { literalServers } from './support/literal-servers.js'

/** Short enough for a hanging request to fail as such: the SDK's own timeout is 60 s. */
const TIMEOUT_MS = 10_000
const TOO_LONG = 10_485_760

const malformed: readonly (readonly [what: string, text: string])[] = [
  ['a result that is null', '{"jsonrpc":"2.0","id":$ID,"result":null}'],
  ['a result that is a text', '{"jsonrpc":"2.0","id":$ID,"result":"yes"}'],
  ['a result that is a number', '{"jsonrpc":"2.0","id":$ID,"result":7}'],
  ['a result that is a list', '{"jsonrpc":"2.0","id":$ID,"result":[]}'],
  ['an error that is a text', '{"jsonrpc":"2.0","id":$ID,"error":"no"}'],
  ['an error that is null', '{"jsonrpc":"2.0","id":$ID,"error":null}'],
  ['an error without a code', '{"jsonrpc":"2.0","id":$ID,"error":{"message":"no"}}'],
  ['an error without a message', '{"jsonrpc":"2.0","id":$ID,"error":{"code":1}}'],
  ['an error code that is a text', '{"jsonrpc":"2.0","id":$ID,"error":{"code":"E_NO","message":"no"}}'],
  ['both a result and an error', '{"jsonrpc":"2.0","id":$ID,"result":{},"error":{"code":1,"message":"no"}}'],
  ['a result and an error that is null', '{"jsonrpc":"2.0","id":$ID,"result":{},"error":null}'],
  ['neither a result nor an error', '{"jsonrpc":"2.0","id":$ID}'],
  ['no version', '{"id":$ID,"result":{}}'],
  ['version 1.0', '{"jsonrpc":"1.0","id":$ID,"result":{}}'],
  ['a version that is a number', '{"jsonrpc":2,"id":$ID,"result":{}}'],
  ['NaN', '{"jsonrpc":"2.0","id":$ID,"result":{"x":NaN}}'],
  ['NaN, with the id at the end', '{"result":{"x":NaN},"jsonrpc":"2.0","id":$ID}'],
  ['a text that is cut off', '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"te'],
]

describe.each(Object.entries(literalServers))('over %s', (wire, connect) => {
  const cleanups: (() => void | Promise<void>)[] = []
  const client = new Client({ name: 'test', version: '1.0.0' })
  const errors: Error[] = []

  beforeAll(async () => {
    const transport = await connect((end) => void cleanups.push(end))
    await client.connect(transport as Parameters<Client['connect']>[0])
    client.onerror = (error) => void errors.push(error)
  }, TIMEOUT_MS)

  afterAll(async () => {
    await client.close()
    for (const end of cleanups.reverse()) await end()
  })

  const ask = (text: string, fill = 0): Promise<unknown> =>
    client.request({ method: 'literal', params: { text, fill } }, ResultSchema, { timeout: TIMEOUT_MS })
  const failureOf = (text: string, fill?: number): Promise<unknown> =>
    ask(text, fill).then(
      () => undefined,
      (error) => error,
    )

  it.each(malformed.filter(([, text]) => wire !== 'memory' || isJson(text)))(
    'a malformed response settles its request: %s',
    async (_what, text) => {
      errors.length = 0
      const error = await failureOf(text)
      expect(errorDataOf(error)).toMatchObject({ code: 'MALFORMED_MESSAGE', delivery: 'unknown' })
      expect(error).toMatchObject({ code: -31_009, message: expect.stringContaining('malformed response') })
      if (wire !== 'bridge' && wire !== 'bridge --listen') expect(errors).toHaveLength(1)
      expect(await client.ping()).toEqual({})
    },
  )

  it('the integer id as a string is accepted', async () => {
    expect(await ask('{"jsonrpc":"2.0","id":"$ID","result":{"is":"accepted"}}')).toEqual({ is: 'accepted' })
  })

  it('invalid UTF-8 settles its request', async () => {
    const outcome = await ask('{"jsonrpc":"2.0","id":$ID,"result":{"is":"a\u007fb"}}').catch(
      (error: unknown) => error,
    )
    // Strict wires. Event streams replace it by their own rule, and text frames never have it.
    if (['tcp', 'unix', 'http'].includes(wire)) expect(errorDataOf(outcome)?.code).toBe('MALFORMED_MESSAGE')
    else expect(outcome).toEqual({ is: 'a\ufffdb' })
  })

  // Over the other wires such a message ends the connection, and with it the request.
  it.runIf(wire === 'stdio' || wire.startsWith('bridge') || wire.startsWith('http')).each([
    ['first', '{"jsonrpc":"2.0","id":$ID,"result":{"x":"$FILL"}}'],
    ['last', '{"result":{"x":"$FILL"},"jsonrpc":"2.0","id":$ID}'],
    ['last, after a version', '{"result":{"x":["$FILL",{"id":7}]},"id":$ID,"jsonrpc":"2.0"}'],
  ])('a response that is too long settles its request, with the id %s', async (_place, text) => {
    const error = await failureOf(text, TOO_LONG)
    expect(errorDataOf(error)?.code).toBe('MESSAGE_TOO_LARGE')
    expect(await client.ping()).toEqual({})
  })
})

it('errorDataOf reads the error of SDK v2', async () => {
  const cleanups: (() => void | Promise<void>)[] = []
  const transport = await literalServers['tcp']?.((end) => void cleanups.push(end))
  const client = new ClientV2({ name: 'test', version: '1.0.0' })
  await client.connect(transport as Transport)
  const params = { text: '{"jsonrpc":"2.0","id":$ID,"result":null}' }
  const error = await client
    .request({ method: 'literal', params }, ResultSchema)
    .catch((reason: unknown) => reason)
  expect(errorDataOf(error)).toEqual({ code: 'MALFORMED_MESSAGE', delivery: 'unknown' })
  await client.close()
  for (const end of cleanups) await end()
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text.replaceAll('$ID', '1'))
    return true
  } catch {
    return false
  }
}
