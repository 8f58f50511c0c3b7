// Resumed streams without events, and streams of a session that is lost.
import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { expiringSessions } from './support/expiring-sessions.js'
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
const isCall = ({ message }: ScriptedRequest): boolean =>
  message !== undefined && isRequest(message) && message.method === 'tools/call'

/** A server that begins the stream of a call with an id and ends it, and responds so to the GETs that resume it. */
function cutting(resumed: (request: ScriptedRequest, nth: number) => void, get?: Script): Script {
  let count = 0
  return (request, server) => {
    if (isCall(request)) stream(request.response, 'id: e1\ndata:\n\n').end()
    else if (request.method === 'GET' && request.headers['last-event-id'] !== undefined)
      resumed(request, count++)
    else return request.method === 'GET' && get !== undefined ? get(request, server) : false
    return true
  }
}

const resumptions = (server: ScriptedServer): number =>
  server.of('GET').filter(({ headers }) => headers['last-event-id'] !== undefined).length

const empty = ({ response }: ScriptedRequest): void =>
  void response.writeHead(200, { 'content-type': 'text/event-stream' }).end()
const commented = ({ response }: ScriptedRequest): void => void stream(response, ': ok\n\n').end()
const reset = ({ response }: ScriptedRequest): void => {
  stream(response)
  setImmediate(() => response.socket?.resetAndDestroy())
}
const fast = { reconnect: { firstDelayMs: 1, maxDelayMs: 1 }, minRetryMs: 0, standaloneStream: false }

describe('a resumption without events', () => {
  test.each([
    ['is empty', empty],
    ['has comments only', commented],
    ['is reset', reset],
    ['has an event of blanks only', ({ response }: ScriptedRequest) => stream(response, '\n\n\n').end()],
  ])('is given up after two streams where each %s', async (_what, resumed) => {
    const server = await scriptedServer(cutting(resumed))
    const client = await initializedClient(server, fast)
    await client.transport.send(call)
    expect(await client.responseTo(1)).toMatchObject({
      error: {
        message: expect.stringContaining('carried no event'),
        data: { code: 'OUTCOME_UNKNOWN', delivery: 'unknown' },
      },
    })
    expect(resumptions(server)).toBe(2)
  })

  test('is repeated after a stream with an event, an id or a delay', async () => {
    const pieces = ['', 'id: e2\ndata:\n\n', ': ok\n\n', 'retry: 1\n\n', '', event(resultFor(1))]
    const server = await scriptedServer(
      cutting(({ response }, nth) => stream(response, pieces[nth] || ':\n\n').end()),
    )
    const client = await initializedClient(server, fast)
    await client.transport.send(call)
    expect(await client.responseTo(1)).toEqual(resultFor(1))
    expect(resumptions(server)).toBe(6)
  })

  test('is repeated where its stream was open for healthyUptimeMs with comments', async () => {
    const clock = createFakeClock()
    const open: ScriptedRequest[] = []
    const server = await scriptedServer(
      cutting((request, nth) => {
        if (nth === 4) stream(request.response, event(resultFor(1))).end()
        else {
          stream(request.response, ': ok\n\n')
          open.push(request)
        }
      }),
    )
    const client = await initializedClient(server, { clock, random: () => 0, standaloneStream: false })
    await client.transport.send(call)
    for (let nth = 0; nth <= 4; nth++) {
      await server.until(() => clock.pending > 0, 'a retry is scheduled')
      await clock.advance(1)
      await server.until(() => resumptions(server) === nth + 1, 'it was requested')
      if (nth === 4) break
      await turns()
      await clock.advance(6_000)
      open[nth]?.response.end()
    }
    expect(await client.responseTo(1)).toEqual(resultFor(1))
  })

  test('is given up after two streams that are silent for streamIdleTimeoutMs', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(
      cutting(({ response }) =>
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
      ),
    )
    const client = await initializedClient(server, {
      clock,
      random: () => 0,
      streamIdleTimeoutMs: 10_000,
      standaloneStream: false,
    })
    await client.transport.send(call)
    for (let nth = 1; nth <= 2; nth++) {
      await server.until(() => clock.pending > 0, 'a retry is scheduled')
      await clock.advance(1)
      await server.until(() => resumptions(server) === nth, 'it was requested')
      await expect.poll(() => clock.pending).toBe(1)
      await clock.advance(10_000)
    }
    expect(await client.responseTo(1)).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } })
    expect(resumptions(server)).toBe(2)
  })
})

test('the stream for other messages is not requested while another one is resumed', async () => {
  let held: ScriptedRequest | undefined
  let standalone: ScriptedRequest | undefined
  // As servers with one stream for each session do: a new one ends the one before.
  const server = await scriptedServer(
    cutting(
      (request) => {
        standalone?.response.end()
        stream(request.response, ': ok\n\n')
        held = request
      },
      (request) => {
        held?.response.end()
        stream(request.response)
        standalone = request
        return true
      },
    ),
  )
  const client = await initializedClient(server, { ...fast, standaloneStream: true })
  await server.until(() => standalone !== undefined, 'the stream is open')
  await client.transport.send(call)
  await server.until(() => held !== undefined, 'the other one is resumed')
  await client.transport.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' })
  await client.responseTo(2)
  expect(server.of('GET')).toHaveLength(2)
  held?.response.end(event(resultFor(1)))
  expect(await client.responseTo(1)).toEqual(resultFor(1))
  await server.until(() => server.of('GET').length === 3, 'the stream is requested again')
  expect(server.of('GET')[2]?.headers['last-event-id']).toBeUndefined()
  expect(client.errors).toEqual([])
})

describe('after the loss of a session', () => {
  test.each([
    ['the stream for other messages ends', 0],
    ['a request finds out', 1],
  ])('no stream is requested without a session id where %s', async (_what, way) => {
    const sessions = expiringSessions()
    let open: ScriptedRequest | undefined
    const server = await scriptedServer((request, of) => {
      if (sessions.script(request, of)) return true
      if (request.method !== 'GET') return false
      if (request.headers['mcp-session-id'] === undefined) request.response.writeHead(400).end()
      else {
        stream(request.response, 'retry: 1\n\n')
        open = request
      }
      return true
    })
    const client = await initializedClient(server, { reconnect: { firstDelayMs: 1 }, minRetryMs: 0 })
    await server.until(() => open !== undefined, 'the stream is open')
    sessions.expire()
    if (way === 0) open?.response.end()
    open?.response.end()
    await client.transport.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' })
    expect(await client.responseTo(2)).toHaveProperty('result')
    await server.until(
      () => server.of('GET').at(-1)?.headers['mcp-session-id'] === 'session-2',
      'it was requested',
    )
    expect(server.of('GET').filter(({ headers }) => headers['mcp-session-id'] === undefined)).toEqual([])
    expect(client.errors).toMatchObject([{ code: 'SESSION_LOST' }])
  })

  test('a request is not resumed in another session', async () => {
    const sessions = expiringSessions()
    const server = await scriptedServer((request, of) => {
      if (sessions.script(request, of)) return true
      if (!isCall(request)) return false
      stream(request.response, 'id: e1\nretry: 200\ndata:\n\n').end()
      return true
    })
    const client = await initializedClient(server, { ...fast, minRetryMs: 0 })
    await client.transport.send(call)
    sessions.expire()
    await client.transport.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' })
    await client.responseTo(2)
    expect(await client.responseTo(1)).toMatchObject({
      error: { message: expect.stringContaining('session'), data: { code: 'OUTCOME_UNKNOWN' } },
    })
    expect(resumptions(server)).toBe(0)
  })
})
