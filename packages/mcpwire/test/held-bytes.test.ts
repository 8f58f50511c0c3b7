import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import {
  type ByteBudget,
  createByteBudget,
  isTransportError,
  type Listener,
  type ListenerOptions,
  type Transport,
} from '@mcpwire/core'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { fakeClock } from '@mcpwire/test-support/fake-clock'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { unixClient, unixServer } from '@mcpwire/unix'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

const TIMEOUT_MS = 20_000
const MAX_TOTAL_BYTES = 1_000_000

interface Options extends ListenerOptions {
  readonly messageTimeoutMs?: number
}

const until = (condition: () => boolean, what: string, timeout: number): Promise<void> =>
  vi.waitFor(() => expect(condition(), what).toBe(true), { timeout, interval: 2 })

/** One kind of listener, with a client and raw bytes. */
interface Wire {
  readonly listener: Listener
  readonly dial: () => Transport
  /** A connected peer that has sent the handshake of the wire and nothing else. */
  readonly raw: () => Promise<Socket>
  /** The bytes of a message up to its end, and of a part of them. */
  readonly message: (text: string) => Buffer
}

const line = (text: string): Buffer => Buffer.from(`${text}\n`)

/** A masked text frame with the mask 0. `isFinal` is false for a fragment. */
function frame(text: string, { isFinal = true, opcode = 1 } = {}): Buffer {
  const payload = Buffer.from(text)
  const header = Buffer.alloc(14)
  header[0] = (isFinal ? 0x80 : 0) | opcode
  header[1] = 0x80 | 127
  header.writeBigUInt64BE(BigInt(payload.length), 2)
  return Buffer.concat([header, payload])
}

const wires: Readonly<Record<string, (options: Options) => Promise<Wire>>> = {
  tcp: async (options) => {
    const listener = tcpServer({ port: 0, ...options })
    await listener.start()
    const port = Number(new URL(listener.url).port)
    const raw = () => connected(connect(port, '127.0.0.1'))
    return { listener, dial: () => tcpClient({ port }), raw, message: line }
  },
  unix: async (options) => {
    const path = join(await temporaryFolder(), 'socket')
    const listener = unixServer({ path, ...options })
    await listener.start()
    return { listener, dial: () => unixClient({ path }), raw: () => connected(connect(path)), message: line }
  },
  ws: async (options) => {
    // The raw peer sends no pongs.
    const listener = wsServer({ port: 0, pingIntervalMs: Infinity, ...options })
    await listener.start()
    const { port, host } = new URL(listener.url)
    const raw = async (): Promise<Socket> => {
      const socket = await connected(connect(Number(port), '127.0.0.1'))
      socket.write(
        `GET /mcp HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mcp\r\n\r\n',
      )
      await once(socket, 'data')
      return socket
    }
    return { listener, dial: () => wsClient({ url: listener.url }), raw, message: frame }
  },
}

async function connected(socket: Socket): Promise<Socket> {
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** A started listener whose connections are started as they arrive. */
async function listening(name: string, given: Options = {}) {
  const budget = createByteBudget({ maxTotalBytes: MAX_TOTAL_BYTES })
  const wire = await wires[name]?.({ maxTotalBytes: budget, ...given })
  if (!wire) throw new Error(`no wire ${name}`)
  const reasons: (Error | undefined)[] = []
  const connections: Transport[] = []
  wire.listener.onconnection = (connection) => {
    connections.push(connection)
    connection.onmessage = (message) => {
      if ('id' in message && message.id !== undefined)
        void connection.send({ jsonrpc: '2.0', id: message.id, result: {} }).catch(() => {})
    }
    void connection.closed.then((reason) => reasons.push(reason))
    connection.start().catch(() => {})
  }
  onTestFinished(() => wire.listener.close())
  return { ...wire, budget, reasons, connections }
}

const call = (text: string): string => `{"jsonrpc":"2.0","id":1,"method":"x","params":{"text":"${text}"}}`
const part = (message: Buffer, bytes: number): Buffer => message.subarray(0, bytes)
const held = (budget: ByteBudget, bytes: number): Promise<void> =>
  until(() => budget.heldBytes >= bytes, `${bytes} bytes are held`, TIMEOUT_MS)

async function responds(client: Transport): Promise<void> {
  const response = new Promise((resolve) => {
    client.onmessage = resolve
  })
  await client.send({ jsonrpc: '2.0', id: 'ok', method: 'ping' })
  expect(await response).toMatchObject({ id: 'ok', result: {} })
}

describe.each(Object.keys(wires))('the bytes that a %s listener holds', (name) => {
  it.each([1, 1_000, 100_000, 900_000])(
    'include a part of %i bytes of a message, until it is complete',
    async (bytes) => {
      const { raw, message, budget } = await listening(name)
      const socket = await raw()
      const whole = message(call('x'.repeat(bytes)))
      socket.write(part(whole, whole.length - 2))
      await held(budget, bytes)
      expect(budget.heldBytes).toBeLessThan(bytes + 200)
      // Before the end of the message: a flowing socket discards data without a listener.
      const response = once(socket, 'data')
      socket.write(whole.subarray(-2))
      await until(() => budget.heldBytes === 0, 'nothing is held', TIMEOUT_MS)
      await response
    },
  )

  it('include parts that arrive one by one', async () => {
    const { raw, message, budget } = await listening(name)
    const socket = await raw()
    const whole = message(call('x'.repeat(5_000)))
    for (let at = 0; at < 4_000; at += 500) {
      socket.write(whole.subarray(at, at + 500))
      await held(budget, at + 400)
    }
    socket.destroy()
    await until(() => budget.heldBytes === 0, 'nothing is held', TIMEOUT_MS)
  })

  it('end the connection that holds the most, with a reason without numbers, and no other', async () => {
    const { raw, message, dial, reasons, budget } = await listening(name)
    const client = dial()
    onTestFinished(() => client.close())
    await client.start()
    const whole = message(call('x'.repeat(2_000_000)))
    const small = await raw()
    small.write(part(whole, 300_000))
    await held(budget, 290_000)
    const large = await raw()
    const answer: Buffer[] = []
    large.on('data', (chunk: Buffer) => answer.push(chunk))
    large.write(part(whole, 900_000))
    await until(() => reasons.length > 0, 'a connection ended', TIMEOUT_MS)
    expect(reasons.map((reason) => isTransportError(reason, 'OVERLOADED') && reason.details.option)).toEqual([
      'maxTotalBytes',
    ])
    expect(budget.heldBytes).toBeLessThanOrEqual(MAX_TOTAL_BYTES)
    expect(Buffer.concat(answer).toString()).not.toContain(String(MAX_TOTAL_BYTES))
    await responds(client)
  })

  it('include responses that are not read, and end such a connection', async () => {
    const { raw, connections, reasons, budget } = await listening(name)
    const socket = await raw()
    socket.pause()
    await until(() => connections.length === 1, 'it is connected', TIMEOUT_MS)
    const [connection] = connections
    const results = Array.from({ length: 40 }, async (_, id) =>
      connection?.send({ jsonrpc: '2.0', id, result: { text: 'x'.repeat(400_000) } }).then(
        () => 'sent',
        () => 'rejected',
      ),
    )
    await until(() => reasons.length === 1, 'the connection ended', TIMEOUT_MS)
    expect(reasons[0]).toMatchObject({ code: 'OVERLOADED' })
    expect(await Promise.all(results)).toContain('rejected')
    expect(budget.heldBytes).toBe(0)
  })

  it('are none while complete messages are exchanged', async () => {
    const { dial, budget } = await listening(name)
    const opened: unknown[] = []
    const { open } = budget
    budget.open = (holder) => {
      opened.push(holder)
      return open.call(budget, holder)
    }
    const client = dial()
    onTestFinished(() => client.close())
    await client.start()
    for (let n = 0; n < 20; n++) await responds(client)
    expect(opened).toEqual([])
  })
})

describe.each(Object.keys(wires))('a message over %s that does not complete', (name) => {
  it.each([
    ['its first byte', (whole: Buffer) => part(whole, 1)],
    ['half of it', (whole: Buffer) => part(whole, whole.length / 2)],
    ['all but its last byte', (whole: Buffer) => part(whole, whole.length - 1)],
    ['a whole message before', (whole: Buffer) => Buffer.concat([whole, part(whole, 50)])],
  ])('ends the connection after messageTimeoutMs: %s', async (_what, partOf) => {
    const clock = fakeClock()
    const { raw, message, budget, reasons } = await listening(name, { clock, messageTimeoutMs: 30_000 })
    const socket = await raw()
    socket.resume()
    socket.write(partOf(message(call('x'.repeat(1_000)))))
    await held(budget, 1)
    await clock.advance(29_000)
    expect(reasons).toEqual([])
    // One byte now and then is no progress.
    socket.write(Buffer.from(' '))
    await clock.advance(1_100)
    await clock.advance(5_000)
    await until(() => reasons.length === 1, 'the connection ended', TIMEOUT_MS)
    expect(reasons[0]).toMatchObject({
      code: 'REFUSED',
      details: { status: 408, option: 'messageTimeoutMs' },
    })
    expect(budget.heldBytes).toBe(0)
  })

  it('has its time while this end does not read', async () => {
    const clock = fakeClock()
    const options = { clock, messageTimeoutMs: 30_000 }
    const { raw, message, budget, reasons, connections } = await listening(name, options)
    const socket = await raw()
    const whole = message(call('x'.repeat(1_000)))
    socket.write(part(whole, 500))
    await held(budget, 100)
    connections[0]?.flow?.pause()
    await clock.advance(100_000)
    connections[0]?.flow?.resume()
    socket.write(whole.subarray(500))
    await until(() => budget.heldBytes === 0, 'it is complete', TIMEOUT_MS)
    expect(reasons).toEqual([])
  })
})

describe('a WebSocket message in fragments', () => {
  it('is counted and has the deadline, although pings are answered', async () => {
    const clock = fakeClock()
    const { raw, budget, reasons } = await listening('ws', { clock, messageTimeoutMs: 30_000 })
    const socket = await raw()
    socket.write(frame(call('x'.repeat(50_000)).slice(0, -1), { isFinal: false }))
    await held(budget, 50_000)
    socket.write(frame('more', { isFinal: false, opcode: 0 }))
    await held(budget, 50_060)
    await clock.advance(20_000)
    socket.write(Buffer.from([0x89, 0x80, 0, 0, 0, 0]))
    await once(socket, 'data')
    await clock.advance(10_100)
    await clock.advance(5_000)
    await until(() => reasons.length === 1, 'the connection ended', TIMEOUT_MS)
    expect(reasons[0]).toMatchObject({ code: 'REFUSED', details: { status: 408 } })
  })
})

describe('the sockets of a TCP listener before their connection', () => {
  it.each([
    ['a part of a preamble', { preamble: {} }, '{"mcpwire":1,"headers":{"a":"'],
    ['nothing before a preamble', { preamble: {} }, ''],
  ])('count in the budget: %s', async (_what, options, text) => {
    const budget = createByteBudget({ maxTotalBytes: MAX_TOTAL_BYTES })
    const listener = tcpServer({ port: 0, maxTotalBytes: budget, ...options })
    onTestFinished(() => listener.close())
    await listener.start()
    const socket = await connected(connect(Number(new URL(listener.url).port), '127.0.0.1'))
    socket.write(text)
    await held(budget, 8_192)
    socket.destroy()
    await until(() => budget.heldBytes === 0, 'nothing is held', TIMEOUT_MS)
  })
})
