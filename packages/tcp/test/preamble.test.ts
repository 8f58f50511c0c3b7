import { connect, type Socket } from 'node:net'
import { createFakeClock, turns, until } from '@mcpwire/compliance'
import type { Gate, Handshake, JsonRpcMessage } from '@mcpwire/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clientOf, listening } from './support/ends.js'

const PATIENCE_MS = 5_000
const note = { jsonrpc: '2.0', method: 'notifications/initialized' } as const
const line = (headers: string): string => `{"mcpwire":1,"headers":${headers}}\n`

function watching(): { gate: Gate; seen: Handshake[] } {
  const seen: Handshake[] = []
  return {
    seen,
    gate: {
      admit: (handshake) => {
        seen.push(handshake)
        return { admit: true }
      },
    },
  }
}

/** A socket that says these pieces one after the other, and what it hears until it is hung up on. */
function caller(
  port: number,
  ...pieces: (string | Uint8Array)[]
): { socket: Socket; heard: () => string; closed: Promise<void> } {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let heard = ''
  socket
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      heard += chunk.toString()
    })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const sayAll = async (): Promise<void> => {
    for (const piece of pieces) {
      socket.write(piece)
      await turns(2)
    }
  }
  void sayAll()
  return { socket, heard: () => heard, closed }
}

test('the headers reach the gate, by lower-case name, afresh with each connection', async () => {
  const { gate, seen } = watching()
  const { port, connections } = await listening({ gate, preamble: {} })
  let token = 0
  const headers = async (): Promise<Record<string, string>> => ({ Authorization: `Bearer ${++token}` })
  for (const n of [1, 2]) {
    const { transport } = clientOf({ port, preamble: { headers } })
    await transport.start()
    await until(() => connections.length === n, 'it came', PATIENCE_MS)
    const messages: JsonRpcMessage[] = []
    const connection = connections[n - 1]
    if (connection) connection.onmessage = (message) => messages.push(message)
    await transport.send(note)
    await until(() => messages.length === 1, 'the message behind the preamble arrived', PATIENCE_MS)
    expect(messages).toEqual([note])
  }
  expect(seen.map((handshake) => handshake.headers['authorization'])).toEqual(['Bearer 1', 'Bearer 2'])
})

const refusals: readonly [what: string, said: string, reason: string][] = [
  ['a message', `${JSON.stringify(note)}\n`, 'a preamble is expected before the first message'],
  ['another version', '{"mcpwire":2,"headers":{}}\n', 'a preamble is expected'],
  ['no headers', '{"mcpwire":1}\n', 'a preamble is expected'],
  ['headers that are none', '{"mcpwire":1,"headers":"x"}\n', 'a preamble is expected'],
  ['no JSON', 'GET / HTTP/1.1\r\n', 'a preamble is expected'],
  ['null', 'null\n', 'a preamble is expected'],
  ['too much', line(JSON.stringify({ x: 'x'.repeat(8_192) })), 'longer than preamble.maxBytes (8192)'],
  ['a line that never ends', 'x'.repeat(100_000), 'longer than preamble.maxBytes (8192)'],
]

test.each(refusals)(
  '%s instead of a preamble is refused with 401, and both ends know why',
  async (_what, said, reason) => {
    const { gate, seen } = watching()
    const { port, errors } = await listening({ gate, preamble: {} })
    const { heard, closed, socket } = caller(port, said)
    socket.once('end', () => socket.end())
    await closed
    const answer = JSON.parse(heard()) as { error: { code: number; message: string; data: object } }
    expect(answer.error).toMatchObject({ code: -31_007, data: { code: 'AUTH_REQUIRED', status: 401 } })
    expect(answer.error.message).toContain(reason)
    expect(errors.map(String)).toEqual([expect.stringContaining(reason)])
    expect(seen).toEqual([])
  },
)

test('a client without a preamble hears AUTH_REQUIRED from a server that expects one', async () => {
  const { port } = await listening({ preamble: {} })
  const { transport } = clientOf({ port })
  await transport.start()
  await transport.send(note)
  expect(await transport.closed).toMatchObject({
    code: 'AUTH_REQUIRED',
    message: expect.stringContaining('a preamble is expected before the first message'),
  })
})

test('a caller that says nothing is refused after preamble.timeoutMs', async () => {
  const clock = createFakeClock()
  const { port, errors } = await listening({ clock, preamble: { timeoutMs: 1_000 } })
  const { transport } = clientOf({ port })
  await transport.start()
  await turns(50)
  await clock.advance(999)
  expect(errors).toEqual([])
  await clock.advance(1)
  expect(await transport.closed).toMatchObject({
    code: 'AUTH_REQUIRED',
    message: expect.stringContaining('no preamble came within preamble.timeoutMs (1000 ms)'),
  })
  expect(errors).toMatchObject([{ code: 'REFUSED' }])
})

test('a caller that hangs up before its preamble is reported, and takes nothing down', async () => {
  const { port, errors } = await listening({ preamble: {} })
  caller(port).socket.once('connect', function (this: Socket) {
    this.end()
  })
  await until(() => errors.length > 0, 'it was reported', PATIENCE_MS)
  expect(String(errors[0])).toContain('ended before a preamble came')
})

test('a header named __proto__ is a header and nothing else', async () => {
  const { gate, seen } = watching()
  const { port } = await listening({ gate, preamble: {} })
  caller(port, line('{"__proto__":"x","constructor":"y","nested":{"a":1}}'))
  await until(() => seen.length === 1, 'the gate was asked', PATIENCE_MS)
  const headers = seen[0]?.headers ?? {}
  expect(Object.getPrototypeOf(headers)).toBeNull()
  expect(Object.entries(headers)).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  expect(({} as { x?: unknown }).x).toBeUndefined()
})

test('a server that expects no preamble reports it without quoting a header', async () => {
  const { port, connections } = await listening()
  const { transport } = clientOf({
    port,
    preamble: { headers: () => ({ authorization: 'Bearer open-sesame' }) },
  })
  await transport.start()
  await until(() => connections.length === 1, 'it came', PATIENCE_MS)
  const errors: Error[] = []
  const messages: unknown[] = []
  const [connection] = connections
  if (!connection) throw new Error('no connection')
  connection.onerror = (error) => errors.push(error)
  connection.onmessage = (message) => messages.push(message)
  await transport.send(note)
  await until(() => messages.length === 1, 'the message behind arrived', PATIENCE_MS)
  expect(errors).toMatchObject([{ code: 'MALFORMED_MESSAGE' }])
  const shown = JSON.stringify([
    errors[0]?.message,
    (errors[0] as { details?: unknown } | undefined)?.details,
  ])
  expect(shown).toContain('preamble')
  expect(shown).not.toMatch(/sesame|authorization/)
})

test('headers and messages are the same however their bytes are cut', async () => {
  const { gate, seen } = watching()
  const { port, listener } = await listening({ gate, preamble: {} })
  const heard: JsonRpcMessage[] = []
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => heard.push(message)
    connection.start().catch(() => {})
  }
  const bytes = Buffer.from(`${line('{"x":"häßlich 語"}')}${`${JSON.stringify(note)}\n`.repeat(3)}`)
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(cuts, async (places) => {
      seen.length = 0
      heard.length = 0
      const edges = [0, ...places.sort((a, b) => a - b), bytes.length]
      const { socket } = caller(
        port,
        ...edges.slice(1).map((end, index) => bytes.subarray(edges[index], end)),
      )
      await until(() => heard.length === 3, 'the messages arrived', PATIENCE_MS)
      expect(heard).toEqual([note, note, note])
      expect({ ...seen[0]?.headers }).toEqual({ x: 'häßlich 語' })
      socket.destroy()
      await until(() => listener.connections.size === 0, 'the connection ended', PATIENCE_MS)
    }),
    { numRuns: 60 },
  )
})
