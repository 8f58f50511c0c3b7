import { Agent } from 'node:http'
import { createFakeClock } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import {
  event,
  initializedClient,
  resultFor,
  type ScriptedClient,
  type ScriptedRequest,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }
const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })

const engines: Record<string, () => Partial<HttpClientOptions>> = {
  'its own connections': () => ({}),
  'a fetch': () => ({ fetch: (url, init) => globalThis.fetch(url, init) }),
  'an agent': () => {
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    return { agent }
  },
}

const isNote = ({ message }: ScriptedRequest): boolean => message !== undefined && !isRequest(message)

const sendNotes = (client: ScriptedClient, count: number): Promise<void>[] =>
  [...Array(count)].map(() => client.transport.send(note))

describe.each(Object.entries(engines))('a paused client over %s', (_name, options) => {
  const few = () => ({ ...options(), maxSockets: 8, standaloneStream: false })

  test('sends any number of notifications, and has free sockets afterwards', async () => {
    const server = await scriptedServer((request) => {
      if (!isNote(request)) return false
      request.response.writeHead(202, { 'content-length': 0 }).end()
      return true
    })
    const client = await initializedClient(server, { ...few(), clock: createFakeClock() })
    client.transport.flow?.pause()
    await Promise.all(sendNotes(client, 20))
    client.transport.flow?.resume()
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
  })

  test('loses no socket to messages that were in progress when it was paused', async () => {
    const accept = ({ response }: ScriptedRequest) => response.writeHead(202, { 'content-length': 0 }).end()
    let isHeld = true
    const server = await scriptedServer((request) => {
      if (!isHeld) accept(request)
      return true
    })
    const client = await startedClient(server, { ...few(), clock: createFakeClock() })
    const sending = sendNotes(client, 7)
    await server.until(() => server.requests.length === 7, 'all are in progress')
    client.transport.flow?.pause()
    isHeld = false
    server.requests.forEach(accept)
    await Promise.all([...sending, ...sendNotes(client, 20)])
  })

  test('receives a refusal at once that was due when it was paused', async () => {
    const server = await scriptedServer(isNote)
    const client = await startedClient(server, { ...few(), clock: createFakeClock() })
    const [sent] = sendNotes(client, 1)
    const refused = expect(sent).rejects.toMatchObject({ code: 'REFUSED' })
    await server.until(() => server.of('POST').length === 1, 'it is in progress')
    client.transport.flow?.pause()
    server.of('POST')[0]?.response.writeHead(403, { 'content-type': 'text/plain' }).end('x'.repeat(5_000))
    await refused
  })

  test('sends requests over HTTP+SSE as well', async () => {
    let events: ScriptedRequest['response'] | undefined
    const server = await scriptedServer(({ method, url, message, response }) => {
      if (method === 'GET') events = stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (url === '/mcp') response.writeHead(405).end()
      else {
        response.writeHead(202, { 'content-length': 8 }).end('Accepted')
        if (message && isRequest(message)) events?.write(event(resultFor(message.id)))
      }
      return true
    })
    const client = await initializedClient(server, { ...few(), clock: createFakeClock() })
    client.transport.flow?.pause()
    const ids = [...Array(20).keys()]
    await Promise.all(ids.map((id) => client.transport.send(call(id))))
    client.transport.flow?.resume()
    for (const id of ids) expect(await client.responseTo(id)).toEqual(resultFor(id))
  })
})

describe('a response whose announced body does not arrive', () => {
  test('releases its socket after a notification', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((request) => {
      if (!isNote(request)) return false
      request.response.writeHead(202, { 'content-length': 2 }).flushHeaders()
      return true
    })
    const client = await startedClient(server, { clock, maxSockets: 8 })
    let settled = 0
    for (const sent of sendNotes(client, 10)) sent.then(() => settled++, expect.unreachable)
    await server.until(() => settled === 7, 'as many settled as there are sockets for')
    await clock.advance(2_000)
    await server.until(() => settled === 10, 'all settled')
    await clock.advance(2_000)
    await server.until(
      () => server.requests.every(({ response }) => response.destroyed),
      'no socket is in use',
    )
  })

  test('releases its socket after a request over HTTP+SSE, which gets its response', async () => {
    const clock = createFakeClock()
    let events: ScriptedRequest['response'] | undefined
    const server = await scriptedServer(({ method, url, message, response }) => {
      if (method === 'GET') events = stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (url === '/mcp') response.writeHead(405).end()
      else {
        response.writeHead(202, { 'content-length': 2 }).flushHeaders()
        if (message && isRequest(message) && message.method === 'initialize')
          events?.write(event(resultFor(message.id)))
      }
      return true
    })
    const client = await initializedClient(server, { clock, maxSockets: 8 })
    await client.transport.send(call(1))
    await clock.advance(2_000)
    await server.until(() => server.of('POST').at(-1)?.response.destroyed === true, 'the socket was released')
    events?.write(event(resultFor(1)))
    expect(await client.responseTo(1)).toEqual(resultFor(1))
  })
})
