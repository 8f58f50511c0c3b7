import type { JsonRpcMessage } from '@mcpwire/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CONTINUATION, frame, PING, PONG, TEXT } from './support/frames.js'
import type { RawClient } from './support/raw-client.js'
import { eventually, type Serving, serving } from './support/serving.js'

const TIMEOUT_MS = 30_000
const LAST = '{"jsonrpc":"2.0","method":"notifications/last"}'

const message = fc
  .record({
    n: fc.integer(),
    text: fc.string({ unit: 'binary', maxLength: 60 }),
    deep: fc.jsonValue({ maxDepth: 2 }),
  })
  .map((params): JsonRpcMessage => ({ jsonrpc: '2.0', method: 'notifications/x', params }))

/** A message as frames that are split anywhere, with or without pings between them. */
const framed = fc.tuple(message, fc.array(fc.nat(), { maxLength: 5 }), fc.boolean())

function framesOf([sent, cuts, withPings]: [JsonRpcMessage, number[], boolean]): Buffer {
  const bytes = Buffer.from(JSON.stringify(sent))
  const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
  return Buffer.concat(
    at.slice(1).map((end, index) => {
      const part = frame(bytes.subarray(at[index], end), {
        opcode: index === 0 ? TEXT : CONTINUATION,
        isFinal: index === at.length - 2,
      })
      return withPings ? Buffer.concat([frame(`${index}`, { opcode: PING }), part]) : part
    }),
  )
}

async function write(client: RawClient, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
  for (const [index, end] of at.slice(1).entries()) {
    client.write(bytes.subarray(at[index], end))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function expectServed(server: Serving): Promise<void> {
  const client = await server.upgraded()
  const before = server.messages.length
  client.write(frame(LAST))
  await eventually(() => server.messages.length > before, 'a message of another caller')
  client.socket.destroy()
}

test('delivers messages unchanged for any split into frames and chunks', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using server = await serving()
  await fc.assert(
    fc.asyncProperty(
      fc.array(framed, { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      async (all, cuts) => {
        server.messages.length = 0
        const client = await server.upgraded()
        await write(client, Buffer.concat([...all.map(framesOf), frame(LAST)]), cuts)
        await eventually(() => server.messages.length === all.length + 1, 'all messages')
        const sent = all.map(([each]) => JSON.parse(JSON.stringify(each)))
        expect(server.messages.slice(0, -1)).toEqual(sent)
        if (all.some(([, , withPings]) => withPings)) {
          await eventually(() => client.frames.some(({ opcode }) => opcode === PONG), 'a pong')
        }
        client.socket.destroy()
      },
    ),
    { numRuns: 60 },
  )
  expect(server.errors.filter((error) => !('code' in error && error.code === 'PEER_LOST'))).toEqual([])
})

test('serves other callers after any bytes from one caller', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using server = await serving({ maxMessageBytes: 1_024, closeTimeoutMs: 50, deflate: {} })
  const head = fc.tuple(
    fc.integer({ min: 0, max: 255 }),
    fc.integer({ min: 0, max: 255 }),
    fc.uint8Array({ maxLength: 300 }),
  )
  const garbage = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      head.map(([first, second, rest]) => Uint8Array.from([first, second, ...rest])),
      fc
        .record({ opcode: fc.nat(15), rsv: fc.nat(7), isFinal: fc.boolean(), isMasked: fc.boolean() })
        .map((parts) => frame('{"a":1}', parts)),
    ),
    { minLength: 1, maxLength: 6 },
  )
  await fc.assert(
    fc.asyncProperty(garbage, fc.boolean(), async (pieces, offersDeflate) => {
      const client = await server.upgraded({
        headers: { 'sec-websocket-extensions': offersDeflate ? 'permessage-deflate' : undefined },
      })
      for (const piece of pieces) client.write(piece)
      await expectServed(server)
      client.socket.end()
      await client.closed
    }),
    { numRuns: 80 },
  )
  await eventually(() => server.listener.connections.size === 0, 'no connection')
})

test('serves other callers after any handshake request from one caller', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using server = await serving({ closeTimeoutMs: 50, deflate: {}, tokenInSubprotocol: true })
  const token = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })
  const names = [
    'host',
    'origin',
    'upgrade',
    'connection',
    'sec-websocket-key',
    'sec-websocket-version',
    'sec-websocket-protocol',
    'sec-websocket-extensions',
  ]
  const headers = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(token, fc.constantFrom('permessage-deflate; x=1', 'mcp.bearer.%%, mcp', 'mcp,,', '13', ';')),
    { maxKeys: 3 },
  )
  await fc.assert(
    fc.asyncProperty(headers, async (given) => {
      const client = await server.upgraded({ headers: given }).catch(() => undefined)
      client?.socket.destroy()
      await expectServed(server)
    }),
    { numRuns: 80 },
  )
})
