import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest, isResponse, type JsonRpcRequest, type Listener } from '@mcpwire/core'
import { expect, onTestFinished, test, vi } from 'vitest'
import { httpServer, requestHandler } from '../src/node/index.js'
import { credentials } from './support/engine-kinds.js'
import { rawHttp } from './support/raw-http.js'
import { echo, initialize, served } from './support/served.js'

const TIMEOUT_MS = 30_000

interface Serving {
  readonly listener: Listener
  readonly port: number
  readonly errors: Error[]
  /** Opens a session, and yields its header. */
  session(): Promise<Record<string, string>>
  /** Resolves when the request has arrived. */
  arrived(): Promise<void>
  /** Answers the request. */
  answer(): Promise<void>
}

async function serving(): Promise<Serving> {
  const listener = httpServer({ port: 0 })
  const errors: Error[] = []
  let open: (() => Promise<void>) | undefined
  listener.onerror = (error) => errors.push(error)
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => {
      if (!isRequest(message)) return
      const send = (): Promise<void> => connection.send(echo(message))
      if (message.method === 'test/slow') open = send
      else void send()
    }
    void connection.start()
  }
  onTestFinished(() => listener.close())
  await listener.start()
  const port = Number(new URL(listener.url).port)
  return {
    listener,
    port,
    errors,
    session: async () => {
      const { headers } = await rawHttp(port).ask({ body: initialize() })
      return { 'mcp-session-id': String(headers['mcp-session-id']) }
    },
    arrived: () => vi.waitFor(() => expect(open).toBeDefined()),
    answer: async () => await open?.(),
  }
}

/** What arrives on a connection until the server ends it. */
function received(
  port: number,
  request: string,
): { readonly text: () => string; readonly over: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write(request)
  const over = new Promise<string>((resolve, reject) => {
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
  return { text: () => text, over }
}

function lines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

test('ends streams with their last chunk when the server closes', async () => {
  const { listener, port, errors, session } = await serving()
  const headers = { host: 'localhost', accept: 'text/event-stream', ...(await session()) }
  const stream = received(port, `GET /mcp HTTP/1.1\r\n${lines(headers)}\r\n`)
  await vi.waitFor(() => expect(stream.text()).toContain('text/event-stream'))
  await listener.close()
  expect(await stream.over).toMatch(/\r\n0\r\n\r\n$/)
  expect(errors).toEqual([])
})

test('answers requests in flight and closes idle connections during a drain', async () => {
  const { listener, port, errors, session, arrived, answer } = await serving()
  const headers = { ...(await session()), 'content-type': 'application/json', accept: 'application/json' }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'test/slow' })
  const length = { host: 'localhost', 'content-length': String(body.length) }
  const asked = received(port, `POST /mcp HTTP/1.1\r\n${lines({ ...length, ...headers })}\r\n${body}`)
  await arrived()
  const idle = received(port, `GET /nowhere HTTP/1.1\r\n${lines({ host: 'localhost' })}\r\n`)
  await vi.waitFor(() => expect(idle.text()).toMatch(/^HTTP\/1.1 404 /))
  const closing = listener.close({ drainMs: 60_000 })
  await idle.over
  expect({ text: asked.text(), size: listener.connections.size }).toEqual({ text: '', size: 1 })
  await answer()
  expect(await asked.over).toMatch(/^HTTP\/1.1 200 [\s\S]*connection: close[\s\S]*"of":"test\/slow"/i)
  await closing
  await expect(fetch(`http://127.0.0.1:${port}/mcp`)).rejects.toThrow()
  expect(errors).toEqual([])
})

test.each(['of its own', 'mounted'])(
  'receives responses of clients during a drain, and refuses new sessions: %s',
  async (how) => {
    const host = createServer()
    const mounted = requestHandler()
    host.on('request', (request, response) => mounted.handle(request, response))
    const listener = how === 'mounted' ? mounted : httpServer({ port: 0 })
    const question = { jsonrpc: '2.0' as const, id: 'q', method: 'elicitation/create', params: {} }
    listener.onconnection = (connection) => {
      let asked: JsonRpcRequest | undefined
      connection.onmessage = (message) => {
        if (isRequest(message) && message.method === 'initialize') void connection.send(echo(message))
        else if (isRequest(message)) asked = message
        else if (isResponse(message) && asked) void connection.send(echo(asked))
        if (isRequest(message) && message === asked)
          void connection.send(question, { relatedRequestId: message.id })
      }
      void connection.start()
    }
    onTestFinished(() => listener.close())
    onTestFinished(() => void host.close())
    await listener.start()
    if (how === 'mounted') await once(host.listen(0, '127.0.0.1'), 'listening')
    const address = how === 'mounted' ? (host.address() as AddressInfo) : new URL(listener.url)
    const raw = rawHttp(Number(address.port))
    const opened = await raw.ask({ body: initialize() })
    const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']) }
    const stream = await raw.open({ body: { jsonrpc: '2.0', id: 1, method: 'test/ask' }, headers })
    await stream.until(() => stream.messages.length === 1, 'the question')
    const closing = listener.close({ drainMs: TIMEOUT_MS })
    expect((await raw.ask({ body: initialize() })).status).toBe(503)
    const answered = await raw.ask({ body: { jsonrpc: '2.0', id: 'q', result: {} }, headers })
    expect(answered.status).toBe(202)
    await stream.until(() => stream.isOver, 'the answer')
    expect(stream.messages).toEqual([question, { jsonrpc: '2.0', id: 1, result: { of: 'test/ask' } }])
    await closing
    const late = raw.ask({ body: { jsonrpc: '2.0', method: 'notifications/x' }, headers })
    if (how === 'mounted') expect((await late).status).toBe(503)
    else await expect(late).rejects.toThrow()
  },
)

test('closes while a client sends its body slowly', async () => {
  const listener = httpServer({ port: 0, closeTimeoutMs: 100 })
  listener.onconnection = (connection) => void connection.start()
  await listener.start()
  const port = Number(new URL(listener.url).port)
  const slow = connect(port, '127.0.0.1')
  const closed = new Promise((resolve) => slow.once('close', resolve))
  slow.on('error', () => {})
  slow.resume()
  const headers = { host: 'localhost', 'content-type': 'application/json', 'content-length': '1000' }
  slow.write(`POST /mcp HTTP/1.1\r\n${lines(headers)}\r\n{`)
  await new Promise<void>((resolve) => slow.once('connect', resolve))
  await listener.close()
  await closed
})

test.each(['plain', 'TLS'])('closes without waiting for connections without a request: %s', async (wire) => {
  const isTls = wire === 'TLS'
  const clock = createFakeClock()
  const server = await served({ clock, ...(isTls && { tls: credentials.server }) })
  const spare = isTls
    ? connectTls({ port: server.port, host: 'localhost', ca: credentials.ca })
    : connect(server.port)
  const closed = new Promise((resolve) => spare.once('close', resolve))
  spare.on('error', () => {}).resume()
  await once(spare, isTls ? 'secureConnect' : 'connect')
  await server.listener.close()
  await closed
  expect(clock.pending).toBe(0)
})

test('leaves no deadline behind if sockets close before the sessions', async () => {
  const clock = createFakeClock()
  const server = await served({ clock, onDisconnect: 'continue' }, () => undefined)
  const headers = await server.session()
  const request = { jsonrpc: '2.0', id: 1, method: 'test/slow' }
  server.ask({ body: request, headers }).catch(() => {})
  await vi.waitFor(() => expect(server.messages).toHaveLength(3))
  server.leaveAll()
  const closing = server.listener.close({ drainMs: 60_000 })
  await turns(20)
  await clock.advance(60_000)
  await closing
  expect(clock.pending).toBe(0)
})
