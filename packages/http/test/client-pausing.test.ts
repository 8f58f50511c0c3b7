import { createFakeClock } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import {
  event,
  initializedClient,
  json,
  resultFor,
  type Script,
  type ScriptedRequest,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/message', params: {} }
const options = { streamIdleTimeoutMs: 1_000, standaloneStream: false }

const onCall =
  (answer: (request: ScriptedRequest) => void): Script =>
  (request) => {
    const { message } = request
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    answer(request)
    return true
  }

describe('a pause does not count as silence', () => {
  const kinds: [string, (request: ScriptedRequest) => void, (request: ScriptedRequest) => void][] = [
    [
      'events',
      ({ response }) => stream(response, event(note)),
      ({ response }) => response.write(event(resultFor(1))),
    ],
    [
      'JSON',
      ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc":"2.0",')
      },
      ({ response }) => response.end('"id":1,"result":{}}'),
    ],
  ]

  test.each(kinds)('of a response in %s, whose limit starts again afterwards', async (_name, first, rest) => {
    const clock = createFakeClock()
    const server = await scriptedServer(onCall(first))
    const client = await initializedClient(server, { ...options, clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'the response is watched')
    client.transport.flow?.pause()
    for (let times = 0; times < 3; times++) await clock.advance(1_000)
    client.transport.flow?.resume()
    await clock.advance(999)
    expect(client.errors).toEqual([])
    rest(server.requests.at(-1) as ScriptedRequest)
    expect(await client.responseTo(1)).toEqual(resultFor(1))
  })

  test.each(kinds)(
    'of a response in %s, which fails where it stays silent afterwards',
    async (_name, first) => {
      const clock = createFakeClock()
      const server = await scriptedServer(onCall(first))
      const client = await initializedClient(server, { ...options, clock })
      client.transport.flow?.pause()
      await client.transport.send(call)
      await server.until(() => clock.pending === 1, 'the response is watched')
      await clock.advance(3_500)
      client.transport.flow?.resume()
      await clock.advance(1_000)
      expect(await client.responseTo(1)).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } })
    },
  )

  test('of the stream of HTTP+SSE, whose silence would end the transport', async () => {
    const clock = createFakeClock()
    let events: ScriptedRequest['response'] | undefined
    const server = await scriptedServer(({ method, url, message, response }) => {
      if (method === 'GET') events = stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (url === '/mcp') response.writeHead(405).end()
      else {
        response.writeHead(202).end()
        if (message && isRequest(message)) events?.write(event(resultFor(message.id)))
      }
      return true
    })
    const client = await initializedClient(server, { ...options, clock })
    client.transport.flow?.pause()
    await client.transport.send(call)
    await clock.advance(5_000)
    client.transport.flow?.resume()
    expect(await client.responseTo(1)).toEqual(resultFor(1))
    expect(client.transport.state).toBe('open')
  })

  test('of the initialize that starts a new session', async () => {
    const clock = createFakeClock()
    let started = 0
    const server = await scriptedServer(({ headers, message, response }) => {
      if (!message || !isRequest(message)) return false
      const id = `session-${started}`
      if (message.method === 'initialize')
        json(response, resultFor(message.id, { protocolVersion: '2025-11-25' }), {
          'mcp-session-id': `session-${++started}`,
        })
      else if (headers['mcp-session-id'] === 'session-1') response.writeHead(404).end()
      else json(response, resultFor(message.id, { in: id }))
      return true
    })
    const client = await initializedClient(server, { standaloneStream: false, clock })
    client.transport.flow?.pause()
    const sent = client.transport.send(call)
    await server.until(() => started === 2, 'a new session has started')
    await clock.advance(25_000)
    client.transport.flow?.resume()
    await sent
    expect(await client.responseTo(1)).toEqual(resultFor(1, { in: 'session-2' }))
  })
})
