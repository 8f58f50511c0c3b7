import { createFakeClock } from '@mcpwire/compliance'
import { describe, expect, test } from 'vitest'
import type { StreamState } from '../src/index.js'
import {
  event,
  initializedClient,
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

describe('the stream for messages that belong to no request', () => {
  const gets =
    (answer: (request: ScriptedRequest, nth: number) => void): Script =>
    (request, server) => {
      if (request.method !== 'GET') return false
      answer(request, server.of('GET').length - 1)
      return true
    }

  test.each([400, 404, 405, 406, 501])(
    'is unsupported without an error where it is refused with %d',
    async (status) => {
      const states: StreamState[] = []
      const server = await scriptedServer(gets(({ response }) => response.writeHead(status).end()))
      const client = await initializedClient(server, { onStreamState: (state) => states.push(state) })
      await server.until(() => states.length === 2, 'it was refused')
      expect(states).toEqual(['connecting', 'unsupported'])
      await client.transport.send(call)
      await client.responseTo(1)
      expect(client.errors).toEqual([])
      expect(server.of('GET')).toHaveLength(1)
    },
  )

  test('is requested again within the attempts, and its loss is reported once', async () => {
    const clock = createFakeClock()
    const states: StreamState[] = []
    const server = await scriptedServer(
      gets(({ response }, nth) => {
        if (nth === 0) stream(response, 'retry: 500\nid: g1\ndata:\n\n').end()
        else response.writeHead(502).end()
      }),
    )
    const client = await initializedClient(server, {
      clock,
      reconnect: { maxAttempts: 2 },
      random: () => 0,
      onStreamState: (state) => states.push(state),
    })
    for (let nth = 2; nth <= 3; nth++) {
      await server.until(() => clock.pending === 1, 'a retry is scheduled')
      await clock.advance(500)
      await server.until(() => server.of('GET').length === nth, 'it was requested')
    }
    await server.until(() => states.includes('closed'), 'it was closed')
    expect(states).toEqual(['connecting', 'open', 'reconnecting', 'reconnecting', 'closed'])
    expect(client.errors).toMatchObject([{ code: 'RECONNECT_EXHAUSTED', details: { attempts: 2 } }])
    expect(server.of('GET').map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'g1', 'g1'])
    await client.transport.send(call)
    await client.responseTo(1)
    expect(client.transport.state).toBe('open')
  })

  describe('after an unknown event id', () => {
    const lastIds = (server: ScriptedServer) =>
      server.of('GET').map(({ headers }) => headers['last-event-id'])
    const refuses = ({ headers, response }: ScriptedRequest): boolean => {
      if (headers['last-event-id'] !== undefined) response.writeHead(400).end()
      return headers['last-event-id'] !== undefined
    }

    test('is requested once more without it, and the gap is reported', async () => {
      const states: StreamState[] = []
      const server = await scriptedServer(
        gets((request, nth) => {
          if (refuses(request)) return
          stream(request.response, nth === 0 ? 'retry: 100\nid: g1\ndata:\n\n' : event(progress, 'g2'))
          if (nth === 0) request.response.end()
        }),
      )
      const client = await initializedClient(server, { onStreamState: (state) => states.push(state) })
      await server.until(() => client.messages.length === 2, 'a message arrived on it')
      expect(client.messages.at(-1)).toEqual(progress)
      expect(lastIds(server)).toEqual([undefined, 'g1', undefined])
      expect(states).toEqual(['connecting', 'open', 'reconnecting', 'open'])
      expect(client.errors).toEqual([
        expect.objectContaining({
          code: 'REFUSED',
          details: { status: 400 },
          message: expect.stringContaining('cannot resume'),
        }),
      ])
    })

    test('is closed where it is refused without the id as well', async () => {
      const states: StreamState[] = []
      const server = await scriptedServer(
        gets(({ response }, nth) => {
          if (nth === 0) stream(response, 'retry: 100\nid: g1\ndata:\n\n').end()
          else response.writeHead(400).end()
        }),
      )
      await initializedClient(server, { onStreamState: (state) => states.push(state) })
      await server.until(() => states.includes('closed'), 'it was closed')
      expect(lastIds(server)).toEqual([undefined, 'g1', undefined])
    })

    test('is closed once the attempts are used up', async () => {
      const states: StreamState[] = []
      const server = await scriptedServer(
        gets((request) => {
          if (!refuses(request)) stream(request.response, 'id: g1\ndata:\n\n').end()
        }),
      )
      const options = { reconnect: { maxAttempts: 3 }, random: () => 0 }
      await initializedClient(server, { ...options, onStreamState: (state) => states.push(state) })
      await server.until(() => states.includes('closed'), 'it was closed')
      expect(lastIds(server)).toHaveLength(7)
    })
  })

  describe('with a message over maxMessageBytes', () => {
    const long = event({ ...progress, params: { text: 'x'.repeat(5_000) } })
    const options = { maxMessageBytes: 4_096, random: () => 0.5, reconnect: { maxAttempts: 2 } }
    const tooLarge = expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' })

    test('starts again after a delay, as long as other messages arrive', async () => {
      const clock = createFakeClock()
      const server = await scriptedServer(
        gets(({ response }) => stream(response, event(progress, 'g1') + long)),
      )
      const client = await initializedClient(server, { ...options, clock })
      for (let nth = 1; nth <= 4; nth++) {
        await server.until(() => client.errors.length === nth, 'it is reported')
        expect(server.of('GET')).toHaveLength(nth)
        await clock.advance(500)
        await server.until(() => server.of('GET').length === nth + 1, 'it is requested again')
      }
      expect(client.errors.slice(0, 4)).toEqual(Array(4).fill(tooLarge))
      expect(server.of('GET').at(-1)?.headers).not.toHaveProperty('last-event-id')
    })

    test('is closed once the attempts are used up without other messages', async () => {
      const clock = createFakeClock()
      const states: StreamState[] = []
      const server = await scriptedServer(gets(({ response }) => stream(response, long)))
      const onStreamState = (state: StreamState): unknown => states.push(state)
      const client = await initializedClient(server, { ...options, clock, onStreamState })
      for (const delayMs of [500, 1_000]) {
        await server.until(() => states.at(-1) === 'reconnecting', 'a retry is scheduled')
        await clock.advance(delayMs)
        await server.until(() => states.at(-1) !== 'connecting' && states.at(-1) !== 'open', 'it ended')
      }
      await server.until(() => states.includes('closed'), 'it was closed')
      expect(server.of('GET')).toHaveLength(3)
      const exhausted = expect.objectContaining({ code: 'RECONNECT_EXHAUSTED', cause: tooLarge })
      expect(client.errors).toEqual([tooLarge, tooLarge, tooLarge, exhausted])
    })
  })

  test('is closed after too many empty streams', async () => {
    const clock = createFakeClock()
    const states: StreamState[] = []
    const server = await scriptedServer(gets(({ response }) => stream(response).end()))
    await initializedClient(server, {
      clock,
      reconnect: { maxAttempts: 2 },
      random: () => 0.5,
      onStreamState: (state) => states.push(state),
    })
    for (const delayMs of [500, 1_000]) {
      await server.until(() => clock.pending === 1, 'a retry is scheduled')
      await clock.advance(delayMs)
    }
    await server.until(() => states.includes('closed'), 'it was closed')
    expect(server.of('GET')).toHaveLength(3)
  })

  test('is requested again after 409, which a server sends that missed its end', async () => {
    const states: StreamState[] = []
    const server = await scriptedServer(
      gets(({ response }, nth) => (nth === 0 ? response.writeHead(409).end() : stream(response))),
    )
    const options = { random: () => 0, onStreamState: (state: StreamState) => states.push(state) }
    const client = await initializedClient(server, options)
    await server.until(() => states.includes('open'), 'it was open')
    expect(client.errors).toEqual([])
  })

  test('is not requested where standaloneStream is off', async () => {
    const server = await scriptedServer()
    const client = await initializedClient(server, { standaloneStream: false })
    await client.transport.send(call)
    await client.responseTo(1)
    expect(server.of('GET')).toEqual([])
  })

  // Without an open stream, servers drop messages that belong to no request.
  test('is requested before the next message of the application', async () => {
    const server = await scriptedServer(({ method, response }) => {
      if (method === 'GET') stream(response)
      return method === 'GET'
    })

    const client = await initializedClient(server)
    await client.transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    await server.until(() => server.of('GET').length === 1, 'the stream was requested')

    expect(server.requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET', 'POST'])
    expect(server.posted()).toEqual(['initialize', 'notifications/initialized', 'tools/list'])
  })
})
