import { createFakeClock, startLeakCheck, turns } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage, memoryPair, pipe } from '@mcpwire/core'
import { describe, expect, test, vi } from 'vitest'
import { httpClient } from '../src/index.js'
import {
  event,
  initializedClient,
  json,
  resultFor,
  type Script,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const modern = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })
const listen = {
  jsonrpc: '2.0' as const,
  id: 'listen:1',
  method: 'subscriptions/listen',
  params: { _meta: modern },
}
const note = (n: number) => ({ jsonrpc: '2.0' as const, method: 'notifications/message', params: { n } })

const onMethod =
  (method: string, answer: (request: Parameters<Script>[0]) => void): Script =>
  (request) => {
    const { message } = request
    if (!message || !isRequest(message) || message.method !== method) return false
    answer(request)
    return true
  }

describe('aborting requestSignal', () => {
  test('closes the stream of that request, and delivers nothing more of it [CANC-C-03, SUB-C-07]', async () => {
    const server = await scriptedServer(
      onMethod('subscriptions/listen', ({ response }) => stream(response, event(note(1)))),
    )
    const client = await startedClient(server)
    const aborter = new AbortController()
    const onRequestStreamEnd = vi.fn()
    await client.transport.send(listen, { requestSignal: aborter.signal, onRequestStreamEnd })
    await server.until(() => client.messages.length === 1, 'the first arrived')
    const [request] = server.of('POST')
    aborter.abort()
    await server.until(() => request?.response.destroyed === true, 'the stream was closed')
    await client.transport.send(call(1))
    await client.responseTo(1)
    expect(client.messages).toHaveLength(2)
    expect(client.errors).toEqual([])
    expect(onRequestStreamEnd).not.toHaveBeenCalled()
    expect(server.posted()).not.toContain('notifications/cancelled')
  })

  test('rejects with its reason before the status', async () => {
    const server = await scriptedServer(onMethod('tools/call', () => {}))
    const client = await startedClient(server)
    const aborter = new AbortController()
    const reason = new Error('enough')
    const sending = client.transport.send(call(1), { requestSignal: aborter.signal })
    const rejected = expect(sending).rejects.toBe(reason)
    await server.until(() => server.posted().length === 1, 'it arrived')
    aborter.abort(reason)
    await rejected
    await expect(client.transport.send(call(2), { requestSignal: aborter.signal })).rejects.toBe(reason)
    expect(server.posted()).toHaveLength(1)
  })

  test('leaves no listener on a signal once the request is over', async () => {
    const server = await scriptedServer()
    const client = await startedClient(server)
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    for (let id = 0; id < 5; id++) {
      await client.transport.send(call(id), { requestSignal: signal })
      await client.responseTo(id)
    }
    expect(added).toHaveBeenCalledTimes(5)
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    )
  })
})

describe('onRequestStreamEnd', () => {
  test.each([
    ['ends', (end: () => void) => end()],
    ['is interrupted', (_end: () => void, destroy: () => void) => destroy()],
  ])('is called after the error response when the stream of the request %s', async (_how, finish) => {
    const server = await scriptedServer(
      onMethod('subscriptions/listen', ({ response }) => {
        stream(response, event(note(1), 'e1'))
        setImmediate(() =>
          finish(
            () => response.end(),
            () => response.destroy(),
          ),
        )
      }),
    )
    const client = await startedClient(server)
    const seen: unknown[] = []
    client.transport.onmessage = (message) => seen.push(message)
    await client.transport.send(listen, { onRequestStreamEnd: () => seen.push('end') })
    await server.until(() => seen.includes('end'), 'it was called')
    expect(seen).toEqual([
      note(1),
      expect.objectContaining({ id: 'listen:1', error: expect.anything() }),
      'end',
    ])
    expect(server.of('GET')).toEqual([])
  })

  test('is reported as CALLBACK_FAILED where it throws, as is onresumptiontoken', async () => {
    const server = await scriptedServer(
      onMethod('tools/call', ({ response }) => stream(response, event(resultFor(1), 'e1')).end()),
    )
    const client = await startedClient(server)
    const fail = (): never => {
      throw new Error('mine')
    }
    await client.transport.send(call(1), { onRequestStreamEnd: fail, onresumptiontoken: fail })
    await server.until(() => client.errors.length === 2, 'both were reported')
    expect(client.errors).toMatchObject([
      { code: 'CALLBACK_FAILED', details: { slot: 'onresumptiontoken' } },
      { code: 'CALLBACK_FAILED', details: { slot: 'onRequestStreamEnd' } },
    ])
    expect(client.messages).toEqual([resultFor(1)])
  })
})

test('mirrors the body of a request of 2026-07-28 in headers [HTTP-C-09, HDR-C-01, HDR-C-02, PVH-C-02]', async () => {
  const server = await scriptedServer()
  const client = await startedClient(server)
  const params = { name: 'getränk', _meta: modern }
  await client.transport.send({ ...call(1), params }, { headers: { 'Mcp-Param-Size': 'L' } })
  await client.transport.send(call(2))
  const [first, second] = server.of('POST')
  expect(first?.headers).toMatchObject({
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': '=?base64?Z2V0csOkbms=?=',
    'mcp-param-size': 'L',
  })
  expect(second?.headers).not.toHaveProperty('mcp-method')
})

test('keeps the order of messages on one stream, and resolves send() after the status', async () => {
  const all = [...Array(50).keys()].map(note)
  const server = await scriptedServer((request) => {
    const { message, response } = request
    if (message && 'method' in message && message.method === 'notifications/progress') {
      setImmediate(() => response.writeHead(202).end())
      return true
    }
    return onMethod('tools/call', () => {
      stream(response, all.map((each) => event(each)).join('') + event(resultFor(1))).end()
    })(request, server)
  })
  const client = await startedClient(server)
  await client.transport.send({ jsonrpc: '2.0', method: 'notifications/progress' })
  expect(server.of('POST')[0]?.response.headersSent).toBe(true)
  await client.transport.send(call(1))
  await client.responseTo(1)
  expect(client.messages).toEqual([...all, resultFor(1)])
})

test('pauses and resumes every stream by flow', async () => {
  const many = [...Array(400).keys()].map(note)
  const fill = 'x'.repeat(4_000)
  const server = await scriptedServer(
    onMethod('tools/call', ({ response }) => {
      stream(response)
      for (const each of many) response.write(event({ ...each, params: { ...each.params, fill } }))
      response.end(event(resultFor(1)))
    }),
  )
  const client = await startedClient(server)
  client.transport.flow?.pause()
  await client.transport.send(call(1))
  await turns(200)
  expect(client.messages.length).toBeLessThan(many.length)
  client.transport.flow?.resume()
  await client.responseTo(1)
  expect(client.messages).toHaveLength(many.length + 1)
})

test('releases every socket, timer and listener on close()', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer((request, server) => {
    if (request.method === 'GET') {
      stream(request.response)
      return true
    }
    return onMethod('tools/call', ({ response, message }) => {
      const { id } = message as { id: number }
      if (id === 1) stream(response)
      if (id === 2) stream(response, 'id: e1\nretry: 900\ndata:\n\n').end()
      if (id === 3) response.writeHead(200, { 'content-type': 'application/json' }).write('{')
    })(request, server)
  })
  const check = await startLeakCheck()
  const client = await initializedClient(server, { clock })
  const sending = [1, 2, 3, 4].map((id) => client.transport.send(call(id)).catch((error) => error))
  await Promise.all(sending.slice(0, 3))
  await client.transport.close()
  expect(await sending[3]).toMatchObject({ code: 'CLOSED' })
  expect(clock.pending).toBe(0)
  await server.until(() => server.sockets.size === 0, 'no socket was left')
  expect(client.messages).toHaveLength(1)
  await check.released(30_000)
})

test('can be piped into another transport', async () => {
  const server = await scriptedServer()
  const [near, far] = memoryPair()
  const joined = pipe(far, httpClient({ url: server.url }))
  const received: JsonRpcMessage[] = []
  near.onmessage = (message) => received.push(message)
  await near.start()
  await near.send(call(1))
  await server.until(() => received.length === 1, 'the response arrived')
  expect(received).toEqual([resultFor(1, { of: 'tools/call' })])
  await near.close()
  await joined.closed
})

test('accepts batches with revision 2025-03-26 only [GEN-09]', async () => {
  for (const [version, outcome] of [
    ['2025-03-26', 'delivered'],
    ['2025-06-18', 'malformed'],
  ] as const) {
    const server = await scriptedServer((request, server) => {
      const { message, response } = request
      if (message && isRequest(message) && message.method === 'initialize') {
        json(response, resultFor(message.id, { protocolVersion: version }))
        return true
      }
      return onMethod('tools/call', () => json(response, [note(1), resultFor(1)]))(request, server)
    })
    const client = await initializedClient(server)
    await client.transport.send(call(1))
    const answer = await client.responseTo(1)
    if (outcome === 'delivered') {
      expect(answer).toEqual(resultFor(1))
      expect(client.messages).toContainEqual(note(1))
    } else {
      expect(answer).toMatchObject({ error: { data: { code: 'MALFORMED_MESSAGE' } } })
      expect(client.errors).toMatchObject([{ code: 'MALFORMED_MESSAGE' }])
    }
  }
})
