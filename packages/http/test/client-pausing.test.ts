import { createFakeClock } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import {
  type Asked,
  event,
  introducedClient,
  json,
  resultFor,
  type Script,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const note = { jsonrpc: '2.0' as const, method: 'notifications/message', params: {} }
const options = { streamIdleTimeoutMs: 1_000, standaloneStream: false }

const onCall =
  (answer: (asked: Asked) => void): Script =>
  (asked) => {
    const { message } = asked
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    answer(asked)
    return true
  }

describe('while the client is paused, nothing counts as silence of the server', () => {
  const kinds: [string, (asked: Asked) => void, (asked: Asked) => void][] = [
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

  test.each(kinds)('not in an answer in %s, which is judged again afterwards', async (_name, first, rest) => {
    const clock = createFakeClock()
    const server = await scriptedServer(onCall(first))
    const client = await introducedClient(server, { ...options, clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'the answer is watched')
    client.transport.flow?.pause()
    for (let times = 0; times < 3; times++) await clock.advance(1_000)
    client.transport.flow?.resume()
    await clock.advance(999)
    expect(client.errors).toEqual([])
    rest(server.asked.at(-1) as Asked)
    expect(await client.answerTo(1)).toEqual(resultFor(1))
  })

  test.each(kinds)('and an answer in %s that stays silent afterwards is given up', async (_name, first) => {
    const clock = createFakeClock()
    const server = await scriptedServer(onCall(first))
    const client = await introducedClient(server, { ...options, clock })
    client.transport.flow?.pause()
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'the answer is watched')
    await clock.advance(3_500)
    client.transport.flow?.resume()
    await clock.advance(1_000)
    expect(await client.answerTo(1)).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } })
  })

  test('not on the stream of HTTP+SSE, with which the conversation would end', async () => {
    const clock = createFakeClock()
    let events: Asked['response'] | undefined
    const server = await scriptedServer(({ method, url, message, response }) => {
      if (method === 'GET') events = stream(response, 'event: endpoint\ndata: /messages\n\n')
      else if (url === '/mcp') response.writeHead(405).end()
      else {
        response.writeHead(202).end()
        if (message && isRequest(message)) events?.write(event(resultFor(message.id)))
      }
      return true
    })
    const client = await introducedClient(server, { ...options, clock })
    client.transport.flow?.pause()
    await client.transport.send(call)
    await clock.advance(5_000)
    client.transport.flow?.resume()
    expect(await client.answerTo(1)).toEqual(resultFor(1))
    expect(client.transport.state).toBe('open')
  })

  test('not in what begins a session in place of a lost one', async () => {
    const clock = createFakeClock()
    let begun = 0
    const server = await scriptedServer(({ headers, message, response }) => {
      if (!message || !isRequest(message)) return false
      const id = `session-${begun}`
      if (message.method === 'initialize')
        json(response, resultFor(message.id, { protocolVersion: '2025-11-25' }), {
          'mcp-session-id': `session-${++begun}`,
        })
      else if (headers['mcp-session-id'] === 'session-1') response.writeHead(404).end()
      else json(response, resultFor(message.id, { in: id }))
      return true
    })
    const client = await introducedClient(server, { standaloneStream: false, clock })
    client.transport.flow?.pause()
    const sent = client.transport.send(call)
    await server.until(() => begun === 2, 'there is another session')
    await clock.advance(25_000)
    client.transport.flow?.resume()
    await sent
    expect(await client.answerTo(1)).toEqual(resultFor(1, { in: 'session-2' }))
  })
})
