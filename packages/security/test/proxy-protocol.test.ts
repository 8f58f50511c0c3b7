import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createFakeClock, until } from '@mcpwire/compliance'
import type { Handshake, RefusedCaller, Transport } from '@mcpwire/core'
import { type TcpServerOptions, tcpServer } from '@mcpwire/tcp'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ProxyProtocolOptions, proxyProtocol } from '../src/node/index.js'
import { ipv4Ends, version2 } from './support/proxy-headers.js'

const authority = createAuthority('test authority')
const certificate = authority.issue({ name: 'server', names: ['localhost', '127.0.0.1'] })
const HEADER = 'PROXY TCP4 192.0.2.9 10.0.0.1 4711 7000\r\n'
const BINARY = version2(0x21, 0x11, ipv4Ends('192.0.2.9', 4_711))
const MESSAGE = '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
const TIMEOUT_MS = 10_000

interface Started {
  readonly port: number
  readonly callers: Handshake[]
  readonly connections: Transport[]
  readonly messages: unknown[]
  readonly refused: RefusedCaller[]
  readonly errors: Error[]
}

async function started(
  options: Partial<TcpServerOptions> = {},
  { cidrs = ['127.0.0.1'], ...more }: ProxyProtocolOptions & { readonly cidrs?: string[] } = {},
): Promise<Started> {
  const callers: Handshake[] = []
  const connections: Transport[] = []
  const messages: unknown[] = []
  const refusedCallers: RefusedCaller[] = []
  const errors: Error[] = []
  const gate = {
    admit: (handshake: Handshake) => {
      callers.push(handshake)
      return { admit: true } as const
    },
  }
  const listener = tcpServer({ port: 0, gate, proxyProtocol: proxyProtocol(cidrs, more), ...options })
  listener.onerror = (error) => errors.push(error)
  listener.onrefused = (caller) => refusedCallers.push(caller)
  listener.onconnection = (connection) => {
    connections.push(connection)
    connection.onmessage = (message) => messages.push(message)
    connection.start().catch(() => {})
  }
  onTestFinished(() => listener.close())
  await listener.start()
  const port = Number(new URL(listener.address ?? '').port)
  return { port, callers, connections, messages, refused: refusedCallers, errors }
}

/** A socket, and what it receives until it closes. */
function socketTo(port: number): { socket: Socket; text: () => string; closed: Promise<unknown> } {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      text += String(chunk)
    })
  return { socket, text: () => text, closed: once(socket, 'close') }
}

describe.each([
  ['version 1', Buffer.from(HEADER)],
  ['version 2', BINARY],
])('%s', (_version, header) => {
  test('names the caller to the gate and in the peer', async () => {
    const server = await started()
    const { socket } = socketTo(server.port)
    socket.write(Buffer.concat([header, Buffer.from(MESSAGE)]))
    await until(() => server.messages.length === 1, 'the message arrived', TIMEOUT_MS)
    expect(server.callers).toMatchObject([{ medium: 'tcp', remote: { address: '192.0.2.9', port: 4_711 } }])
    expect(server.connections[0]?.peer?.address).toBe('tcp://192.0.2.9:4711')
    expect(server.errors).toEqual([])
  })

  test('arrives byte by byte, before a preamble', async () => {
    const server = await started({ preamble: {} })
    const { socket } = socketTo(server.port)
    const preamble = Buffer.from('{"mcpwire":1,"headers":{"X-Key":"1"}}\n')
    for (const byte of Buffer.concat([header, preamble, Buffer.from(MESSAGE)])) {
      socket.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
    await until(() => server.messages.length === 1, 'the message arrived', TIMEOUT_MS)
    expect(server.callers).toMatchObject([{ remote: { address: '192.0.2.9' }, headers: { 'x-key': '1' } }])
  })

  test.each(['at once', 'byte by byte'])('precedes a TLS handshake, %s', async (how) => {
    const server = await started({ tls: certificate })
    const raw = connect({ port: server.port, host: '127.0.0.1', noDelay: true })
    onTestFinished(() => void raw.destroy())
    await once(raw, 'connect')
    if (how === 'at once') {
      // One write: the header and the first record of the handshake are in the same segment.
      raw.cork()
      raw.write(header)
    } else {
      for (const byte of header) {
        raw.write(Buffer.of(byte))
        await new Promise(setImmediate)
      }
    }
    const secure = connectTls({
      socket: raw,
      ca: authority.cert,
      servername: 'localhost',
      ALPNProtocols: ['mcp'],
    })
    raw.uncork()
    secure.write(MESSAGE)
    await until(() => server.messages.length === 1, 'the message arrived', TIMEOUT_MS)
    expect(server.callers).toMatchObject([
      { remote: { address: '192.0.2.9', port: 4_711 }, scheme: 'tcps', tls: {} },
    ])
    expect(server.connections[0]?.peer?.address).toBe('tcps://192.0.2.9:4711')
    secure.destroy()
  })
})

test('loses no byte behind the header, wherever the chunks end', async () => {
  const server = await started()
  const bytes = Buffer.concat([BINARY, Buffer.from(MESSAGE)])
  for (let split = BINARY.length - 3; split <= BINARY.length + 3; split++) {
    const { socket } = socketTo(server.port)
    socket.write(bytes.subarray(0, split))
    await new Promise(setImmediate)
    socket.write(bytes.subarray(split))
    const expected = split - BINARY.length + 4
    await until(() => server.messages.length === expected, `the message after ${split} bytes`, TIMEOUT_MS)
  }
})

test.each([
  ['a message', MESSAGE],
  ['an HTTP request', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a malformed header', 'PROXY TCP4 127.0.0.1\r\n'],
  ['a header that is cut off', 'PROXY TCP4 192.0.2.9'],
])('refuses a proxy that sends %s', async (_what, start) => {
  const server = await started()
  const { socket, text, closed } = socketTo(server.port)
  socket.end(start)
  await closed
  expect(server.refused).toMatchObject([
    { status: 400, address: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:/) },
  ])
  expect(text()).toContain('PROXY protocol')
  expect(server.callers).toEqual([])
})

test('refuses a header within TLS, and TLS without a header', async () => {
  const server = await started({ tls: certificate })
  const secure = connectTls({
    port: server.port,
    host: '127.0.0.1',
    ca: authority.cert,
    ALPNProtocols: ['mcp'],
  })
  secure.on('error', () => {})
  secure.on('secureConnect', () => secure.write(HEADER))
  await new Promise((resolve) => secure.once('close', resolve))
  expect(server.refused).toMatchObject([{ status: 400 }])
  expect(server.callers).toEqual([])
})

test('does not believe a header behind the header', async () => {
  const server = await started()
  const { socket, closed } = socketTo(server.port)
  socket.write(`${HEADER}PROXY TCP4 127.0.0.1 10.0.0.1 1 2\r\n${MESSAGE}`)
  await closed
  expect(server.callers).toMatchObject([{ remote: { address: '192.0.2.9' } }])
  expect(server.messages).toEqual([])
})

test('refuses others, whatever they send', async () => {
  const server = await started({}, { cidrs: ['10.0.0.0/8'] })
  const { socket, text, closed } = socketTo(server.port)
  socket.end(HEADER)
  await closed
  expect(server.refused).toMatchObject([{ status: 403 }])
  expect(text()).toContain('load balancer')
  const secure = await started({ tls: certificate }, { cidrs: ['10.0.0.0/8'] })
  const other = socketTo(secure.port)
  await other.closed
  expect([other.text(), secure.refused.length]).toEqual(['', 1])
})

test('serves others under their own address with refuseOthers: false, and refuses their headers', async () => {
  const server = await started({}, { cidrs: ['10.0.0.0/8'], refuseOthers: false })
  const direct = socketTo(server.port)
  direct.socket.write(MESSAGE)
  await until(() => server.messages.length === 1, 'the message arrived', TIMEOUT_MS)
  expect(server.callers).toMatchObject([{ remote: { address: '127.0.0.1' } }])
  const forged = socketTo(server.port)
  forged.socket.write(`${HEADER}${MESSAGE}`)
  await forged.closed
  expect(server.callers.map(({ remote }) => remote.address)).toEqual(['127.0.0.1', '127.0.0.1'])
  expect(server.messages).toHaveLength(1)
  expect(String(await server.connections[1]?.closed)).toContain('proxyProtocol')
})

test('serves the proxy itself under its own address, and an unknown caller under none', async () => {
  const server = await started()
  for (const header of [version2(0x20, 0x00), Buffer.from('PROXY UNKNOWN\r\n')])
    socketTo(server.port).socket.write(Buffer.concat([header, Buffer.from(MESSAGE)]))
  await until(() => server.messages.length === 2, 'the messages arrived', TIMEOUT_MS)
  expect(server.callers.map(({ remote }) => remote.address).sort()).toEqual(['127.0.0.1', 'unknown'])
})

test('limits the time of the header', async () => {
  const clock = createFakeClock()
  const server = await started({ clock }, { timeoutMs: 700 })
  const { socket, text, closed } = socketTo(server.port)
  socket.write('PROXY TCP4')
  await vi.waitFor(async () => {
    await clock.advance(700)
    expect(server.refused).toMatchObject([{ status: 400, reason: expect.stringContaining('700 ms') }])
  })
  socket.end()
  await closed
  expect(text()).toContain('700 ms')
})

test('does not report a proxy that only checks the port', async () => {
  const server = await started()
  const { socket, closed } = socketTo(server.port)
  socket.end()
  await closed
  expect([server.refused, server.errors]).toEqual([[], []])
})

test('limits the connections whose header is not complete', async () => {
  const server = await started({ maxConnections: 2 })
  const oldest = socketTo(server.port)
  await once(oldest.socket, 'connect')
  await new Promise(setImmediate)
  for (let count = 0; count < 2; count++) await once(socketTo(server.port).socket, 'connect')
  await oldest.closed
  expect(server.refused).toMatchObject([{ status: 503, option: 'maxConnections' }])
})

test('requires a gate, as the callers are on other hosts', async () => {
  const listener = tcpServer({ port: 0, proxyProtocol: proxyProtocol(['127.0.0.1']) })
  await expect(listener.start()).rejects.toMatchObject(refused('gate'))
  const invalid = { port: 0, proxyProtocol: true } as unknown as TcpServerOptions
  expect(failureOf(() => tcpServer(invalid))).toMatchObject(refused('proxyProtocol'))
})
