import { createFakeClock } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
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

const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }

/** Responds to the POST of a tool call. */
function onCall(answer: (request: Parameters<Script>[0]) => void): Script {
  return (request) => {
    if (!request.message || !isRequest(request.message) || request.message.method !== 'tools/call')
      return false
    answer(request)
    return true
  }
}

const lost = (id: number, code: string) =>
  expect.objectContaining({ id, error: expect.objectContaining({ data: expect.objectContaining({ code }) }) })

describe('a request fails with OUTCOME_UNKNOWN', () => {
  const breaks: Record<string, Script> = {
    'its stream ends': onCall(({ response }) => stream(response).end()),
    'its stream is reset': onCall(({ response }) => {
      stream(response)
      setImmediate(() => response.socket?.resetAndDestroy())
    }),
    'its JSON is cut': onCall(({ response }) => {
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
        .write('{"jsonrpc"')
      setImmediate(() => response.destroy())
    }),
    'its JSON is invalid': onCall(({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('<html>')
    }),
    'its JSON is not UTF-8': onCall(({ response }) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))
    }),
    'its JSON is the response to another request': onCall(({ response }) => json(response, resultFor(99))),
    'the response is neither JSON nor a stream': onCall(({ response }) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>')
    }),
    'the server only accepts it': onCall(({ response }) => response.writeHead(202).end()),
  }

  test.each(Object.entries(breaks))('when %s', async (_how, script) => {
    const server = await scriptedServer(script)
    // No timeout is involved: no time passes on this clock.
    const client = await initializedClient(server, { clock: createFakeClock() })
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toEqual(lost(1, 'OUTCOME_UNKNOWN'))
    expect(client.messages.filter((message) => 'id' in message && message.id === 1)).toHaveLength(1)
    expect(client.transport.state).toBe('open')
  })

  test('when its stream is silent for streamIdleTimeoutMs', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(onCall(({ response }) => stream(response)))
    const client = await initializedClient(server, { clock, streamIdleTimeoutMs: 60_000 })
    await client.transport.send(call(1))
    await clock.advance(40_000)
    const posts = server.of('POST')
    const { response } = posts[posts.length - 1] as (typeof posts)[0]
    response.write(event(note))
    await server.until(() => client.messages.length > 1, 'it was received')
    await clock.advance(40_000)
    expect(client.messages.some((message) => 'id' in message && message.id === 1)).toBe(false)
    await clock.advance(60_000)
    expect(await client.responseTo(1)).toEqual(lost(1, 'OUTCOME_UNKNOWN'))
    await server.until(() => response.destroyed, 'the stream was closed')
  })
})

test('fails a request whose JSON response stops for streamIdleTimeoutMs', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer(
    onCall(({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc"')
    }),
  )
  const client = await initializedClient(server, { clock, streamIdleTimeoutMs: 60_000 })
  await client.transport.send(call(1))
  await server.until(() => clock.pending > 0, 'a deadline is set')
  await clock.advance(60_000)
  expect(await client.responseTo(1)).toEqual(lost(1, 'OUTCOME_UNKNOWN'))
  const { response } = server.of('POST').at(-1) as (typeof server.requests)[0]
  await server.until(() => response.destroyed, 'it was closed')
})

test('closes a socket whose response to a notification does not end', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer(({ message, response }) => {
    if (!message || isRequest(message) || !('method' in message) || message.method !== note.method)
      return false
    response.writeHead(200, { 'content-type': 'text/plain' }).write('thanks')
    return true
  })
  const client = await initializedClient(server, { clock })
  await client.transport.send(note)
  const { response } = server.of('POST').at(-1) as (typeof server.requests)[0]
  expect(response.destroyed).toBe(false)
  await clock.advance(2_000)
  await server.until(() => response.destroyed, 'it was closed')
  expect(client.errors).toEqual([])
})

describe('send() rejects', () => {
  test('with SEND_FAILED and delivery unknown when the connection breaks before the status', async () => {
    const server = await scriptedServer(onCall(({ response }) => response.socket?.resetAndDestroy()))
    const client = await initializedClient(server)
    await expect(client.transport.send(call(1))).rejects.toMatchObject({
      code: 'SEND_FAILED',
      details: { delivery: 'unknown' },
    })
    expect(client.messages.some((message) => 'id' in message && message.id === 1)).toBe(false)
    await client.transport.send(note)
    expect(client.transport.state).toBe('open')
  })

  test('with CLOSED when the transport is closed meanwhile', async () => {
    const server = await scriptedServer(onCall(() => {}))
    const client = await initializedClient(server)
    const sending = client.transport.send(call(1))
    const closing = expect(sending).rejects.toMatchObject({ code: 'CLOSED' })
    await server.until(() => server.posted().includes('tools/call'), 'it arrived')
    await client.transport.close()
    await closing
    await server.until(() => server.sockets.size === 0, 'no socket was left')
  })

  test('with OVERLOADED while maxQueuedBytes wait for the server', async () => {
    const held: (() => void)[] = []
    const server = await scriptedServer(
      onCall(({ response, message }) => {
        const { id } = message as { id: number }
        held.push(() => json(response, resultFor(id)))
      }),
    )
    const client = await initializedClient(server, { maxQueuedBytes: 2_048 })
    const big = (id: number) => ({ ...call(id), params: { name: 'x', fill: 'x'.repeat(900) } })
    const first = client.transport.send(big(1))
    const second = client.transport.send(big(2))
    await expect(client.transport.send(big(3))).rejects.toMatchObject({
      code: 'OVERLOADED',
      details: { maxQueuedBytes: 2_048 },
    })
    await server.until(() => held.length === 2, 'both arrived')
    for (const answer of held.splice(0)) answer()
    await Promise.all([first, second])
    const third = client.transport.send(big(3))
    await server.until(() => held.length === 1, 'the third arrived')
    held[0]?.()
    await third
  })
})

describe('a message over maxMessageBytes', () => {
  const long = 'x'.repeat(5_000)
  const kinds: Record<string, Script> = {
    'an announced body': onCall(({ response, message }) => {
      const text = JSON.stringify(resultFor((message as { id: number }).id, { long }))
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
      response.end(text)
    }),
    'a body in chunks': onCall(({ response, message }) => {
      const text = JSON.stringify(resultFor((message as { id: number }).id, { long }))
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write(text.slice(0, 2_000))
      setImmediate(() => response.end(text.slice(2_000)))
    }),
    'an event': onCall(({ response, message }) => {
      stream(response, event(resultFor((message as { id: number }).id, { long })))
    }),
    'an event without end': onCall(({ response }) => stream(response, `data: ${long.repeat(4)}`)),
  }

  test.each(Object.entries(kinds))('is not buffered as %s', async (_kind, script) => {
    const server = await scriptedServer(script)
    const client = await initializedClient(server, { maxMessageBytes: 4_096 })
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toEqual(lost(1, 'MESSAGE_TOO_LARGE'))
    expect(client.errors).toContainEqual(
      expect.objectContaining({
        code: 'MESSAGE_TOO_LARGE',
        details: expect.objectContaining({ maxMessageBytes: 4_096 }),
      }),
    )
    expect(client.transport.state).toBe('open')
  })

  test('is not sent by this client', async () => {
    const server = await scriptedServer()
    const client = await initializedClient(server, { maxMessageBytes: 4_096 })
    const message = { ...note, params: { long } }
    await expect(client.transport.send(message)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(server.posted()).not.toContain(note.method)
  })
})

test('reports invalid events, and delivers the valid ones around them', async () => {
  const server = await scriptedServer(
    onCall(({ response, message }) => {
      const { id } = message as { id: number }
      stream(
        response,
        `data: garbage\n\n${event(note)}data: {"jsonrpc":"2.0","id":{}}\n\n${event(resultFor(id))}`,
      )
      response.end()
    }),
  )
  const client = await initializedClient(server)
  await client.transport.send(call(1))
  await client.responseTo(1)
  expect(client.messages).toContainEqual(note)
  expect(client.errors.map((error) => (error as { code?: string }).code)).toEqual([
    'MALFORMED_MESSAGE',
    'MALFORMED_MESSAGE',
  ])
})

test('closes after too many invalid events', async () => {
  const garbage = 'data: garbage\n\n'.repeat(10)
  const server = await scriptedServer(onCall(({ response }) => stream(response, garbage)))
  const client = await initializedClient(server)
  await client.transport.send(call(1)).catch(() => {})
  expect(await client.transport.closed).toMatchObject({ code: 'MALFORMED_MESSAGE' })
})

test('closes a stream that the server leaves open after the response', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer(
    onCall(({ response, message }) => stream(response, event(resultFor((message as { id: number }).id)))),
  )
  const client = await initializedClient(server, { clock })
  await client.transport.send(call(1))
  await client.responseTo(1)
  const posts = server.of('POST')
  const { response } = posts[posts.length - 1] as (typeof posts)[0]
  expect(response.destroyed).toBe(false)
  await clock.advance(2_000)
  await server.until(() => response.destroyed, 'it was closed')
  expect(client.errors).toEqual([])
})

test('stays open after a connection was refused', async () => {
  const server = await scriptedServer()
  const url = new URL(server.url)
  url.port = '1'
  const client = await startedClient({ ...server, url: url.href })
  const message: JsonRpcMessage = note
  await expect(client.transport.send(message)).rejects.toMatchObject({
    code: 'SEND_FAILED',
    details: { delivery: 'none' },
    cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
  })
  expect(client.transport.state).toBe('open')
})
