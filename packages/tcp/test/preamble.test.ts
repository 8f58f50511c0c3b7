import { connect, type Socket } from 'node:net'
import { createFakeClock, turns, until } from '@mcpwire/compliance'
import type { Gate, Handshake, JsonRpcMessage } from '@mcpwire/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clientOf, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000
const note = { jsonrpc: '2.0', method: 'notifications/initialized' } as const
const line = (headers: string): string => `{"mcpwire":1,"headers":${headers}}\n`

function recordingGate(): { gate: Gate; seen: Handshake[] } {
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

/** A plain socket that writes chunks one after the other, and what it receives until it is closed. */
function plainClient(
  port: number,
  ...chunks: (string | Uint8Array)[]
): { socket: Socket; received: () => string; closed: Promise<void> } {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let received = ''
  socket
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      received += chunk.toString()
    })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const writeAll = async (): Promise<void> => {
    for (const chunk of chunks) {
      socket.write(chunk)
      await turns(2)
    }
  }
  void writeAll()
  return { socket, received: () => received, closed }
}

test('the gate receives the headers by lower-case name, from a new call for each connection', async () => {
  const { gate, seen } = recordingGate()
  const { port, connections } = await listening({ gate, preamble: {} })
  let token = 0
  const headers = async (): Promise<Record<string, string>> => ({ Authorization: `Bearer ${++token}` })
  for (const n of [1, 2]) {
    const { transport } = clientOf({ port, preamble: { headers } })
    await transport.start()
    await until(() => connections.length === n, 'the connection arrived', TIMEOUT_MS)
    const messages: JsonRpcMessage[] = []
    const connection = connections[n - 1]
    if (connection) connection.onmessage = (message) => messages.push(message)
    await transport.send(note)
    await until(() => messages.length === 1, 'the message after the preamble arrived', TIMEOUT_MS)
    expect(messages).toEqual([note])
  }
  expect(seen.map((handshake) => handshake.headers['authorization'])).toEqual(['Bearer 1', 'Bearer 2'])
})

const refusals: readonly [what: string, text: string, reason: string][] = [
  ['a message', `${JSON.stringify(note)}\n`, 'a preamble is required'],
  ['another version', '{"mcpwire":2,"headers":{}}\n', 'a preamble is required'],
  ['no headers', '{"mcpwire":1}\n', 'a preamble is required'],
  ['headers that are not an object', '{"mcpwire":1,"headers":"x"}\n', 'a preamble is required'],
  ['a line that is not JSON', '{x}\n', 'a preamble is required'],
  ['a batch', '[]\n', 'a preamble is required'],
  ['a long line', line(JSON.stringify({ x: 'x'.repeat(8_192) })), 'exceeds preamble.maxBytes (8192)'],
  ['a line that never ends', `{${'x'.repeat(100_000)}`, 'exceeds preamble.maxBytes (8192)'],
]

test.each(refusals)(
  '%s instead of a preamble is refused with 401 and a reason at both ends',
  async (_what, text, reason) => {
    const { gate, seen } = recordingGate()
    const { port, errors } = await listening({ gate, preamble: {} })
    const { received, closed, socket } = plainClient(port, text)
    socket.once('end', () => socket.end())
    await closed
    const response = JSON.parse(received()) as { error: { code: number; message: string; data: object } }
    expect(response.error).toMatchObject({ code: -31_007, data: { code: 'AUTH_REQUIRED', status: 401 } })
    expect(response.error.message).toContain(reason)
    expect(errors.map(String)).toEqual([expect.stringContaining(reason)])
    expect(seen).toEqual([])
  },
)

test('a client without a preamble ends with AUTH_REQUIRED when the server requires one', async () => {
  const { port } = await listening({ preamble: {} })
  const { transport } = clientOf({ port })
  await transport.start()
  await transport.send(note)
  expect(await transport.closed).toMatchObject({
    code: 'AUTH_REQUIRED',
    message: expect.stringContaining('a preamble is required'),
  })
})

test('a client that sends nothing is refused after preamble.timeoutMs', async () => {
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
    message: expect.stringContaining('preamble.timeoutMs (1000 ms)'),
  })
  expect(errors).toMatchObject([{ code: 'REFUSED' }])
})

test('a client that disconnects before its preamble is reported', async () => {
  const { port, errors } = await listening({ preamble: {} })
  plainClient(port).socket.once('connect', function (this: Socket) {
    this.end()
  })
  await until(() => errors.length > 0, 'the error was reported', TIMEOUT_MS)
  expect(String(errors[0])).toContain('closed before a preamble arrived')
})

test('a header named __proto__ does not change any prototype', async () => {
  const { gate, seen } = recordingGate()
  const { port } = await listening({ gate, preamble: {} })
  plainClient(port, line('{"__proto__":"x","constructor":"y","nested":{"a":1}}'))
  await until(() => seen.length === 1, 'the gate was called', TIMEOUT_MS)
  const headers = seen[0]?.headers ?? {}
  expect(Object.getPrototypeOf(headers)).toBeNull()
  expect(Object.entries(headers)).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  expect(({} as { x?: unknown }).x).toBeUndefined()
})

test('a server without option preamble reports the line without quoting a header', async () => {
  const { port, connections } = await listening()
  const { transport } = clientOf({
    port,
    preamble: { headers: () => ({ authorization: 'Bearer open-sesame' }) },
  })
  await transport.start()
  await until(() => connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  const errors: Error[] = []
  const messages: unknown[] = []
  const [connection] = connections
  if (!connection) throw new Error('no connection')
  connection.onerror = (error) => errors.push(error)
  connection.onmessage = (message) => messages.push(message)
  await transport.send(note)
  await until(() => messages.length === 1, 'the message after the preamble arrived', TIMEOUT_MS)
  expect(errors).toMatchObject([{ code: 'MALFORMED_MESSAGE' }])
  const shown = JSON.stringify([
    errors[0]?.message,
    (errors[0] as { details?: unknown } | undefined)?.details,
  ])
  expect(shown).toContain('preamble')
  expect(shown).not.toMatch(/sesame|authorization/)
})

test('headers and messages do not depend on how their bytes are split', async () => {
  const { gate, seen } = recordingGate()
  const { port, listener } = await listening({ gate, preamble: {} })
  const messages: JsonRpcMessage[] = []
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => messages.push(message)
    connection.start().catch(() => {})
  }
  const bytes = Buffer.from(`${line('{"x":"häßlich 語"}')}${`${JSON.stringify(note)}\n`.repeat(3)}`)
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(cuts, async (offsets) => {
      seen.length = 0
      messages.length = 0
      const edges = [0, ...offsets.sort((a, b) => a - b), bytes.length]
      const { socket } = plainClient(
        port,
        ...edges.slice(1).map((end, index) => bytes.subarray(edges[index], end)),
      )
      await until(() => messages.length === 3, 'the messages arrived', TIMEOUT_MS)
      expect(messages).toEqual([note, note, note])
      expect({ ...seen[0]?.headers }).toEqual({ x: 'häßlich 語' })
      socket.destroy()
      await until(() => listener.connections.size === 0, 'the connection ended', TIMEOUT_MS)
    }),
    { numRuns: 60 },
  )
})
