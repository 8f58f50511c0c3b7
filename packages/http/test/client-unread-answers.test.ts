import { Agent } from 'node:http'
import { createFakeClock } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import {
  type Asked,
  event,
  introducedClient,
  resultFor,
  type ScriptedClient,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }
const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })

const engines: Record<string, () => Partial<HttpClientOptions>> = {
  'the connections of its own': () => ({}),
  'a fetch': () => ({ fetch: (url, init) => globalThis.fetch(url, init) }),
  'an agent': () => {
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    return { agent }
  },
}

const isNote = ({ message }: Asked): boolean => message !== undefined && !isRequest(message)

const sendNotes = (client: ScriptedClient, count: number): Promise<void>[] =>
  [...Array(count)].map(() => client.transport.send(note))

describe.each(Object.entries(engines))('a paused client over %s', (_name, options) => {
  const few = () => ({ ...options(), maxSockets: 8, standaloneStream: false })

  test('sends as many notifications as it likes, and still has its sockets afterwards', async () => {
    const server = await scriptedServer((asked) => {
      if (!isNote(asked)) return false
      asked.response.writeHead(202, { 'content-length': 0 }).end()
      return true
    })
    const client = await introducedClient(server, { ...few(), clock: createFakeClock() })
    client.transport.flow?.pause()
    await Promise.all(sendNotes(client, 20))
    client.transport.flow?.resume()
    await client.transport.send(call(1))
    expect(await client.answerTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
  })

  test('loses no socket to what was under way when it was paused', async () => {
    const accept = ({ response }: Asked) => response.writeHead(202, { 'content-length': 0 }).end()
    let isHeld = true
    const server = await scriptedServer((asked) => {
      if (!isHeld) accept(asked)
      return true
    })
    const client = await startedClient(server, { ...few(), clock: createFakeClock() })
    const sending = sendNotes(client, 7)
    await server.until(() => server.asked.length === 7, 'all are under way')
    client.transport.flow?.pause()
    isHeld = false
    server.asked.forEach(accept)
    await Promise.all([...sending, ...sendNotes(client, 20)])
  })

  test('hears at once of a refusal that was due when it was paused', async () => {
    const server = await scriptedServer(isNote)
    const client = await startedClient(server, { ...few(), clock: createFakeClock() })
    const [sent] = sendNotes(client, 1)
    const refused = expect(sent).rejects.toMatchObject({ code: 'REFUSED' })
    await server.until(() => server.of('POST').length === 1, 'it is under way')
    client.transport.flow?.pause()
    server.of('POST')[0]?.response.writeHead(403, { 'content-type': 'text/plain' }).end('x'.repeat(5_000))
    await refused
  })

  test('sends requests whose answers come elsewhere as well', async () => {
    let events: Asked['response'] | undefined
    const server = await scriptedServer(({ method, url, message, response }) => {
      if (method === 'GET') events = stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (url === '/mcp') response.writeHead(405).end()
      else {
        response.writeHead(202, { 'content-length': 8 }).end('Accepted')
        if (message && isRequest(message)) events?.write(event(resultFor(message.id)))
      }
      return true
    })
    const client = await introducedClient(server, { ...few(), clock: createFakeClock() })
    client.transport.flow?.pause()
    const ids = [...Array(20).keys()]
    await Promise.all(ids.map((id) => client.transport.send(call(id))))
    client.transport.flow?.resume()
    for (const id of ids) expect(await client.answerTo(id)).toEqual(resultFor(id))
  })
})

describe('an answer whose announced body does not come', () => {
  test('to a notification holds its socket no longer than one without an announced length', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((asked) => {
      if (!isNote(asked)) return false
      asked.response.writeHead(202, { 'content-length': 2 }).flushHeaders()
      return true
    })
    const client = await startedClient(server, { clock, maxSockets: 8 })
    let settled = 0
    for (const sent of sendNotes(client, 10)) sent.then(() => settled++, expect.unreachable)
    await server.until(() => settled === 7, 'as many settled as there are sockets for')
    await clock.advance(2_000)
    await server.until(() => settled === 10, 'all settled')
    await clock.advance(2_000)
    await server.until(() => server.asked.every(({ response }) => response.destroyed), 'none is held')
  })

  test('to a request over HTTP+SSE holds none for long either, and the request is answered', async () => {
    const clock = createFakeClock()
    let events: Asked['response'] | undefined
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
    const client = await introducedClient(server, { clock, maxSockets: 8 })
    await client.transport.send(call(1))
    await clock.advance(2_000)
    await server.until(() => server.of('POST').at(-1)?.response.destroyed === true, 'the socket was let go')
    events?.write(event(resultFor(1)))
    expect(await client.answerTo(1)).toEqual(resultFor(1))
  })
})
