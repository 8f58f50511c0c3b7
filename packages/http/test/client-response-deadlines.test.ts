// The phases after send(): bodies, streams and their resumption. Each has a limit, with any engine.

import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import { engineKinds } from './support/engine-kinds.js'
import {
  event,
  initializedClient,
  resultFor,
  type Script,
  type ScriptedRequest,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/x' }
const isCall = ({ message }: ScriptedRequest): boolean =>
  message !== undefined && isRequest(message) && message.method === 'tools/call'
const IDLE_MS = 60_000
const HEAD_MS = 40_000

/** How a response to a call begins, before the server is silent. */
const begun: readonly [string, (request: ScriptedRequest) => void][] = [
  [
    'a head of JSON',
    ({ response }) => response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders(),
  ],
  [
    'a part of JSON',
    ({ response }) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc":'),
  ],
  [
    'a part of JSON of an announced length',
    ({ response }) =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' }).write('{"js'),
  ],
  [
    'a head of events',
    ({ response }) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
  ],
  ['a comment', ({ response }) => stream(response, ': hi\n\n')],
  ['a part of an event', ({ response }) => stream(response, 'data: {"jsonrpc"')],
  ['a notification', ({ response }) => stream(response, event(note))],
]

describe.each(engineKinds)('over $name', (engine) => {
  const options = () => ({ ...engine.chosenBy, ...engine.plain() }) as Partial<HttpClientOptions>

  test.each(begun)('a request fails after streamIdleTimeoutMs of silence after %s', async (_what, begin) => {
    const clock = createFakeClock()
    const server = await scriptedServer((request) => {
      if (!isCall(request)) return false
      begin(request)
      return true
    })
    const client = await initializedClient(server, {
      ...options(),
      clock,
      streamIdleTimeoutMs: IDLE_MS,
      standaloneStream: false,
    })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'it is watched')
    await turns(20)
    await clock.advance(IDLE_MS)
    expect(await client.responseTo(1)).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } })
    expect(clock.pending).toBe(0)
    await server.until(() => server.of('POST').at(-1)?.response.destroyed === true, 'it is closed')
  })

  test.each([
    ['a notification', note],
    ['a response', { jsonrpc: '2.0' as const, id: 's1', result: {} }],
    ['a request over HTTP+SSE', call],
  ])('an unused body after the status of %s is closed within seconds', async (what, message) => {
    const clock = createFakeClock()
    const isSse = what.endsWith('HTTP+SSE')
    const server = await scriptedServer(({ method, url, message: posted, response }, of) => {
      if (method === 'DELETE') return false
      if (isSse && method === 'GET') stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (isSse && url !== '/messages') response.writeHead(405).end()
      else if (posted && isRequest(posted) && posted.method === 'initialize') {
        if (!isSse) return false
        response.writeHead(202).end()
        of.of('GET')[0]?.response.write(event(resultFor(posted.id)))
      } else response.writeHead(202, { 'content-type': 'text/plain' }).write('wait')
      return true
    })
    const client = await startedClient(server, { ...options(), clock, standaloneStream: false })
    await client.transport.send({ ...call, id: 0, method: 'initialize' })
    await client.transport.send(message)
    await clock.advance(2_000)
    await server.until(() => server.of('POST').at(-1)?.response.destroyed === true, 'it is closed')
  })

  test('the text of a refusal has a limit, and the status decides', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((request) => {
      if (!isCall(request)) return false
      request.response.writeHead(503, { 'retry-after': '9' }).write('the rea')
      return true
    })
    const client = await initializedClient(server, { ...options(), clock, standaloneStream: false })
    const sending = client.transport.send(call)
    sending.catch(() => {})
    await server.until(() => clock.pending === 1, 'the text is due')
    await clock.advance(10_000)
    await expect(sending).rejects.toMatchObject({ code: 'REFUSED', details: { status: 503 } })
  })

  test('the stream for other messages is requested again where its response never starts', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(({ method, response }) => {
      if (method !== 'GET') return false
      if (server.of('GET').length > 1) stream(response, event(note))
      return true
    })
    const states: string[] = []
    const client = await initializedClient(server, {
      ...options(),
      clock,
      responseHeadTimeoutMs: HEAD_MS,
      random: () => 0,
      onStreamState: (state) => states.push(state),
    })
    await server.until(() => server.of('GET').length === 1, 'it is requested')
    await turns(20)
    await clock.advance(HEAD_MS - 1)
    expect(states).toEqual(['connecting'])
    await clock.advance(1)
    await clock.advance(1)
    await server.until(() => states.at(-1) === 'open', 'it is open')
    expect(states).toEqual(['connecting', 'reconnecting', 'open'])
    await server.until(() => client.messages.length === 2, 'its message arrived')
  })

  test('a request learns that the responses to its resumption never start', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((request) => {
      if (isCall(request)) stream(request.response, `id: e1\n${event(note)}`).end()
      return isCall(request) || request.method === 'GET'
    })
    const client = await initializedClient(server, {
      ...options(),
      clock,
      responseHeadTimeoutMs: HEAD_MS,
      random: () => 0,
      standaloneStream: false,
    })
    await client.transport.send(call)
    for (let nth = 1; nth <= 2; nth++) {
      await server.until(() => clock.pending === 1, 'a resumption is due')
      await clock.advance(1)
      await server.until(() => server.of('GET').length === nth, 'it is requested')
      await turns(20)
      await clock.advance(HEAD_MS)
    }
    expect(await client.responseTo(1)).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } })
    expect(server.of('GET')).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  test('close() returns within closeTimeoutMs where the response to DELETE never starts', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(({ method }) => method === 'DELETE')
    const client = await initializedClient(server, {
      ...options(),
      clock,
      standaloneStream: false,
      closeTimeoutMs: 2_000,
    })
    const closing = client.transport.close()
    await server.until(() => server.of('DELETE').length === 1, 'the session is to be ended')
    await clock.advance(2_000)
    await closing
    expect(clock.pending).toBe(0)
  })
})

describe('HTTP+SSE', () => {
  const sse: Script = ({ method, url, response }) => {
    if (method === 'GET') stream(response, 'event: endpoint\ndata: /messages\n\n')
    else if (url !== '/messages') response.writeHead(405).end()
    return method !== 'DELETE'
  }

  test.each([
    ['a notification', note, 10_000],
    ['a request', { ...call, id: 5 }, HEAD_MS],
  ])('limits the time of %s for the status', async (_what, message, limitMs) => {
    const clock = createFakeClock()
    const server = await scriptedServer((request, of) => {
      if (request.message && isRequest(request.message) && request.message.method === 'initialize') {
        if (request.url === '/messages') {
          request.response.writeHead(202).end()
          of.of('GET')[0]?.response.write(event(resultFor(request.message.id)))
        } else request.response.writeHead(405).end()
        return true
      }
      return sse(request, of)
    })
    const client = await startedClient(server, {
      clock,
      acceptTimeoutMs: 10_000,
      responseHeadTimeoutMs: HEAD_MS,
      streamIdleTimeoutMs: Infinity,
    })
    await client.transport.send({ ...call, id: 0, method: 'initialize' })
    await client.responseTo(0)
    const outcome = client.transport.send(message).catch((error) => error)
    await turns(20)
    await clock.advance(limitMs)
    expect(await outcome).toMatchObject({ code: 'SEND_FAILED', details: { delivery: 'unknown' } })
  })

  test('resolves send() of a request whose response arrived before the status', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((request, of) => {
      const { message } = request
      if (message && isRequest(message) && request.url === '/messages') {
        of.of('GET')[0]?.response.write(event(resultFor(message.id)))
        if (message.method === 'initialize') request.response.writeHead(202).end()
        return true
      }
      return sse(request, of)
    })
    const client = await startedClient(server, {
      clock,
      responseHeadTimeoutMs: HEAD_MS,
      streamIdleTimeoutMs: Infinity,
    })
    await client.transport.send({ ...call, id: 0, method: 'initialize' })
    await client.responseTo(0)
    const sending = client.transport.send(call)
    await client.responseTo(1)
    await clock.advance(HEAD_MS)
    await sending
    expect(client.errors).toEqual([])
  })
})
