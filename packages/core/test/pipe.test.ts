import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { encodedOf, setEncoded } from '../src/authoring.js'
import {
  type JsonRpcMessage,
  type MessageParams,
  memoryPair,
  type PipeOptions,
  peer,
  pipe,
  type Transport,
  TransportError,
  type TransportLike,
} from '../src/index.js'
import { fakeClock, settled } from './support/fake-clock.js'
import { numbered, request } from './support/messages.js'
import { type ScriptedTransport, scriptedTransport } from './support/scripted-transport.js'

const info = { name: 'test', version: '1.0.0' }
const modern = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }

function notification(method: string, params: MessageParams): JsonRpcMessage {
  return { jsonrpc: '2.0', method, params }
}
const cancelled = (requestId: string | number): JsonRpcMessage =>
  notification('notifications/cancelled', { requestId })
const response = (id: string | number, result = {}): JsonRpcMessage => ({ jsonrpc: '2.0', id, result })

const overload = new TransportError('OVERLOADED', 'full', { queuedBytes: 9, maxQueuedBytes: 8 })

interface Piped {
  /** What a client and a server use, and the ends of the pipe between them. */
  client: Transport
  server: Transport
  a: Transport
  b: Transport
  piped: ReturnType<typeof pipe>
}

function pipedPairs(options?: PipeOptions): Piped {
  const [client, a] = memoryPair()
  const [b, server] = memoryPair()
  return { client, server, a, b, piped: pipe(a, b, options) }
}

async function scriptedPipe(
  options?: PipeOptions,
): Promise<{ a: ScriptedTransport; b: ScriptedTransport; piped: ReturnType<typeof pipe> }> {
  const [a, b] = [scriptedTransport(), scriptedTransport()]
  const piped = pipe(a, b, options)
  await settled()
  return { a, b, piped }
}

function sentOn(transport: ScriptedTransport): JsonRpcMessage[] {
  return transport.sent.map(({ message }) => message)
}

describe('pipe: messages', () => {
  it('keeps 10 000 messages in order in both directions', async () => {
    const { client, server } = pipedPairs({ maxPendingSends: 4 })
    const [up, down] = [[] as unknown[], [] as unknown[]]
    server.onmessage = (message) => up.push('params' in message && message.params?.['n'])
    client.onmessage = (message) => down.push('params' in message && message.params?.['n'])
    await Promise.all([client.start(), server.start()])
    const numbers = Array.from({ length: 10_000 }, (_, n) => n)
    await Promise.all(numbers.flatMap((n) => [client.send(numbered(n)), server.send(numbered(n))]))
    await vi.waitFor(() => expect([up.length, down.length]).toEqual([10_000, 10_000]))
    expect(up).toEqual(numbers)
    expect(down).toEqual(numbers)
    await client.close()
  })

  it('keeps ids, also equal ones in both directions [GEN-05]', async () => {
    const echo = { requests: { echo: (params?: MessageParams) => ({ ...params }) } }
    const { client, server } = pipedPairs()
    const [near, far] = [peer(client, echo), peer(server, echo)]
    await Promise.all([near.start(), far.start()])
    const answers = await Promise.all([near.request('echo', { up: 1 }), far.request('echo', { down: 1 })])
    expect(answers).toEqual([{ up: 1 }, { down: 1 }])
    await near.close()
  })

  it('forwards the same objects, with their bytes', async () => {
    const { a, b } = await scriptedPipe()
    const message = request('')
    setEncoded(message, new Uint8Array([1]))
    a.onmessage?.(message)
    expect(encodedOf(b.sent[0]?.message as object)).toEqual(new Uint8Array([1]))
  })

  it('holds messages until the other end is open', async () => {
    const [a, b] = [scriptedTransport(), scriptedTransport()]
    let open!: () => void
    a.start = () =>
      new Promise((resolve) => {
        open = resolve
      })
    pipe(a, b)
    await settled()
    for (const n of [1, 2]) b.onmessage?.(numbered(n))
    expect(sentOn(a)).toEqual([])
    open()
    await settled()
    expect(sentOn(a)).toEqual([numbered(1), numbered(2)])
  })

  it('sets relatedRequestId of responses, progress and subscription messages', async () => {
    const { a, b } = await scriptedPipe()
    a.onmessage?.({ jsonrpc: '2.0', id: 7, method: 'work', params: { _meta: { progressToken: 'p' } } })
    a.onmessage?.({ jsonrpc: '2.0', id: 8, method: 'subscriptions/listen', params: modern })
    const change = { _meta: { 'io.modelcontextprotocol/subscriptionId': 8 } }
    b.onmessage?.(notification('notifications/progress', { progressToken: 'p', progress: 1 }))
    b.onmessage?.(notification('notifications/tools/list_changed', change))
    b.onmessage?.(notification('notifications/tools/list_changed', {}))
    b.onmessage?.(response(7))
    b.onmessage?.(notification('notifications/progress', { progressToken: 'p', progress: 2 }))
    b.onmessage?.(cancelled(8))
    b.onmessage?.(notification('notifications/tools/list_changed', change))
    expect(a.sent.map(({ options }) => options?.relatedRequestId)).toEqual([
      7,
      8,
      undefined,
      7,
      undefined,
      8,
      undefined,
    ])
  })

  it('sets the negotiated version on both transports', async () => {
    const { a, b } = await scriptedPipe()
    a.setProtocolVersion = vi.fn()
    b.setProtocolVersion = vi.fn()
    a.onmessage?.(request(0, 'initialize'))
    b.onmessage?.(response(0, { protocolVersion: '2025-06-18' }))
    expect(a.setProtocolVersion).toHaveBeenCalledWith('2025-06-18')
    expect(b.setProtocolVersion).toHaveBeenCalledWith('2025-06-18')
  })
})

describe('pipe: cancellation', () => {
  it('is forwarded where requests have no stream of their own', async () => {
    const { a, b } = await scriptedPipe()
    b.hasPerRequestStream = true
    a.onmessage?.(request(1))
    a.onmessage?.(cancelled(1))
    expect(sentOn(b)).toEqual([request(1), cancelled(1)])
  })

  it('aborts the stream of a request that has one and drops the late response', async () => {
    const { a, b } = await scriptedPipe()
    b.hasPerRequestStream = true
    for (const id of [1, '1']) a.onmessage?.({ jsonrpc: '2.0', id, method: 'slow', params: modern })
    a.onmessage?.(cancelled(1))
    b.onmessage?.(response(1))
    expect(b.sent.map(({ options }) => options?.requestSignal?.aborted)).toEqual([true, false])
    expect(sentOn(a)).toEqual([])
    b.onmessage?.(response('1'))
    expect(sentOn(a)).toEqual([response('1')])
  })

  it('causes no response when the cancelled request cannot be sent', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError })
    b.hasPerRequestStream = true
    let fail!: (error: Error) => void
    b.answer = () =>
      new Promise((_, reject) => {
        fail = reject
      })
    a.onmessage?.({ jsonrpc: '2.0', id: 1, method: 'slow', params: modern })
    a.onmessage?.(cancelled(1))
    fail(new Error('aborted'))
    await settled()
    expect(sentOn(a)).toEqual([])
    expect(onError).not.toHaveBeenCalled()
  })
})

describe('pipe: ends', () => {
  it('starts b before a', async () => {
    const [a, b] = [scriptedTransport(), scriptedTransport()]
    const started: string[] = []
    a.start = async () => void started.push('a')
    b.start = async () => {
      await settled()
      started.push('b')
    }
    pipe(a, b)
    await vi.waitFor(() => expect(started).toEqual(['b', 'a']))
  })

  it('does not start a after b has ended or the pipe was closed', async () => {
    for (const stop of ['end', 'close'] as const) {
      const clock = fakeClock()
      const [a, b] = [scriptedTransport(), scriptedTransport()]
      const started = vi.spyOn(a, 'start')
      let open!: () => void
      b.start = () =>
        new Promise((resolve) => {
          open = resolve
        })
      const piped = pipe(a, b, { clock })
      if (stop === 'end') a.onclose?.()
      else void piped.close()
      open()
      // On the fake clock no time passes, so that nothing waits for a deadline.
      await piped.closed
      expect(started).not.toHaveBeenCalled()
    }
  })

  it('closes the other end with the reason when one cannot be started', async () => {
    const failure = new Error('refused')
    for (const failing of ['a', 'b'] as const) {
      const [, whole] = memoryPair()
      const broken = Object.assign(scriptedTransport(), { start: () => Promise.reject(failure) })
      const piped = failing === 'a' ? pipe(broken, whole) : pipe(whole, broken)
      expect(await piped.closed).toBe(failure)
      expect(await whole.closed).toBe(failure)
    }
  })

  it('closes when a foreign transport closes during start()', async () => {
    const [, a] = memoryPair()
    const b = scriptedTransport()
    b.start = async () => b.onclose?.()
    expect(await pipe(a, b).closed).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(a.state).toBe('closed')
  })

  it('delivers messages sent before an orderly end, then closes the other end', async () => {
    const { client, server, a, b, piped } = pipedPairs()
    const heard: JsonRpcMessage[] = []
    client.onmessage = (message) => heard.push(message)
    await Promise.all([client.start(), server.start()])
    for (const n of [1, 2, 3]) await server.send(numbered(n))
    await server.close()
    expect(await client.closed).toBeUndefined()
    expect(heard).toEqual([1, 2, 3].map(numbered))
    expect(await piped.closed).toBeUndefined()
    expect([a.state, b.state]).toEqual(['closed', 'closed'])
  })

  it('responds to pending requests when an end fails, then closes with its reason', async () => {
    const { client, server, b, piped } = pipedPairs()
    const near = peer(client)
    await Promise.all([near.start(), server.start()])
    const requests = [near.request('slow'), near.request('slow')]
    await settled()
    const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    const reason = new TransportError('PEER_LOST', 'lost secret:1', { address: 'secret:1' }, { cause })
    await b.close({ reason })
    for (const each of requests) {
      await expect(each).rejects.toMatchObject({
        code: -31_002,
        message: 'upstream lost',
        data: { code: 'PEER_LOST', cause: 'ECONNRESET' },
      })
    }
    expect(await piped.closed).toBe(reason)
    expect(client.state).toBe('closed')
  })

  it('responds to pending requests of the server when the client closes', async () => {
    const { a, b, piped } = await scriptedPipe()
    b.onmessage?.(request('s', 'sampling/createMessage'))
    a.onclose?.()
    expect(await piped.closed).toBeUndefined()
    expect(b.sent.at(-1)?.message).toMatchObject({
      id: 's',
      error: { code: -31_002, data: { code: 'CLOSED' } },
    })
  })

  it('waits at most drainTimeoutMs for an end that accepts nothing', async () => {
    const clock = fakeClock()
    const { a, b, piped } = await scriptedPipe({ clock, drainTimeoutMs: 100 })
    const closed = vi.fn()
    void piped.closed.then(closed)
    a.answer = () => new Promise(() => {})
    b.onmessage?.(numbered(1))
    b.onclose?.()
    await clock.advance(99)
    expect(closed).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(closed).toHaveBeenCalledTimes(1)
    expect(clock.pending).toBe(0)
  })

  it('counts missing responses and messages of the client', async () => {
    const clock = fakeClock()
    const { a, b, piped } = await scriptedPipe({ clock, drainTimeoutMs: 100 })
    a.answer = () => new Promise(() => {})
    for (const id of [1, 2, 3]) a.onmessage?.(request(id, 'tools/call'))
    a.onmessage?.(request('l', 'subscriptions/listen'))
    a.onmessage?.(cancelled(3))
    b.onmessage?.(response(1))
    b.onmessage?.(numbered(1))
    a.onclose?.()
    await clock.advance(100)
    expect(await piped.closed).toBeUndefined()
    expect(piped.missing).toEqual({ responses: 1, messages: 2 })
  })

  it('counts pending requests of a closed server', async () => {
    const { a, b, piped } = await scriptedPipe()
    a.onmessage?.(request(1, 'tools/call'))
    a.onmessage?.(request(2, 'tools/call'))
    b.onmessage?.(response(2))
    b.onclose?.()
    await piped.closed
    expect(a.sent.at(-1)?.message).toMatchObject({ id: 1, error: { code: -31_002 } })
    expect(piped.missing).toEqual({ responses: 1, messages: 0 })
  })

  it('counts pending messages after close() and after a failed start', async () => {
    const { a, piped } = await scriptedPipe()
    a.onmessage?.(request(1, 'tools/call'))
    a.onmessage?.(numbered(1))
    await piped.close()
    expect(piped.missing).toEqual({ responses: 1, messages: 0 })

    const [client, near] = memoryPair()
    const failing = scriptedTransport()
    failing.start = () => Promise.reject(new Error('no'))
    const failed = pipe(near, failing)
    await failed.closed
    expect(failed.missing).toEqual({ responses: 0, messages: 0 })
    await client.close()
  })

  it('closes both ends, started or not, and is idempotent', async () => {
    const { client, server, a, b, piped } = pipedPairs()
    const reason = new Error('enough')
    await Promise.all([piped.close({ reason }), piped.close()])
    expect(await Promise.all([piped.closed, a.closed, b.closed])).toEqual([reason, reason, reason])
    await Promise.all([client.close(), server.close()])
  })

  it('rejects transports that were started before', async () => {
    const [a, b] = memoryPair()
    await a.start()
    const started = expect.objectContaining({ code: 'INVALID_OPTION' })
    expect(() => pipe(a, b)).toThrow(started)
    expect(() => pipe(b, a)).toThrow(started)
    await a.close()
  })
})

describe('pipe: overload', () => {
  it('pauses and resumes one end by the pending sends of the other', async () => {
    const { a, b } = await scriptedPipe({ maxPendingSends: 4 })
    const takes: (() => void)[] = []
    b.answer = () => new Promise((resolve) => takes.push(resolve))
    for (let n = 0; n < 4; n++) a.onmessage?.(numbered(n))
    expect(a.flowed).toEqual([])
    a.onmessage?.(numbered(4))
    a.onmessage?.(numbered(5))
    expect(a.flowed).toEqual(['pause'])
    for (const take of takes.splice(0, 3)) take()
    await settled()
    expect(a.flowed).toEqual(['pause'])
    takes.shift()?.()
    await settled()
    expect(a.flowed).toEqual(['pause', 'resume'])
  })

  it('limits the messages between a fast client and a server that does not read', async () => {
    const { client, server, a, b } = pipedPairs({ maxPendingSends: 8 })
    await Promise.all([client.start(), server.start()])
    await vi.waitFor(() => expect([a.state, b.state]).toEqual(['open', 'open']))
    server.flow?.pause()
    const heard = vi.fn()
    server.onmessage = heard
    const passed = vi.spyOn(b, 'send')
    const filler = 'x'.repeat(16_384)
    const sends = Array.from({ length: 500 }, (_, n) => client.send(notification('fill', { n, filler })))
    await settled()
    // 64 KiB until sends stay pending, the window, and what one turn of the memory pair had decoded.
    expect(passed.mock.calls.length).toBeLessThan(50)
    server.flow?.resume()
    await Promise.all(sends)
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(500))
    await client.close()
  })

  it('keeps messages for a full end in order without loss', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError })
    let room = 2
    const taken: JsonRpcMessage[] = []
    const drains: (() => void)[] = []
    b.send = (message) => {
      if (room === 0) return Promise.reject(overload)
      room--
      taken.push(message)
      return new Promise((resolve) => drains.push(resolve))
    }
    const sent = [0, 1, 2, 3, 4, 5, 6].map((n) => (n % 3 === 0 ? numbered(n) : request(n)))
    for (const message of sent.slice(0, 5)) a.onmessage?.(message)
    await settled()
    expect(a.flowed).toEqual(['pause'])
    for (const message of sent.slice(5)) a.onmessage?.(message)
    for (let count = 0; count < sent.length; count++) {
      room++
      drains.shift()?.()
      await settled()
    }
    expect(taken).toEqual(sent)
    expect([a.flowed, a.sent, onError.mock.calls]).toEqual([['pause', 'resume'], [], []])
  })

  it('holds at most maxPendingSends messages of an end without flow', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError, maxPendingSends: 3 })
    a.flow = undefined as never
    let isFull = false
    b.answer = () => (isFull ? Promise.reject(overload) : new Promise(() => {}))
    a.onmessage?.(numbered(0))
    isFull = true
    for (let n = 1; n <= 6; n++) {
      a.onmessage?.(numbered(n))
      await settled()
    }
    expect(onError).toHaveBeenCalledTimes(3)
  })

  it('responds with an error when a result finds a full end', async () => {
    const { a, b } = await scriptedPipe()
    a.onmessage?.(request(1))
    a.answer = () => {
      a.answer = () => Promise.resolve()
      return Promise.reject(overload)
    }
    b.onmessage?.(response(1))
    await settled()
    expect(a.sent.at(-1)?.message).toMatchObject({
      id: 1,
      error: { data: { code: 'SEND_FAILED', cause: 'OVERLOADED' } },
    })
  })

  it('responds to requests that cannot be sent and reports other messages', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError })
    b.answer = () => Promise.reject(overload)
    a.onmessage?.(request(1))
    a.onmessage?.(numbered(1))
    await settled()
    expect(sentOn(a)).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        error: { code: -31_003, message: 'overloaded', data: { code: 'OVERLOADED' } },
      },
    ])
    expect(a.sent[0]?.options).toEqual({ relatedRequestId: 1 })
    expect(onError.mock.calls).toEqual([[overload, 'b']])
  })

  it('responds with an error when a result is too large for the other end', async () => {
    const onError = vi.fn()
    const { a, b } = await scriptedPipe({ onError })
    const tooLarge = new TransportError('MESSAGE_TOO_LARGE', 'long', { bytes: 9, maxMessageBytes: 8 })
    a.onmessage?.(request(1))
    a.answer = () => {
      a.answer = () => Promise.resolve()
      throw tooLarge
    }
    b.onmessage?.(response(1))
    await settled()
    expect(a.sent.at(-1)?.message).toMatchObject({ id: 1, error: { data: { code: 'MESSAGE_TOO_LARGE' } } })
    expect(onError.mock.calls).toEqual([[tooLarge, 'a']])
  })

  it('passes the side of an error and ignores an onError that throws', async () => {
    const sides: string[] = []
    const { a, b } = await scriptedPipe({
      onError: (error, side) => {
        sides.push(`${side}: ${error.message}`)
        throw error
      },
    })
    a.onerror?.(new Error('one'))
    b.onerror?.(new Error('two'))
    expect(sides).toEqual(['a: one', 'b: two'])
  })
})

interface Served {
  close(): Promise<void>
}

const servers: [string, (transport: Transport) => Promise<Served>][] = [
  [
    'v1',
    async (transport) => {
      const server = new ServerV1(info)
      server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => ({
        content: [{ type: 'text', text }],
      }))
      await server.connect(transport)
      return server
    },
  ],
  ['v2', async (transport) => serveStdio(serverV2, { transport })],
]

function serverV2(): ServerV2 {
  const server = new ServerV2(info)
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }))
  return server
}

const clients: [
  string,
  () => { connect(transport: TransportLike): Promise<void>; call: () => Promise<unknown> },
][] = [
  [
    'v1',
    () => {
      const client = new ClientV1(info)
      const connect = (transport: TransportLike): Promise<void> => client.connect(transport)
      return { connect, call: () => client.callTool({ name: 'echo', arguments: { text: 'hello' } }) }
    },
  ],
  [
    'v2',
    () => {
      const client = new ClientV2(info, { versionNegotiation: { mode: 'auto' } })
      const connect = (transport: TransportLike): Promise<void> => client.connect(transport)
      return { connect, call: () => client.callTool({ name: 'echo', arguments: { text: 'hello' } }) }
    },
  ],
]

describe.each(servers)('pipe: between SDKs, server %s', (_, serve) => {
  it.each(clients)('client %s', async (_client, newClient) => {
    const { client: near, server: far, piped } = pipedPairs()
    const served = await serve(far)
    const client = newClient()
    await client.connect(near)
    expect(await client.call()).toMatchObject({ content: [{ type: 'text', text: 'hello' }] })
    await near.close()
    expect(await piped.closed).toBeUndefined()
    await served.close()
  })
})
