import { deflateRawSync } from 'node:zlib'
import { createFakeClock } from '@mcpwire/compliance'
import { isTransportError } from '@mcpwire/core'
import { expect, test } from 'vitest'
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closeFrame,
  type FrameParts,
  frame,
  PING,
  PONG,
  TEXT,
} from './support/frames.js'
import { eventually, type Serving, serving } from './support/serving.js'

const MAX_MESSAGE_BYTES = 4_096
const DEFLATED = 4
const REQUEST = '{"jsonrpc":"2.0","id":1,"method":"x","params":{"still":"here"}}'

/** Expects that a new caller gets a response. */
async function expectOthersServed(server: Serving): Promise<void> {
  const other = await server.upgraded()
  other.write(frame(REQUEST))
  await eventually(() => other.texts.length === 1, 'a response to another caller')
  expect(other.isClosed).toBe(false)
}

interface Violation {
  readonly name: string
  readonly bytes: Buffer
  readonly closeCode: number
  readonly error: string
}

const piece = (bytes: number, parts?: FrameParts): Buffer => frame(Buffer.alloc(bytes, 0x20), parts)

const violations: readonly Violation[] = [
  {
    name: 'a frame with a length over the limit',
    bytes: piece(1, { announcedBytes: MAX_MESSAGE_BYTES + 1 }),
    closeCode: 1009,
    error: 'MESSAGE_TOO_LARGE',
  },
  {
    name: 'a frame with a length of 2^40 bytes',
    bytes: piece(1, { announcedBytes: 2 ** 40 }),
    closeCode: 1009,
    error: 'MESSAGE_TOO_LARGE',
  },
  {
    name: 'a frame with a length over the safe integers',
    bytes: Buffer.from([0x81, 0xff, ...Array(8).fill(0xff), 0, 0, 0, 0]),
    closeCode: 1009,
    error: 'MESSAGE_TOO_LARGE',
  },
  {
    name: 'fragments over the limit in total',
    bytes: Buffer.concat([piece(3_000, { isFinal: false }), piece(3_000, { opcode: CONTINUATION })]),
    closeCode: 1009,
    error: 'MESSAGE_TOO_LARGE',
  },
  {
    name: 'a binary frame',
    bytes: frame(REQUEST, { opcode: BINARY }),
    closeCode: 1003,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'text that is not UTF-8',
    bytes: frame(Buffer.from([0xc3, 0x28])),
    closeCode: 1007,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a character cut off at the end',
    bytes: frame(Buffer.from([0x7b, 0xe2, 0x82])),
    closeCode: 1007,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a surrogate in UTF-8',
    bytes: frame(Buffer.from([0xed, 0xa0, 0x80])),
    closeCode: 1007,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a frame without a mask',
    bytes: frame(REQUEST, { isMasked: false }),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  { name: 'a reserved bit', bytes: frame(REQUEST, { rsv: 1 }), closeCode: 1002, error: 'MALFORMED_MESSAGE' },
  {
    name: 'compression without negotiation',
    bytes: frame(REQUEST, { rsv: DEFLATED }),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'an unknown opcode',
    bytes: frame(REQUEST, { opcode: 3 }),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a continuation without a start',
    bytes: frame(REQUEST, { opcode: CONTINUATION }),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a message within a message',
    bytes: Buffer.concat([frame('{', { isFinal: false }), frame(REQUEST)]),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a ping in fragments',
    bytes: frame('x', { opcode: PING, isFinal: false }),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a ping of 126 bytes',
    bytes: piece(126, { opcode: PING }),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a close frame of one byte',
    bytes: piece(1, { opcode: CLOSE }),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a reserved close code',
    bytes: closeFrame(1005),
    closeCode: 1002,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a close reason that is not UTF-8',
    bytes: frame(Buffer.from([0x03, 0xe8, 0xff]), { opcode: CLOSE }),
    closeCode: 1007,
    error: 'MALFORMED_MESSAGE',
  },
  {
    name: 'a message in 20 000 fragments',
    bytes: Buffer.concat([
      piece(1, { isFinal: false }),
      ...Array(20_000).fill(piece(0, { opcode: CONTINUATION, isFinal: false })),
    ]),
    closeCode: 1008,
    error: 'MALFORMED_MESSAGE',
  },
]

test.each(violations)(
  'closes only that connection with $closeCode for $name',
  async ({ bytes, closeCode, error }) => {
    await using server = await serving({ maxMessageBytes: MAX_MESSAGE_BYTES, closeTimeoutMs: 300 })
    const bystander = await server.upgraded()
    const client = await server.upgraded()
    const connection = server.connections[1]
    client.write(bytes)
    expect(await connection?.closed).toMatchObject({ code: error })
    await eventually(() => client.closeFrame !== undefined, 'the close frame')
    expect(client.closeFrame?.code).toBe(closeCode)
    expect(server.messages).toEqual([])
    expect(bystander.isClosed).toBe(false)
    await expectOthersServed(server)
  },
)

test('closes the connection at once for a frame over the limit, although more data follows', async () => {
  await using server = await serving({ maxMessageBytes: MAX_MESSAGE_BYTES, closeTimeoutMs: 200 })
  const client = await server.upgraded()
  client.write(frame('x', { announcedBytes: 2 ** 31 }))
  const flood = Buffer.alloc(1_048_576)
  for (let sent = 0; sent < 20; sent++) client.write(flood)
  const reason = await server.connections[0]?.closed
  expect(isTransportError(reason, 'MESSAGE_TOO_LARGE')).toBe(true)
  await client.closed
})

test('buffers one pong for a flood of pings from a peer that does not read', async () => {
  await using server = await serving({ closeTimeoutMs: 100 })
  const client = await server.upgraded()
  client.socket.pause()
  const pings = Buffer.concat(Array(10_000).fill(piece(125, { opcode: PING })))
  const before = process.memoryUsage().rss
  for (let sent = 0; sent < 40; sent++) {
    await new Promise<void>((resolve) => client.socket.write(pings, () => resolve()))
  }
  client.write(frame(REQUEST))
  await eventually(() => server.messages.length === 1, 'the message behind the pings')
  expect(process.memoryUsage().rss - before).toBeLessThan(40 * 1_048_576)
  await expectOthersServed(server)
  client.socket.resume()
  await eventually(() => client.texts.length === 1, 'the response')
  expect(client.frames.filter(({ opcode }) => opcode === PONG).length).toBeLessThan(400_000)
})

test('responds to a ping with its payload', async () => {
  await using server = await serving()
  const client = await server.upgraded()
  for (const payload of ['', 'a', 'x'.repeat(125)]) {
    const received = client.frames.length
    client.write(frame(payload, { opcode: PING }))
    await eventually(() => client.frames.length > received, 'the pong')
    expect(client.frames.at(-1)).toMatchObject({ opcode: PONG, payload: Buffer.from(payload) })
  }
})

test('closes the connection for a deflate bomb before it is inflated', async () => {
  await using server = await serving({ deflate: {}, maxMessageBytes: MAX_MESSAGE_BYTES, closeTimeoutMs: 200 })
  const client = await server.upgraded({ headers: { 'sec-websocket-extensions': 'permessage-deflate' } })
  expect(client.response.head).toMatch(/permessage-deflate/)
  const bomb = deflateRawSync(Buffer.alloc(200 * 1_048_576, 0x20))
  const before = process.memoryUsage().rss
  // Within the limit on the wire, and 1000 times as long when inflated.
  client.write(frame(bomb.subarray(0, MAX_MESSAGE_BYTES - 1), { rsv: DEFLATED, opcode: TEXT }))
  const reason = await server.connections[0]?.closed
  expect(isTransportError(reason, 'MESSAGE_TOO_LARGE')).toBe(true)
  await eventually(() => client.closeFrame !== undefined, 'the close frame')
  expect(client.closeFrame?.code).toBe(1009)
  expect(process.memoryUsage().rss - before).toBeLessThan(40 * 1_048_576)
  await expectOthersServed(server)
})

test('limits the queue for a peer that does not read to maxQueuedBytes, and detects that it is lost', async () => {
  const clock = createFakeClock()
  await using server = await serving({
    clock,
    maxQueuedBytes: 262_144,
    pingIntervalMs: 1_000,
    pongTimeoutMs: 500,
  })
  const client = await server.upgraded()
  client.socket.pause()
  const [connection] = server.connections
  const outcomes: unknown[] = []
  const message = { jsonrpc: '2.0', method: 'notifications/x', params: { fill: 'x'.repeat(65_536) } } as const
  for (let sent = 0; sent < 300; sent++) {
    connection?.send(message).then(
      () => outcomes.push('sent'),
      (error: unknown) => outcomes.push(error),
    )
    if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await eventually(() => outcomes.some((each) => isTransportError(each, 'OVERLOADED')), 'OVERLOADED')
  await clock.advance(1_000)
  expect(connection?.state).toBe('open')
  await clock.advance(500)
  expect(await connection?.closed).toMatchObject({ code: 'PEER_LOST' })
  await eventually(() => outcomes.length === 300, 'all sends settled')
  client.socket.destroy()
})
