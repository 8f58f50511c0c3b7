import { createFakeClock, turns } from '@mcpwire/compliance'
import {
  type Clock,
  createByteBudget,
  isRequest,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type RefusedCaller,
  systemClock,
  type Transport,
} from '@mcpwire/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type HttpHandlerOptions, httpHandler } from '../src/index.js'
import { MODERN, modern } from './support/modern.js'
import { byName } from './support/modern-server.js'
import { echo } from './support/served.js'

/** A listener whose application answers nothing by itself. */
interface Held {
  /** The connection to the application. */
  readonly connection: () => Transport
  /** The requests and notifications that the application received. */
  readonly messages: JsonRpcMessage[]
  /** The names in the requests that the application received, in their order. */
  readonly names: () => unknown[]
  readonly refused: RefusedCaller[]
  post(message: object, from?: From): Posted
  /** Answers the request with this name. */
  answer(name: string): Promise<void>
}

interface From {
  readonly address?: string
  readonly port?: number
  readonly token?: string
  readonly accept?: string
}

interface Posted {
  readonly response: Promise<Response>
  leave(): void
}

/** Work takes no time: otherwise a slow machine spreads the messages of one caller over turns that take longer. */
const clock: Clock = { ...systemClock, now: () => 0 }

async function held(options: HttpHandlerOptions = {}): Promise<Held> {
  const listener = httpHandler({ gate: byName, clock, ...options })
  const connections: Transport[] = []
  const messages: JsonRpcMessage[] = []
  const refused: RefusedCaller[] = []
  listener.onrefused = (caller) => refused.push(caller)
  listener.onconnection = (connection) => {
    connections.push(connection)
    connection.onmessage = (message) => messages.push(message)
    void connection.start()
  }
  await listener.start()
  onTestFinished(() => listener.close())
  const connection = (): Transport => connections.at(-1) as Transport
  return {
    connection,
    messages,
    refused,
    names: () => messages.filter(isRequest).map(({ params }) => params?.['name']),
    post(
      message,
      { address = '192.0.2.1', port, token, accept = 'application/json, text/event-stream' } = {},
    ) {
      const leave = new AbortController()
      const { method, params } = message as JsonRpcRequest
      const request = new Request('http://localhost/mcp', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept,
          'mcp-protocol-version': MODERN,
          'mcp-method': method,
          ...(typeof params?.['name'] === 'string' && { 'mcp-name': params['name'] }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(message),
        signal: leave.signal,
      })
      const response = listener.fetch(request, { remoteAddress: address, remotePort: port })
      response.catch(() => {})
      return { response, leave: () => leave.abort() }
    },
    async answer(name) {
      const request = messages.find((each) => isRequest(each) && each.params?.['name'] === name)
      await connection().send(echo(request as JsonRpcRequest))
    },
  }
}

/** A call of the tool with this name. */
function named(name: string, more: object = {}): JsonRpcRequest {
  return modern('tools/call', { name, arguments: {}, ...more }, name)
}

async function call(server: Held, name: string, from?: From): Promise<Posted> {
  const posted = server.post(named(name), from)
  await turns(20)
  return posted
}

async function callAll(server: Held, names: readonly string[], from?: From): Promise<Posted[]> {
  const posted = names.map((name) => server.post(named(name), from))
  await turns(20)
  return posted
}

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${name}${at + 1}`)
const A = { address: '192.0.2.1' }
const B = { address: '192.0.2.2' }
const listen = modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, 'listen')

describe('callers of a shared connection', () => {
  test('have at most maxInFlightPerCaller requests in flight each, and the rest waits', async () => {
    const server = await held({ maxInFlightPerCaller: 2 })
    await callAll(server, numbered('a', 4), A)
    expect(server.names()).toEqual(['a1', 'a2'])
    const b = await call(server, 'b1', B)
    expect(server.names()).toEqual(['a1', 'a2', 'b1'])
    await server.answer('b1')
    expect((await b.response).status).toBe(200)
    await server.answer('a2')
    await vi.waitFor(() => expect(server.names()).toEqual(['a1', 'a2', 'b1', 'a3']))
  })

  test('take turns after a pause, whatever each has sent before', async () => {
    const server = await held()
    await call(server, 'first')
    server.connection().flow?.pause()
    await callAll(server, numbered('a', 50), A)
    await callAll(server, numbered('b', 2), B)
    await callAll(server, numbered('c', 1), { address: '192.0.2.3' })
    expect(server.names()).toEqual(['first'])
    server.connection().flow?.resume()
    await turns(5)
    expect(server.names().slice(1, 8)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4'])
    expect(server.names()).toHaveLength(54)
  })

  test('do not wait for a flood of one of them that has left', async () => {
    const server = await held({ maxInFlightPerCaller: 3 })
    const flood = await callAll(server, numbered('a', 200), A)
    for (const each of flood) each.leave()
    await vi.waitFor(() =>
      expect(
        server.messages.filter((each) => 'method' in each && each.method.endsWith('cancelled')),
      ).toHaveLength(3),
    )
    expect(server.names()).toEqual(['a1', 'a2', 'a3'])
    await call(server, 'a-again', A)
    await vi.waitFor(() => expect(server.names().slice(3)).toEqual(['a-again']))
  })

  test('have an early turn on a quiet connection, whatever waits on others of their address', async () => {
    const server = await held({ maxInFlightPerCaller: 4 })
    for (let port = 1; port <= 20; port++) await callAll(server, numbered(`p${port}-`, 16), { ...A, port })
    const answered = async (count: number): Promise<void> => {
      for (const name of server.names().slice(-count)) await server.answer(String(name))
      await turns(5)
    }
    // Each of the others has had a turn.
    for (let n = 0; n < 12; n++) await answered(4)
    await call(server, 'quiet', { ...A, port: 99 })
    await answered(2)
    expect(server.names().slice(-2)).toContain('quiet')
  })

  test('are one caller if the gate names one principal, from any address', async () => {
    const server = await held({ maxInFlightPerCaller: 1 })
    await call(server, 'one', { ...A, token: 'ann' })
    await call(server, 'two', { ...B, token: 'ann' })
    expect(server.names()).toEqual(['one'])
    await call(server, 'three', { ...A, token: 'bob' })
    expect(server.names()).toEqual(['one', 'three'])
  })

  test('are not limited in subscriptions, which end no other turn', async () => {
    const server = await held({ maxInFlightPerCaller: 1 })
    for (let n = 0; n < 3; n++) server.post({ ...listen, id: n }, A)
    await turns(20)
    expect(server.names()).toHaveLength(3)
    await callAll(server, ['x', 'y'], A)
    expect(server.names().slice(3)).toEqual(['x'])
    server.post(listen, A)
    await turns(20)
    expect(server.names()).toHaveLength(5)
  })

  test('get the whole request after it has waited', async () => {
    const server = await held()
    await call(server, 'first')
    server.connection().flow?.pause()
    const message = named('späte "Frage" 🙂', { arguments: { deep: [{ a: null, b: [1.5, ''] }] } })
    server.post({ ...message, params: { ...message.params, name: 'late', text: '🙂\u2028"' } })
    await turns(20)
    server.connection().flow?.resume()
    await turns(5)
    expect(server.messages.at(-1)).toMatchObject({
      id: 2,
      params: { name: 'late', text: '🙂\u2028"', arguments: { deep: [{ a: null, b: [1.5, ''] }] } },
    })
  })
})

describe('a full shared connection', () => {
  test('takes a request of another caller in place of one of the caller with the most', async () => {
    const server = await held({ maxInFlight: 6, maxInFlightPerCaller: 2 })
    const flood = await callAll(server, numbered('a', 6), A)
    const b = await call(server, 'b1', B)
    expect(server.names()).toEqual(['a1', 'a2', 'b1'])
    const lost = await (flood[5] as Posted).response
    expect({ status: lost.status, retry: lost.headers.get('retry-after') }).toEqual({
      status: 503,
      retry: '5',
    })
    expect(await lost.json()).toMatchObject({
      id: 'a6',
      error: { code: -31_003, data: { code: 'OVERLOADED', delivery: 'none' } },
    })
    expect(server.refused).toMatchObject([
      { status: 503, option: 'maxInFlight', address: 'http://192.0.2.1' },
    ])
    await server.answer('b1')
    expect((await b.response).status).toBe(200)
  })

  test('refuses the caller with the most', async () => {
    const server = await held({ maxInFlight: 4, maxInFlightPerCaller: 2 })
    await callAll(server, numbered('a', 4), A)
    expect((await (await call(server, 'a5', A)).response).status).toBe(503)
  })
})

describe('a paused application', () => {
  test('gets no request for bodyTimeoutMs, and then callers get 503', async () => {
    const clock = createFakeClock()
    const server = await held({ clock, bodyTimeoutMs: 8_000 })
    await call(server, 'first')
    server.connection().flow?.pause()
    const [json, events] = await Promise.all([
      call(server, 'json', { ...A, accept: 'application/json' }),
      call(server, 'events', B),
    ])
    await clock.advance(7_900)
    expect(server.names()).toEqual(['first'])
    await clock.advance(200)
    for (const { response } of [json, events]) {
      const { status, headers } = await response
      expect({ status, retry: headers.get('retry-after') }).toEqual({ status: 503, retry: '5' })
    }
    expect(server.refused).toMatchObject([{ option: 'bodyTimeoutMs' }, { option: 'bodyTimeoutMs' }])
    server.connection().flow?.resume()
    await call(server, 'next')
    expect(server.names()).toEqual(['first', 'next'])
  })

  test('fails a request whose event stream has begun with the error in the stream', async () => {
    const clock = createFakeClock()
    const server = await held({ clock, bodyTimeoutMs: 30_000, keepAliveIntervalMs: 5_000 })
    await call(server, 'first')
    server.connection().flow?.pause()
    const { response } = await call(server, 'late')
    await clock.advance(6_000)
    const { status, body } = await response
    expect(status).toBe(200)
    await clock.advance(30_000)
    expect(await new Response(body).text()).toMatch(/"id":"late".*-31003/)
  })

  test('gets requests again after each short pause', async () => {
    const clock = createFakeClock()
    const server = await held({ clock, bodyTimeoutMs: 8_000 })
    await call(server, 'first')
    for (const name of ['one', 'two', 'three']) {
      server.connection().flow?.pause()
      await call(server, name)
      await clock.advance(5_000)
      server.connection().flow?.resume()
      await turns(5)
    }
    expect(server.names()).toEqual(['first', 'one', 'two', 'three'])
    expect(server.refused).toEqual([])
  })

  test('gets no notification, and its sender gets 503', async () => {
    const server = await held()
    await call(server, 'first')
    server.connection().flow?.pause()
    const notification = { ...modern('notifications/changed'), id: undefined }
    expect((await server.post(notification).response).status).toBe(503)
    server.connection().flow?.resume()
    expect((await server.post(notification).response).status).toBe(202)
    await turns(5)
    expect(server.messages).toMatchObject([{ method: 'tools/call' }, { method: 'notifications/changed' }])
  })

  test('never gets a request whose client has left', async () => {
    const server = await held()
    await call(server, 'first')
    server.connection().flow?.pause()
    const gone = await call(server, 'gone')
    gone.leave()
    await turns(20)
    server.connection().flow?.resume()
    await call(server, 'next')
    expect(server.messages).toMatchObject([{ params: { name: 'first' } }, { params: { name: 'next' } }])
  })

  test('answers waiting requests as not sent when it ends', async () => {
    const server = await held()
    const sent = await call(server, 'first')
    const { flow, close } = server.connection()
    flow?.pause()
    const waiting = await call(server, 'waiting')
    await close.call(server.connection())
    expect(await (await waiting.response).json()).toMatchObject({
      id: 'waiting',
      error: { code: -31_002, data: { delivery: 'none' } },
    })
    expect(await (await sent.response).json()).toMatchObject({ error: { code: -31_006 } })
  })
})

describe('the bytes of waiting requests', () => {
  const body = (name: string, bytes: number): JsonRpcRequest => named(name, { text: 'x'.repeat(bytes) })

  test('are counted in maxTotalBytes: the largest is refused, and the others go on', async () => {
    const server = await held({ maxTotalBytes: 100_000 })
    await call(server, 'first')
    server.connection().flow?.pause()
    const large = server.post(body('large', 80_000), A)
    await turns(20)
    const small = server.post(body('small', 30_000), B)
    const { status, headers } = await large.response
    expect({ status, retry: headers.get('retry-after') }).toEqual({ status: 503, retry: '5' })
    expect(server.refused).toMatchObject([
      { status: 503, option: 'maxTotalBytes', address: 'http://192.0.2.1' },
    ])
    server.connection().flow?.resume()
    await turns(5)
    expect(server.names()).toEqual(['first', 'small'])
    await server.answer('small')
    expect((await small.response).status).toBe(200)
  })

  test('are released when they are sent, refused or dropped, and when the connection ends', async () => {
    const clock = createFakeClock()
    const budget = createByteBudget()
    const server = await held({ clock, maxTotalBytes: budget, bodyTimeoutMs: 8_000 })
    await call(server, 'first')
    const { flow } = server.connection()
    const wait = async (name: string): Promise<Posted> => {
      flow?.pause()
      const posted = server.post(body(name, 10_000))
      await turns(20)
      expect(budget.heldBytes).toBeGreaterThan(10_000)
      return posted
    }
    await wait('sent')
    flow?.resume()
    expect(budget.heldBytes).toBe(0)
    const dropped = await wait('dropped')
    dropped.leave()
    await turns(20)
    expect(budget.heldBytes).toBe(0)
    await wait('refused')
    await clock.advance(8_000)
    expect(budget.heldBytes).toBe(0)
    await wait('last')
    await server.connection().close()
    expect(budget.heldBytes).toBe(0)
  })
})
