// A cancelled request is no error: for either era, any engine, HTTP+SSE, and behind a pipe.

import { isRequest, type JsonRpcMessage, memoryPair, pipe, type RequestId } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { httpClient } from '../src/index.js'
import {
  event,
  initializedClient,
  json,
  resultFor,
  type ScriptedRequest,
  type ScriptedServer,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const cancellation = (requestId: RequestId): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId },
})

/** The behaviour of a server towards a call and its cancellation. */
interface Behaviour {
  readonly called?: (request: ScriptedRequest) => void
  readonly cancelled?: (call: ScriptedRequest, cancellation: ScriptedRequest) => void
}

function serverWith({ called, cancelled }: Behaviour): Promise<ScriptedServer> {
  const calls = new Map<unknown, ScriptedRequest>()
  return scriptedServer((request) => {
    const { message } = request
    if (!message || !('method' in message)) return false
    if (isRequest(message) && message.method === 'tools/call') {
      calls.set(message.id, request)
      called?.(request)
      return true
    }
    if (message.method !== 'notifications/cancelled' || !cancelled) return false
    cancelled(calls.get(message.params?.['requestId']) as ScriptedRequest, request)
    return true
  })
}

const accept = ({ response }: ScriptedRequest): void => void response.writeHead(202).end()
const late = resultFor(1, { content: [] })
const failed = { jsonrpc: '2.0', id: 1, error: { code: -32_000, message: 'cancelled' } }
const progress = {
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 7, progress: 1 },
}

const behaviours: Readonly<Record<string, Behaviour>> = {
  'ends its stream before it accepts the cancellation': {
    called: ({ response }) => stream(response),
    cancelled: ({ response }, request) => response.end(() => setTimeout(() => accept(request), 20)),
  },
  'begins and ends an empty stream before it accepts the cancellation': {
    cancelled: ({ response }, request) => {
      stream(response).end()
      setTimeout(() => accept(request), 20)
    },
  },
  'ends its stream after it accepts the cancellation': {
    called: ({ response }) => stream(response),
    cancelled: ({ response }, request) => {
      accept(request)
      setTimeout(() => response.end(), 20)
    },
  },
  'resets its stream': {
    called: ({ response }) => stream(response),
    cancelled: ({ response }, request) => {
      response.socket?.resetAndDestroy()
      setTimeout(() => accept(request), 20)
    },
  },
  'sends a late result': {
    called: ({ response }) => stream(response),
    cancelled: ({ response }, request) => {
      response.end(event(progress) + event(late), () => setTimeout(() => accept(request), 20))
    },
  },
  'sends a late error': {
    called: ({ response }) => stream(response),
    cancelled: ({ response }, request) => {
      response.end(event(failed), () => setTimeout(() => accept(request), 20))
    },
  },
  'sends a late result as JSON': {
    cancelled: ({ response }, request) => {
      json(response, late)
      setTimeout(() => accept(request), 20)
    },
  },
  'sends an empty body': {
    cancelled: ({ response }, request) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end()
      setTimeout(() => accept(request), 20)
    },
  },
  'responds with 202': {
    cancelled: (request, other) => {
      accept(request)
      setTimeout(() => accept(other), 20)
    },
  },
  'refuses the request': {
    cancelled: ({ response }, request) => {
      response.writeHead(400).end('cancelled')
      setTimeout(() => accept(request), 20)
    },
  },
  'closes the connection': {
    cancelled: ({ response }, request) => {
      response.destroy()
      setTimeout(() => accept(request), 20)
    },
  },
  'never responds to the request': { cancelled: (_call, request) => accept(request) },
  'refuses the cancellation': { cancelled: (_call, { response }) => response.writeHead(500).end() },
  'sends malformed data': {
    called: ({ response }) => stream(response),
    cancelled: ({ response }, request) => {
      response.end('data: oops\n\n', () => setTimeout(() => accept(request), 20))
    },
  },
}
/** The cancellation itself may fail. */
const isAccepted = (how: string): boolean => how !== 'refuses the cancellation'

describe.each(Object.entries(behaviours))('a cancelled request where the server %s', (how, behaviour) => {
  test('causes no error and gets no response', async () => {
    const server = await serverWith(behaviour)
    const client = await initializedClient(server, { standaloneStream: false })
    const before = client.messages.length
    const sending = client.transport.send(call)
    await server.until(() => server.posted().includes('tools/call'), 'it was called')
    const cancelling = client.transport.send(cancellation(1))
    await (isAccepted(how) ? cancelling : cancelling.catch(() => {}))
    await sending
    await client.transport.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' })
    await client.responseTo(2)
    expect(client.errors).toEqual([])
    expect(client.messages.slice(before)).toEqual([expect.objectContaining({ id: 2 })])
    await expect.poll(() => server.sockets.size).toBeLessThanOrEqual(2)
  })

  test.each([
    ['the SDK v1', new ClientV1({ name: 'c', version: '1' })],
    ['the SDK v2', new Client({ name: 'c', version: '1' })],
  ])('causes no error of %s', async (_sdk, client) => {
    const server = await serverWith(behaviour)
    const errors: Error[] = []
    client.onerror = (error) => errors.push(error)
    const transport = httpClient({ url: server.url, standaloneStream: false })
    onTestFinished(() => transport.close())
    await client.connect(transport)
    const aborter = new AbortController()
    const { signal } = aborter
    const calling =
      client instanceof ClientV1
        ? client.callTool({ name: 'x' }, undefined, { signal })
        : client.callTool({ name: 'x' }, { signal })
    await server.until(() => server.posted().includes('tools/call'), 'it was called')
    aborter.abort('no longer needed')
    await expect(calling).rejects.toThrow()
    await server.until(() => server.posted().includes('notifications/cancelled'), 'it was cancelled')
    await client.ping().catch(() => {})
    if (isAccepted(how)) expect(errors).toEqual([])
  })

  test('causes no error of a pipe', async () => {
    const server = await serverWith(behaviour)
    const [near, far] = memoryPair()
    const errors: Error[] = []
    const messages: JsonRpcMessage[] = []
    const upstream = httpClient({ url: server.url, standaloneStream: false })
    const piped = pipe(far, upstream, { onError: (error) => errors.push(error) })
    onTestFinished(() => piped.close())
    near.onmessage = (message) => messages.push(message)
    await near.start()
    await near.send(call)
    await server.until(() => server.posted().includes('tools/call'), 'it was called')
    await near.send(cancellation(1))
    await server.until(() => server.posted().includes('notifications/cancelled'), 'it was cancelled')
    await near.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' })
    await expect.poll(() => messages).toEqual([expect.objectContaining({ id: 2 })])
    if (isAccepted(how)) expect(errors).toEqual([])
  })
})

describe('a cancelled request over HTTP+SSE', () => {
  test.each([
    ['a late result', [late]],
    ['a late error', [failed]],
    ['late progress and a result', [progress, late]],
    ['two late results', [late, late]],
  ])('causes no error with %s', async (_what, messages) => {
    let events: ReturnType<typeof stream> | undefined
    const server = await scriptedServer(({ method, url, message, response }) => {
      if (method === 'GET') events = stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (url !== '/messages') response.writeHead(405).end()
      else {
        response.writeHead(202).end()
        if (!message || !('method' in message)) return true
        if (message.method === 'initialize' && isRequest(message))
          events?.write(event(resultFor(message.id, { protocolVersion: '2024-11-05' })))
        else if (message.method === 'notifications/cancelled')
          for (const each of messages) events?.write(event(each))
        else if (message.method === 'tools/list') events?.write(event(resultFor(2)))
      }
      return true
    })
    const client = await initializedClient(server)
    await client.transport.send({ ...call, params: { ...call.params, _meta: { progressToken: 7 } } })
    await client.transport.send(cancellation(1))
    await client.transport.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' })
    await client.responseTo(2)
    expect(client.errors).toEqual([])
    expect(client.messages.filter((message) => !('id' in message) || message.id === 1)).toEqual([])
    await client.transport.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
    events?.write(event(late))
    expect(await client.responseTo(1)).toEqual(late)
  })
})

test('a request of 2026-07-28 whose signal aborts causes no error', async () => {
  const server = await serverWith({ called: ({ response }) => stream(response) })
  const client = await initializedClient(server, { standaloneStream: false })
  const aborter = new AbortController()
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
  const sending = client.transport.send(
    { ...call, params: { ...call.params, _meta } },
    { requestSignal: aborter.signal },
  )
  await sending
  const open = server.of('POST').at(-1) as ScriptedRequest
  aborter.abort()
  await server.until(() => open.response.destroyed, 'its stream was closed')
  expect(client.errors).toEqual([])
})

test('a request of 2026-07-28 that is cancelled behind a pipe causes no error', async () => {
  const server = await serverWith({ called: ({ response }) => stream(response) })
  const [near, far] = memoryPair()
  const errors: Error[] = []
  const piped = pipe(far, httpClient({ url: server.url }), { onError: (error) => errors.push(error) })
  onTestFinished(() => piped.close())
  await near.start()
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
  await near.send({ ...call, params: { ...call.params, _meta } })
  await server.until(() => server.posted().includes('tools/call'), 'it was called')
  await near.send(cancellation(1))
  await server.until(() => server.of('POST')[0]?.response.destroyed === true, 'its stream was closed')
  await near.send({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: { _meta } })
  await server.until(() => server.posted().includes('tools/list'), 'the next one was sent')
  expect(errors).toEqual([])
})

test('progress of a task arrives after the response to its request', async () => {
  let events: ReturnType<typeof stream> | undefined
  const server = await scriptedServer(({ method, url, message, response }) => {
    if (method === 'GET') events = stream(response, 'event: endpoint\ndata: /messages\n\n')
    else if (url !== '/messages') response.writeHead(405).end()
    else {
      response.writeHead(202).end()
      if (!message || !isRequest(message)) return true
      const result = message.method === 'initialize' ? { protocolVersion: '2024-11-05' } : {}
      events?.write(event(resultFor(message.id, result)))
    }
    return true
  })
  const client = await initializedClient(server)
  const params = { ...call.params, task: { ttl: 60_000 }, _meta: { progressToken: 7 } }
  await client.transport.send({ ...call, params })
  await client.responseTo(1)
  events?.write(event(progress))
  await expect.poll(() => client.messages).toContainEqual(progress)
})
