import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { cancelled } from '@mcpwire/test-support/messages'
import { describe, expect, test } from 'vitest'
import type { StreamState } from '../src/index.js'
import { expiringSessions } from './support/expiring-sessions.js'
import {
  event,
  initializedClient,
  json,
  resultFor,
  type ScriptedRequest,
  scriptedServer,
  stream,
} from './support/scripted-server.js'

const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }
const reply = { jsonrpc: '2.0' as const, id: 's1', result: {} }

const sessionOf = ({ headers }: ScriptedRequest) => headers['mcp-session-id']
const renewed = (sessionId: string) =>
  expect.objectContaining({
    code: 'SESSION_LOST',
    message: expect.stringContaining('a new one was started'),
    details: { sessionId },
  })
const idOf = (message: JsonRpcMessage | undefined) => (message && 'id' in message ? message.id : undefined)

describe('a session that the server no longer knows', () => {
  test('is replaced once for all refused messages, and each is sent once in the new one [SESS-C-08]', async () => {
    const { script, expire } = expiringSessions()
    const server = await scriptedServer(script)
    const client = await initializedClient(server)
    expire()
    await Promise.all([...Array(10).keys()].map((id) => client.transport.send(call(id))))
    await client.transport.send(note)
    for (let id = 0; id < 10; id++)
      expect(await client.responseTo(id)).toEqual(resultFor(id, { of: 'tools/call' }))

    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(2)
    expect(server.posted().filter((method) => method === 'notifications/initialized')).toHaveLength(2)
    const inTheNew = server.of('POST').filter((request) => sessionOf(request) === 'session-2')
    expect(
      inTheNew
        .map(({ message }) => idOf(message))
        .filter((id) => typeof id === 'number')
        .sort(),
    ).toEqual([...Array(10).keys()])
    expect(client.transport.sessionId).toBe('session-2')
    expect(client.errors).toEqual([renewed('session-1')])
    expect(
      client.messages.filter((message) => 'id' in message && typeof message.id !== 'number'),
    ).toHaveLength(1)
    for (const { message, headers } of server.of('POST')) {
      const isInitialize = message && 'method' in message && message.method === 'initialize'
      expect('mcp-session-id' in headers).toBe(!isInitialize)
    }
  })

  test('is replaced after a user took authTimeoutMs to authorize', async () => {
    const clock = createFakeClock()
    let token = 't0'
    const { script, expire } = expiringSessions(({ headers, response }, nth) => {
      const isRefused = nth > 0 && headers.authorization !== 'Bearer t1'
      if (isRefused) response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      return isRefused
    })
    const server = await scriptedServer(script)
    let consent: (() => void) | undefined
    const onUnauthorized = () => new Promise<void>((resolve) => (consent = resolve))
    const client = await initializedClient(server, { clock, auth: { token: () => token, onUnauthorized } })
    expire()
    const sent = client.transport.send(call(1))
    await server.until(() => consent !== undefined, 'the user is prompted')
    await clock.advance(60_000)
    token = 't1'
    consent?.()
    await sent
    expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
    expect(client.errors).toEqual([renewed('session-1')])
  })

  test('is not replaced twice: a second 404 ends the transport with SESSION_LOST', async () => {
    const server = await scriptedServer((request) => {
      if (!request.message || !isRequest(request.message) || request.message.method !== 'tools/call')
        return false
      request.response.writeHead(404).end()
      return true
    })
    const client = await initializedClient(server)
    await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'SESSION_LOST' })
    expect(await client.transport.closed).toMatchObject({ code: 'SESSION_LOST' })
    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(2)
  })

  const refusals: Record<string, (request: ScriptedRequest) => void> = {
    'with an error': ({ message, response }) => {
      json(response, { jsonrpc: '2.0', id: idOf(message), error: { code: -32_603, message: 'no' } })
    },
    'with another revision': ({ message, response }) => {
      const result = {
        protocolVersion: '2025-03-26',
        capabilities: {},
        serverInfo: { name: 's', version: '1' },
      }
      json(response, { jsonrpc: '2.0', id: idOf(message), result })
    },
    'with status 503': ({ response }) => response.writeHead(503).end(),
    'with a reset': ({ response }) => response.socket?.resetAndDestroy(),
  }

  test.each(Object.entries(refusals))(
    'is lost where the server refuses initialize %s',
    async (_how, refuse) => {
      const { script, expire } = expiringSessions((request, begun) => {
        if (begun > 0) refuse(request)
        return begun > 0
      })
      const server = await scriptedServer(script)
      const client = await initializedClient(server)
      expire()
      const sending = [client.transport.send(call(1)), client.transport.send(call(2))]
      for (const each of await Promise.allSettled(sending)) {
        expect(each).toMatchObject({
          status: 'rejected',
          reason: { code: 'SESSION_LOST' },
        })
      }
      expect(await client.transport.closed).toMatchObject({
        code: 'SESSION_LOST',
        details: { sessionId: 'session-1' },
      })
    },
  )

  test('is lost where the server no longer knows the new one, of the same id, before it is initialized', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((request, server) => {
      const isLate = server.posted().filter((method) => method === 'initialize').length > 1
      const isBeginning =
        request.message && isRequest(request.message) && request.message.method === 'initialize'
      const isCall = request.message && isRequest(request.message) && !isBeginning
      if (request.method !== 'POST' || isBeginning || !(isLate || isCall)) return false
      request.response.writeHead(404).end()
      return true
    })
    const client = await initializedClient(server, { clock })
    await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'SESSION_LOST' })
    expect(await client.transport.closed).toMatchObject({ code: 'SESSION_LOST' })
  })

  test('ends with its requests: their responses are not sent in the new one', async () => {
    const { script, expire } = expiringSessions()
    const server = await scriptedServer(script)
    const client = await initializedClient(server)
    expire()
    await expect(client.transport.send(reply)).rejects.toMatchObject({ code: 'SESSION_LOST' })
    expect(client.transport.state).toBe('open')
    await client.transport.send(call(1))
    await client.responseTo(1)
    expect(client.transport.sessionId).toBe('session-2')
  })

  test('is detected by its GET stream, which is opened in the new one', async () => {
    const { script, expire } = expiringSessions()
    const states: StreamState[] = []
    const server = await scriptedServer((request, server) => {
      if (script(request, server)) return true
      if (request.method !== 'GET') return false
      stream(request.response, `retry: 100\n${event(note, 'g1')}`)
      return true
    })
    const client = await initializedClient(server, { onStreamState: (state) => states.push(state) })
    await server.until(() => client.messages.length > 1, 'the stream was open')
    expire()
    server.of('GET')[0]?.response.end()
    await server.until(() => client.transport.sessionId === 'session-2', 'a new one has started')
    await server.until(() => states.filter((state) => state === 'open').length === 2, 'it was open again')
    const last = server.of('GET').at(-1)
    expect(last?.headers).toMatchObject({ 'mcp-session-id': 'session-2' })
    expect(client.errors).toEqual([renewed('session-1')])
  })

  test('is replaced within the attempts where no message arrives in the new ones', async () => {
    const clock = createFakeClock()
    const { script, expire } = expiringSessions()
    const server = await scriptedServer((request, server) => {
      const isAgain = server.of('GET').filter((each) => sessionOf(each) === sessionOf(request)).length > 1
      if (request.method === 'GET' && isAgain) expire()
      if (script(request, server)) return true
      if (request.method !== 'GET') return false
      stream(request.response, 'retry: 100\nid: g1\ndata:\n\n').end()
      return true
    })
    const options = { clock, reconnect: { maxAttempts: 2 }, random: () => 0.5 }
    const client = await initializedClient(server, options)
    while (client.transport.state !== 'closed') {
      await turns(50)
      await clock.advance(100)
    }
    expect(await client.transport.closed).toMatchObject({
      code: 'SESSION_LOST',
      message: expect.stringContaining('maxAttempts'),
    })
    // The first was useful: the response to initialize arrived in it.
    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(3)
    expect(client.errors.slice(0, 2)).toEqual([renewed('session-1'), renewed('session-2')])
  })

  test('is replaced without attempts where it was useful', async () => {
    const clock = createFakeClock()
    const { script, expire } = expiringSessions()
    const server = await scriptedServer(script)
    const options = { clock, standaloneStream: false, reconnect: { maxAttempts: 0 } }
    const client = await initializedClient(server, options)
    expire()
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
    expire()
    await client.transport.send(note)
    await clock.advance(5_000)
    expire()
    await client.transport.send(note)
    expire()
    await expect(client.transport.send(note)).rejects.toMatchObject({
      code: 'SESSION_LOST',
      details: { sessionId: 'session-4' },
    })
  })

  test('is replaced after a delay where no message arrived in it', async () => {
    const clock = createFakeClock()
    const { script, expire } = expiringSessions()
    const server = await scriptedServer(script)
    const client = await initializedClient(server, { clock, standaloneStream: false, random: () => 0.5 })
    const started = () => server.posted().filter((method) => method === 'initialize').length
    expire()
    await client.transport.send(note)
    expire()
    const sent = client.transport.send(note)
    await server.until(
      () => server.posted().filter((method) => method === note.method).length === 3,
      'it is refused',
    )
    await turns(50)
    await clock.advance(999)
    await turns(50)
    expect(started()).toBe(2)
    await clock.advance(1)
    await sent
    expect(started()).toBe(3)
  })

  test.each([
    ['while it is replaced', 'renewing'],
    ['after it was replaced', 'renewed'],
  ])('loses no message that was refused with 401 %s', async (_when, moment) => {
    const { script, expire } = expiringSessions()
    let token = 't0'
    let isExpired = false
    const held: { late?: ScriptedRequest; initialize?: () => void } = {}
    const server = await scriptedServer((request, server) => {
      const { message, headers, response } = request
      if (isExpired && headers.authorization === 'Bearer t0') {
        if (idOf(message) === 2) held.late = request
        else response.writeHead(401).end()
        return true
      }
      const isNext = isExpired && message && 'method' in message && message.method === 'initialize'
      if (!isNext || moment === 'renewed') return script(request, server)
      held.initialize = () => script(request, server)
      return true
    })
    const auth = {
      token: () => token,
      onUnauthorized: async () => {
        token = 't1'
      },
    }
    const client = await initializedClient(server, { auth, standaloneStream: false })
    expire()
    isExpired = true
    const late = client.transport.send(call(2))
    await server.until(() => held.late !== undefined, 'the second is in progress')
    const first = client.transport.send(call(1))
    if (moment === 'renewing')
      await server.until(() => held.initialize !== undefined, 'the replacement has started')
    else await client.responseTo(1)
    held.late?.response.writeHead(401).end()
    await turns(50)
    held.initialize?.()
    await Promise.all([first, late])
    for (const id of [1, 2]) expect(await client.responseTo(id)).toEqual(resultFor(id, { of: 'tools/call' }))
    const retried = server.of('POST').filter(({ message }) => idOf(message) === 2)
    expect(retried.map(sessionOf)).toEqual(['session-1', 'session-2'])
    expect(client.errors).toEqual([renewed('session-1')])
  })

  test.each([
    [reply, { status: 'rejected', reason: { code: 'SESSION_LOST' } }],
    [cancelled(1), { status: 'fulfilled' }],
  ])('drops a message refused with 401 that the new one has no use for: %o', async (message, outcome) => {
    const { script, expire } = expiringSessions()
    const held: ScriptedRequest[] = []
    const server = await scriptedServer((request, server) => {
      if (JSON.stringify(request.message) !== JSON.stringify(message)) return script(request, server)
      held.push(request)
      return true
    })
    const auth = { token: () => 't', onUnauthorized: async () => {} }
    const client = await initializedClient(server, { auth, standaloneStream: false })
    const sent = Promise.allSettled([client.transport.send(message)])
    await server.until(() => held.length === 1, 'it is in progress')
    expire()
    await client.transport.send(note)
    held[0]?.response.writeHead(401).end()
    expect(await sent).toMatchObject([outcome])
    expect(held).toHaveLength(1)
  })

  test('is not assumed after 404 without a session: the refusal is the response', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message)) return false
      if (message.method === 'initialize')
        json(response, resultFor(message.id, { protocolVersion: '2025-11-25' }))
      else response.writeHead(404).end()
      return true
    })
    const client = await initializedClient(server)
    await client.transport.send(call(1))
    expect(await client.responseTo(1)).toMatchObject({ error: { data: { code: 'REFUSED' } } })
    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(1)
  })
})
