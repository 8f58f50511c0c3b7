import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import type { JsonRpcMessage, Listener, Transport } from '@mcpwire/core'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { unixClient, unixServer } from '@mcpwire/unix'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { folder } from './support/listening.js'

vi.setConfig({ testTimeout: 20_000 })

const authority = createAuthority('authority')
const credential = authority.issue({ name: 'server', names: ['127.0.0.1'] })
const evil = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}\n'

/** The wires that carry lines of JSON-RPC, and how a raw client connects to each. */
const wires: Record<string, { listen: () => Listener; open: (listener: Listener) => Socket }> = {
  tcp: { listen: () => tcpServer({ port: 0 }), open: openTcp },
  'tcp with a preamble': { listen: () => tcpServer({ port: 0, preamble: {} }), open: openTcp },
  'tcp with TLS': { listen: () => tcpServer({ port: 0, tls: credential }), open: openTls },
  'tcp with TLS and a preamble': {
    listen: () => tcpServer({ port: 0, tls: credential, preamble: {} }),
    open: openTls,
  },
  unix: { listen: () => unixServer({ path: join(folder(), 's') }), open: openUnix },
  'unix with a preamble': {
    listen: () => unixServer({ path: join(folder(), 's'), preamble: {} }),
    open: openUnix,
  },
}

const headers = 'Host: 127.0.0.1:7000\r\nContent-Type: text/plain\r\n\r\n'

/** The start of each input, in the chunks that arrive, and whether it is HTTP. */
const inputs: Record<string, { chunks: readonly (string | Buffer)[]; isHttp: boolean }> = {
  'a POST': { chunks: [`POST / HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'a POST of HTTP/1.0': { chunks: [`POST / HTTP/1.0\r\n${headers}${evil}`], isHttp: true },
  'a GET': { chunks: [`GET / HTTP/1.1\r\n${headers}`], isHttp: true },
  'a preflight': { chunks: [`OPTIONS * HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'a CONNECT': { chunks: [`CONNECT a.example:443 HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'a DELETE in small letters': { chunks: [`delete / http/1.1\r\n${headers}${evil}`], isHttp: true },
  'a method of WebDAV': { chunks: [`PROPFIND / HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'an unknown method': { chunks: [`FROBNICATE /a HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'a method with a hyphen': { chunks: [`M-SEARCH * HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'the preface of HTTP/2': { chunks: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', evil], isHttp: true },
  'a WebSocket handshake': {
    chunks: [`GET /mcp HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${headers}${evil}`],
    isHttp: true,
  },
  'a request line without headers': { chunks: ['GET /\r\n', evil], isHttp: true },
  'blank lines before a POST': { chunks: ['\r\n\r\n', `POST / HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'a POST of one byte a chunk': { chunks: [...`POST / HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'a POST with a cut method': { chunks: ['PO', `ST / HTTP/1.1\r\n${headers}${evil}`], isHttp: true },
  'an HTTP response': { chunks: [`HTTP/1.1 200 OK\r\n\r\n${evil}`], isHttp: false },
  'a hello of TLS': { chunks: [Buffer.from('16030100c8010000c40303', 'hex'), evil], isHttp: false },
  'a hello of SSH': { chunks: [`SSH-2.0-OpenSSH_9.6\r\n${evil}`], isHttp: false },
  'a line of SMTP': { chunks: [`EHLO localhost\r\n${evil}`], isHttp: false },
  'a header of the PROXY protocol': {
    chunks: [`PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n${evil}`],
    isHttp: false,
  },
  'a binary header of the PROXY protocol': {
    chunks: [`\r\n\r\n\0\r\nQUIT\n${evil}`],
    isHttp: false,
  },
  'a request of Redis': { chunks: [`*1\r\n$4\r\nPING\r\n${evil}`], isHttp: false },
  'a header of MCP over stdio with Content-Length': {
    chunks: [`Content-Length: 58\r\n\r\n${evil}`],
    isHttp: false,
  },
  'a text in JSON': { chunks: [`"hello"\n${evil}`], isHttp: false },
  'a number': { chunks: [`1\n${evil}`], isHttp: false },
  'a zero byte': { chunks: [`\0${evil}`], isHttp: false },
  'a mark of UTF-16': { chunks: [Buffer.from('fffe', 'hex'), evil], isHttp: false },
  'text in pieces': { chunks: ['h', 'e', 'l', 'l', 'o', '\n', evil], isHttp: false },
}

const cases = Object.keys(wires).flatMap((wire) => Object.keys(inputs).map((input) => [wire, input] as const))

describe('a listener for lines of JSON-RPC', () => {
  test.each(cases)('over %s ends at the start of %s', async (wire, input) => {
    const { listen, open } = wires[wire] as (typeof wires)[string]
    const { chunks, isHttp } = inputs[input] as (typeof inputs)[string]
    const { listener, messages, errors } = await serving(listen())
    const socket = open(listener)
    const received = await exchange(socket, chunks)

    expect(messages).toEqual([])
    if (isHttp) expect(received).toMatch(/^HTTP\/1\.1 400 [\s\S]*JSON-RPC/)
    else expect(received).not.toMatch(/^HTTP/)
    await vi.waitFor(() => expect(errors).toMatchObject([{ code: 'MALFORMED_MESSAGE' }]))
  })

  test.each(['POST / HTTP/1.1', 'GET /secret?token=1 HTTP/1.1', 'HEAD / HTTP/1.0'])(
    'over TLS answers %s without TLS with 400',
    async (line) => {
      const { listener, messages } = await serving(tcpServer({ port: 0, tls: credential }))
      const received = await exchange(openTcp(listener), [`${line}\r\n${headers}${evil}`])
      expect(received).toMatch(/^HTTP\/1\.1 400 /)
      expect(messages).toEqual([])
    },
  )

  test('has no header and no query of a request in its error', async () => {
    const { listener, errors } = await serving(tcpServer({ port: 0 }))
    await exchange(openTcp(listener), ['GET /?token=secret HTTP/1.1\r\nauthorization: Bearer secret\r\n\r\n'])
    await vi.waitFor(() => expect(errors).toHaveLength(1))
    expect(JSON.stringify([errors[0], errors[0]?.message])).not.toContain('secret')
  })

  test.each([
    ['white space', [' \t\r\n\n', ' ']],
    ['a byte order mark', [Buffer.from('efbb', 'hex'), Buffer.from('bf', 'hex')]],
  ])('reads messages after %s', async (_what, chunks) => {
    const { listener, messages } = await serving(tcpServer({ port: 0 }))
    const socket = openTcp(listener)
    for (const chunk of [...chunks, evil]) await write(socket, chunk)
    await vi.waitFor(() => expect(messages).toHaveLength(1))
    socket.destroy()
  })

  test('ends at a start that the client cuts', async () => {
    const { listener, errors } = await serving(tcpServer({ port: 0 }))
    const socket = openTcp(listener)
    socket.end('GE')
    await once(socket.resume(), 'close')
    await vi.waitFor(() => expect(errors).toMatchObject([{ code: 'MALFORMED_MESSAGE' }]))
  })
})

const servers: Record<string, { greeting: string | Buffer; fragment: string }> = {
  'a web server': {
    greeting: 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n',
    fragment: 'speaks HTTP',
  },
  'an SSH server': { greeting: 'SSH-2.0-OpenSSH_9.6\r\n', fragment: 'speaks SSH' },
  'a TLS server': { greeting: Buffer.from('15030100020246', 'hex'), fragment: 'speaks TLS' },
  'a mail server': { greeting: '220 mail.example ESMTP\r\n', fragment: '220 mail.example' },
  'a Redis server': { greeting: "-ERR unknown command '{'\r\n", fragment: '-ERR' },
  'a VNC server': { greeting: 'RFB 003.008\n', fragment: 'RFB 003.008' },
}

describe.each(['tcp', 'unix'] as const)('a client over %s', (wire) => {
  test.each(Object.keys(servers))('ends at once with a clear error at %s', async (name) => {
    const { greeting, fragment } = servers[name] as (typeof servers)[string]
    const server = createServer((socket) => void socket.on('error', () => {}).write(greeting))
    onTestFinished(() => void server.close())
    const client = await clientOf(wire, server)
    onTestFinished(() => client.close())
    await client.start()
    const reason = await client.closed
    expect(reason).toMatchObject({ code: 'MALFORMED_MESSAGE', details: { hint: expect.any(String) } })
    expect(reason?.message).toContain(fragment)
  })
})

async function serving(
  listener: Listener,
): Promise<{ listener: Listener; messages: JsonRpcMessage[]; errors: Error[] }> {
  const messages: JsonRpcMessage[] = []
  const errors: Error[] = []
  listener.onerror = (error) => errors.push(error)
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => messages.push(message)
    connection.onerror = (error) => errors.push(error)
    connection.start().catch(() => {})
  }
  onTestFinished(() => listener.close())
  await listener.start()
  return { listener, messages, errors }
}

/** Sends each chunk once the last one was written. Resolves with all that arrives until the server ends. */
async function exchange(socket: Socket, chunks: readonly (string | Buffer)[]): Promise<string> {
  let received = ''
  socket.on('data', (data) => {
    received += data
  })
  const ended = new Promise<void>((resolve) => socket.once('end', resolve).once('close', () => resolve()))
  for (const chunk of chunks) await write(socket, chunk)
  await ended
  socket.destroy()
  return received
}

function write(socket: Socket, chunk: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve()
    else socket.write(chunk, () => setImmediate(resolve))
  })
}

function openTcp({ url }: Listener): Socket {
  return connect({ port: Number(new URL(url).port), host: '127.0.0.1', noDelay: true }).on('error', () => {})
}

function openTls({ url }: Listener): Socket {
  const port = Number(new URL(url).port)
  return connectTls({ port, host: '127.0.0.1', ca: authority.cert }).on('error', () => {})
}

function openUnix({ url }: Listener): Socket {
  return connect({ path: url.replace('unix:', '') }).on('error', () => {})
}

async function clientOf(wire: 'tcp' | 'unix', server: Server): Promise<Transport> {
  const path = join(folder(), 's')
  server.listen(wire === 'unix' ? { path } : { port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'string' ? unixClient({ path }) : tcpClient({ port: address?.port ?? 0 })
}
