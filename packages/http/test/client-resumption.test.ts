import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { cancelled } from '@mcpwire/test-support/messages'
import { describe, expect, test } from 'vitest'
import {
  event,
  initializedClient,
  resultFor,
  type Script,
  type ScriptedRequest,
  type ScriptedServer,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const progress = {
  jsonrpc: '2.0' as const,
  method: 'notifications/progress',
  params: { progressToken: 1, progress: 1 },
}
const primed = 'id: e1\nretry: 500\ndata:\n\n'

/** A server whose tool calls get a stream with that text, which ends; `get` responds to each GET that resumes. */
function polling(
  first: string,
  get: (request: ScriptedRequest, nth: number, server: ScriptedServer) => void,
): Script {
  let gets = 0
  return (request, server) => {
    if (request.method === 'GET' && request.headers['last-event-id'] !== undefined) {
      get(request, gets++, server)
      return true
    }
    if (!request.message || !isRequest(request.message) || request.message.method !== 'tools/call')
      return false
    stream(request.response, first).end()
    return true
  }
}

const answered = (client: { messages: unknown[] }) =>
  client.messages.some((message) => (message as { id?: unknown }).id === 1)
const resumed = (server: ScriptedServer) => server.of('GET').filter(({ headers }) => headers['last-event-id'])

describe('an interrupted request', () => {
  test('resumes after the last event, with the delay that the server sets [HTTP-C-24, RES-C-04]', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      polling(primed, ({ response }) => stream(response, event(resultFor(1), 'e2')).end()),
    )
    const client = await initializedClient(server, { clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'a retry is scheduled')
    await clock.advance(499)
    await turns()
    expect(resumed(server)).toEqual([])
    await clock.advance(1)
    expect(await client.responseTo(1)).toEqual(resultFor(1))
    expect(resumed(server).map(({ headers }) => headers['last-event-id'])).toEqual(['e1'])
    expect(client.errors).toEqual([])
  })

  test.each([
    ['no sooner than minRetryMs', 'retry: 1', { minRetryMs: 200 }, 200],
    ['no later than maxRetryMs', 'retry: 3600000', { maxRetryMs: 900 }, 900],
  ])('resumes %s', async (_how, retry, options, delayMs) => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      polling(`id: e1\n${retry}\ndata:\n\n`, ({ response }) => stream(response, event(resultFor(1))).end()),
    )
    const client = await initializedClient(server, { clock, ...options })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'a retry is scheduled')
    await clock.advance(delayMs - 1)
    await turns()
    expect(resumed(server)).toEqual([])
    await clock.advance(1)
    await client.responseTo(1)
  })

  test('waits a random part of a growing delay where the server sets none', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      polling('id: e1\ndata:\n\n', ({ response }, nth) => {
        if (nth < 3) response.writeHead(503).end()
        else stream(response, event(resultFor(1))).end()
      }),
    )
    const client = await initializedClient(server, { clock, random: () => 0.5 })
    await client.transport.send(call)
    for (const [nth, delayMs] of [500, 1_000, 2_000, 4_000].entries()) {
      await server.until(() => clock.pending === 1, 'a retry is scheduled')
      await clock.advance(delayMs - 1)
      await turns()
      expect(resumed(server)).toHaveLength(nth)
      await clock.advance(1)
      await server.until(() => resumed(server).length === nth + 1, 'it was requested')
    }
    await client.responseTo(1)
  })

  test('fails once orderly ends have used up the attempts', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(polling(primed, ({ response }) => stream(response, primed).end()))
    const client = await initializedClient(server, { clock, reconnect: { maxAttempts: 3 } })
    await client.transport.send(call)
    for (let nth = 1; nth <= 3; nth++) {
      await server.until(() => clock.pending === 1, 'a retry is scheduled')
      await clock.advance(500)
      await server.until(() => resumed(server).length === nth, 'it was requested')
    }
    expect(await client.responseTo(1)).toMatchObject({
      error: { code: -31_006, data: { code: 'OUTCOME_UNKNOWN', cause: 'RECONNECT_EXHAUSTED' } },
    })
    expect(client.transport.state).toBe('open')
    expect(clock.pending).toBe(0)
  })

  test('gets its attempts back after a message, or after healthyUptimeMs', async () => {
    const clock = createFakeClock()
    const open: ScriptedRequest[] = []
    const server = await scriptedServer(
      polling(primed, (request, nth) => {
        stream(request.response, primed)
        if (nth === 0) request.response.end(event(progress, 'e2'))
        else if (nth === 1) open.push(request)
        else request.response.end(event(resultFor(1)))
      }),
    )
    const reconnect = { maxAttempts: 1, healthyUptimeMs: 3_000 }
    const client = await initializedClient(server, { clock, reconnect })
    await client.transport.send(call)
    for (let nth = 1; nth <= 3; nth++) {
      await server.until(() => clock.pending === 1, 'a retry is scheduled')
      await clock.advance(500)
      await server.until(() => resumed(server).length === nth, 'it was requested')
      if (nth !== 2) continue
      await server.until(() => clock.pending === 1, 'the stream is open')
      await clock.advance(3_000)
      open[0]?.response.end()
    }
    expect(await client.responseTo(1)).toEqual(resultFor(1))
    expect(client.messages).toContainEqual(progress)
  })

  test('is polled as long as each stream has a new event id', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      polling(primed, ({ response }, nth) => {
        if (nth < 10) stream(response, `id: p${nth}\ndata:\n\n`).end()
        else stream(response, event(resultFor(1))).end()
      }),
    )
    const client = await initializedClient(server, { clock, reconnect: { maxAttempts: 2 } })
    await client.transport.send(call)
    for (let nth = 1; nth <= 11; nth++) {
      await server.until(() => clock.pending === 1, 'a retry is scheduled')
      await clock.advance(500)
      await server.until(() => resumed(server).length === nth, 'it was requested')
    }
    expect(await client.responseTo(1)).toEqual(resultFor(1))
  })

  test('fails at once where the server cannot resume it', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(polling(primed, ({ response }) => response.writeHead(400).end()))
    const client = await initializedClient(server, { clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'a retry is scheduled')
    await clock.advance(500)
    expect(await client.responseTo(1)).toMatchObject({ error: { code: -31_006 } })
    expect(resumed(server)).toHaveLength(1)
  })

  test('resumes after an event whose id is not ASCII', async () => {
    const server = await scriptedServer(
      polling('id: é→1\nretry: 100\ndata:\n\n', ({ response }) =>
        stream(response, event(resultFor(1))).end(),
      ),
    )
    const client = await initializedClient(server)
    await client.transport.send(call)
    await client.responseTo(1)
    const [{ headers }] = resumed(server) as [ScriptedRequest]
    expect(Buffer.from(String(headers['last-event-id']), 'latin1').toString()).toBe('é→1')
  })

  test('does not resume once it was cancelled', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(polling(primed, ({ response }) => response.writeHead(500).end()))
    const client = await initializedClient(server, { clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'a retry is scheduled')
    await client.transport.send(cancelled(1))
    expect(clock.pending).toBe(0)
    expect(answered(client)).toBe(false)
  })

  test('does not resume once the transport was closed', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(polling(primed, () => {}))
    const client = await initializedClient(server, { clock })
    await client.transport.send(call)
    await server.until(() => clock.pending === 1, 'a retry is scheduled')
    await client.transport.close()
    expect(clock.pending).toBe(0)
    expect(resumed(server)).toEqual([])
  })
})

describe('a request with a resumption token', () => {
  test('is not posted, and adopts the response on its stream', async () => {
    const tokens: string[] = []
    const server = await scriptedServer(
      polling('', ({ response }) =>
        stream(response, event(progress, 'e8') + event(resultFor(77), 'e9')).end(),
      ),
    )
    const client = await initializedClient(server)
    await client.transport.send(call, {
      resumptionToken: 'e7',
      onresumptiontoken: (token) => tokens.push(token),
    })
    expect(await client.responseTo(1)).toEqual(resultFor(1))
    expect(resumed(server).map(({ headers }) => headers['last-event-id'])).toEqual(['e7'])
    expect(server.posted()).not.toContain('tools/call')
    expect(tokens).toEqual(['e8', 'e9'])
    expect(client.messages).toContainEqual(progress)
  })
})
