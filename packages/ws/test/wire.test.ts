import { randomBytes } from 'node:crypto'
import { Socket } from 'node:net'
import { tcpProxy } from '@mcpwire/compliance'
import { type JsonRpcMessage, type Transport, TransportError } from '@mcpwire/core'
import { afterEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import { closeCodes, codeFor, errorFor, pageCode } from '../src/close-codes.js'
import { CloseFrame, wsClient } from '../src/index.js'
import { CLOSE, closeFrame, frame } from './support/frames.js'
import { plainServer } from './support/ports.js'
import { eventually, serving } from './support/serving.js'

const note = (n: number, fill = ''): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/x',
  params: { n, fill },
})

afterEach(() => vi.restoreAllMocks())

/** Watches what a socket hands to the system: nothing public tells how often it does. */
function spyOn(method: '_write' | '_writev'): MockInstance {
  return vi.spyOn(Socket.prototype as unknown as Record<typeof method, () => void>, method)
}

describe('the frames of one turn', () => {
  test.each(['client', 'server'] as const)('leave a %s in one write', async (who) => {
    await using server = await serving()
    const client = wsClient({ url: server.listener.url })
    const heard: JsonRpcMessage[] = []
    client.onmessage = (message) => heard.push(message)
    await client.start()
    const from = who === 'client' ? client : (server.connections[0] as Transport)
    const to = who === 'client' ? server.messages : heard
    const writes = spyOn('_write')
    const gathered = spyOn('_writev')
    const sends = Array.from({ length: 20 }, (_, n) => from.send(note(n)))
    await Promise.all(sends)
    await eventually(() => to.length === 20, 'all arrived')
    expect(writes.mock.calls.length + gathered.mock.calls.length).toBe(1)
    await client.close()
  })

  test('leave in writes of some 4 KiB where there is more', async () => {
    await using server = await serving()
    const client = wsClient({ url: server.listener.url })
    await client.start()
    const writes = spyOn('_write')
    const gathered = spyOn('_writev')
    await Promise.all(Array.from({ length: 64 }, (_, n) => client.send(note(n, 'x'.repeat(200)))))
    const count = writes.mock.calls.length + gathered.mock.calls.length
    expect(count).toBeGreaterThanOrEqual(2)
    expect(count).toBeLessThanOrEqual(6)
    await client.close()
  })
})

describe('permessage-deflate', () => {
  test.each([
    [false, {}, undefined],
    [false, undefined, {}],
    [true, {}, {}],
    [true, { contextTakeover: true }, { contextTakeover: true }],
  ])('is used: %s, where the ends ask for %o and %o', async (isUsed, near, far) => {
    await using server = await serving({ deflate: far })
    const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' } })
    const client = wsClient({ url: `ws://127.0.0.1:${proxy.port}/mcp`, deflate: near })
    await client.start()
    const written = vi.spyOn(Socket.prototype, 'write')
    await client.send(note(1, 'x'.repeat(100_000)))
    await eventually(() => server.messages.length === 1, 'it arrived')
    const most = Math.max(...written.mock.calls.map(([chunk]) => (chunk as Uint8Array | string).length))
    expect(most < 10_000).toBe(isUsed)
    await client.close()
    await proxy.close()
  })

  test('leaves messages below the threshold as they are', async () => {
    await using server = await serving({ deflate: { thresholdBytes: 1_000, contextTakeover: true } })
    const client = await server.upgraded({ headers: { 'sec-websocket-extensions': 'permessage-deflate' } })
    const short = note(1, 'x'.repeat(500))
    await server.connections[0]?.send(short)
    await server.connections[0]?.send(note(2, 'x'.repeat(2_000)))
    await eventually(() => client.frames.length === 2, 'both came')
    const [plain, compressed] = client.frames
    expect(plain?.payload.toString()).toBe(JSON.stringify(short))
    expect(compressed?.payload.length).toBeLessThan(200)
  })

  test('holds no more than maxQueuedBytes for a peer that reads nothing, and settles every send', async () => {
    await using server = await serving({ deflate: { thresholdBytes: 64 } })
    const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' } })
    const client = wsClient({
      url: `ws://127.0.0.1:${proxy.port}/mcp`,
      deflate: { thresholdBytes: 64 },
      maxQueuedBytes: 131_072,
      closeTimeoutMs: 100,
    })
    await client.start()
    proxy.stall('far')
    const outcomes: string[] = []
    let count = 0
    const pending = (): number => count - outcomes.length
    // Compressing takes time of its own: it is the peer that holds things up once nothing moves any more.
    let taken = 0
    for (let stuck = 0; stuck < 4; ) {
      for (let burst = 0; burst < 12; burst++) {
        count++
        client.send(note(count, randomBytes(8_000).toString('base64'))).then(
          () => outcomes.push('taken'),
          (error: { code: string }) => outcomes.push(error.code),
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 25))
      const before = taken
      taken = outcomes.filter((each) => each === 'taken').length
      stuck = pending() > 0 && taken === before ? stuck + 1 : 0
    }
    expect(outcomes).toContain('OVERLOADED')
    await client.close()
    await eventually(() => outcomes.length === count, 'every send settled')
    expect(new Set(outcomes)).toEqual(new Set(['taken', 'OVERLOADED', 'CLOSED']))
    await proxy.close()
  })
})

describe('close codes', () => {
  const server = { address: 'ws://peer' }
  const caller = { ...server, hearsPages: true }

  test.each(closeCodes.filter(({ code }) => code !== 1006))(
    '$code is heard as $heardAs, from pages too where they send it',
    ({ code, sentFor, heardAs }) => {
      const ways = [[code, server] as const, [code, caller] as const]
      if (sentFor.length > 0) ways.push([pageCode(code), caller])
      for (const [given, peer] of ways) {
        const error = errorFor(given, 'because', peer)
        expect((error as TransportError | undefined)?.code).toBe(heardAs)
        if (error) expect(error.cause).toMatchObject({ closeCode: given, closeReason: 'because' })
      }
    },
  )

  test.each([4000, 4001, 4003, 4008, 4321])('%i of a server is its own business', (code) => {
    expect(errorFor(code, '', server)).toMatchObject({ code: 'PEER_LOST' })
  })

  test.each([4000, 4001, 4003, 4006, 4010, 4012, 4321])('%i means nothing that pages of ours say', (code) => {
    expect(errorFor(code, '', caller)).toMatchObject({ code: 'PEER_LOST' })
  })

  test('a peer that closes without a code ends in order', async () => {
    await using server = await serving()
    const client = await server.upgraded()
    client.write(frame('', { opcode: CLOSE }))
    expect(await server.connections[0]?.closed).toBeUndefined()
    expect(server.errors).toEqual([])
  })

  test('what a peer says is shown on one line', () => {
    const error = errorFor(1008, 'a\u001b[2Jb\nc\u202e', server)
    expect(error?.message).toBe('ws://peer closed with 1008: a [2Jb c ')
    expect(String(error?.cause)).not.toContain('\n')
    expect(error?.cause).toMatchObject({ closeReason: 'a\u001b[2Jb\nc\u202e' })
  })

  test('those of errors are heard as the same error, or as what the peer can do about it', () => {
    for (const { code, sentFor, heardAs } of closeCodes) {
      for (const sent of sentFor) expect(codeFor(new TransportError(sent, '', undefined as never))).toBe(code)
      expect([
        'AUTH_REQUIRED',
        'MALFORMED_MESSAGE',
        'MESSAGE_TOO_LARGE',
        'PEER_LOST',
        'REFUSED',
        undefined,
      ]).toContain(heardAs)
    }
    expect([codeFor(undefined), codeFor(new Error('own'))]).toEqual([1000, 1011])
  })

  test("a close frame says why, in at most 123 bytes, and nothing of what is none of the peer's business", async () => {
    await using server = await serving()
    for (const [reason, said] of [
      [
        new TransportError('REFUSED', `not any more ${'語'.repeat(60)}`, { status: 401 }),
        /^not any more 語{36}$/,
      ],
      [new Error('password=hunter2'), /^$/],
      // What an upstream did, as `pipe` passes it on.
      [new TransportError('PEER_LOST', 'lost upstream', { address: 'x' }), /^$/],
      [
        new TransportError('REFUSED', 'tcp://10.0.0.1:7000 refused the connection: no', { status: 403 }),
        /^$/,
      ],
      [new TransportError('MALFORMED_MESSAGE', '10 malformed messages from unix:/a', { preview: '' }), /^$/],
    ] as const) {
      const client = await server.upgraded()
      const connection = server.connections.at(-1)
      void connection?.close({ reason })
      await eventually(() => client.closeFrame !== undefined, 'the close frame came')
      expect(client.closeFrame?.reason).toMatch(said)
      expect(client.closeFrame?.code).toBe(codeFor(reason))
    }
  })

  test('a close frame says what the peer itself did', async () => {
    await using server = await serving()
    const client = await server.upgraded()
    client.write(Buffer.concat(Array(10).fill(frame('{}'))))
    await eventually(() => client.closeFrame !== undefined, 'the close frame came')
    expect(client.closeFrame?.reason).toMatch(/^10 malformed messages in a row from ws:/)
  })

  test('closed carries the code and reason of the server', async () => {
    await using server = await serving()
    const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' } })
    const client = wsClient({ url: `ws://127.0.0.1:${proxy.port}/mcp` })
    await client.start()
    proxy.inject('near', closeFrame(1013, 'full', false))
    const reason = await client.closed
    expect(reason).toMatchObject({ code: 'REFUSED', details: { status: 503 } })
    expect(reason?.cause).toBeInstanceOf(CloseFrame)
    expect(reason?.cause).toMatchObject({ closeCode: 1013, closeReason: 'full' })
    await proxy.close()
  })

  test('a server that closes says 1001, behind the answers it drained', async () => {
    const server = await serving()
    const client = await server.upgraded()
    client.write(frame('{"jsonrpc":"2.0","id":1,"method":"x","params":{}}'))
    await eventually(() => client.texts.length === 1, 'the answer came')
    const closing = server.listener.close({ drainMs: 1_000 })
    await eventually(() => client.closeFrame !== undefined, 'the close frame came')
    expect(client.closeFrame?.code).toBe(1001)
    client.write(closeFrame(1001))
    await closing
    const quiet = await serving()
    const ours = wsClient({ url: quiet.listener.url })
    await ours.start()
    await quiet.listener.close()
    expect(await ours.closed).toBeUndefined()
  })
})

function refusal(message: string): string {
  const body = JSON.stringify({ error: { message } })
  return `HTTP/1.1 403 x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

describe('connecting', () => {
  test.each([
    ['says what is no HTTP', 'SSH-2.0-x\r\n', 'CONNECT_FAILED'],
    [
      'redirects',
      'HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n',
      'CONNECT_FAILED',
    ],
    ['is no WebSocket', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi', 'CONNECT_FAILED'],
    [
      'answers with the wrong key',
      'HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: AA==\r\n\r\n',
      'CONNECT_FAILED',
    ],
    ['refuses without a reason', 'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n', 'REFUSED'],
    [
      'wants another credential',
      'HTTP/1.1 401 x\r\nwww-authenticate: Bearer realm="a"\r\ncontent-length: 0\r\n\r\n',
      'AUTH_REQUIRED',
    ],
    ['refuses in words without end', `HTTP/1.1 503 x\r\n\r\n${'x'.repeat(100_000)}`, 'REFUSED'],
    [
      'refuses in words that would steer a terminal',
      refusal(`\u001b[2J\u001b]0;x\u0007 a\nb ${'x'.repeat(3_000)}`),
      'REFUSED',
    ],
  ])('to a server that %s fails and leaves no socket', async (_, answer, code) => {
    const sockets = new Set<Socket>()
    const server = await plainServer((socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      socket.once('data', () => socket.write(answer))
    })
    const client = wsClient({ url: `ws://127.0.0.1:${server.port}/secret?token=hunter2` })
    const failure = await client.start().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code })
    expect(String(failure)).not.toContain('hunter2')
    expect(String(failure)).not.toMatch(/\p{Cc}/u)
    expect(String(failure).length).toBeLessThan(400)
    await eventually(() => sockets.size === 0, 'the socket is closed')
    await server.close()
  })

  test('gives up after connectTimeoutMs, and when headers are not to be had', async () => {
    const server = await plainServer((socket) => void socket.resume())
    const url = `ws://127.0.0.1:${server.port}/`
    await expect(wsClient({ url, connectTimeoutMs: 50 }).start()).rejects.toMatchObject({
      code: 'CONNECT_TIMEOUT',
    })
    const hangs = wsClient({ url, connectTimeoutMs: 50, headers: () => new Promise(() => {}) })
    await expect(hangs.start()).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' })
    const fails = wsClient({ url, headers: () => Promise.reject(new Error('no token')) })
    await expect(fails.start()).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      details: { slot: 'headers' },
    })
    let failure: unknown
    try {
      wsClient({ url, headers: { 'x-token': 'hunter2\n' } })
    } catch (error) {
      failure = error
    }
    expect(failure).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'headers' } })
    expect(String(failure)).toMatch(/"x-token"/)
    expect(String(failure)).not.toContain('hunter2')
    await server.close()
  })
})
