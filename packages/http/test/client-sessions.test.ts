import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import type { StreamState } from '../src/index.js'
import {
  type Asked,
  event,
  introducedClient,
  json,
  resultFor,
  type Script,
  SESSION_ID,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })
const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }
const reply = { jsonrpc: '2.0' as const, id: 's1', result: {} }

interface Forgetful {
  /** Forgets the session there is. */
  forget(): void
  readonly script: Script
}

/** A server whose sessions can be forgotten, and are numbered. */
function forgetful(beginAnew: (asked: Asked, nth: number) => boolean = () => false): Forgetful {
  let begun = 0
  let known: string | undefined
  return {
    forget: () => {
      known = undefined
    },
    script: (asked) => {
      const { message, response, headers } = asked
      if (message && isRequest(message) && message.method === 'initialize') {
        if (beginAnew(asked, begun)) return true
        known = `session-${++begun}`
        const result = {
          protocolVersion: '2025-11-25',
          capabilities: {},
          serverInfo: { name: 's', version: '1' },
        }
        json(response, { jsonrpc: '2.0', id: message.id, result }, { 'mcp-session-id': known })
        return true
      }
      if (headers['mcp-session-id'] === known || asked.method === 'DELETE') return false
      response.writeHead(404).end()
      return true
    },
  }
}

const sessionOf = ({ headers }: Asked) => headers['mcp-session-id']
const renewed = (sessionId: string) =>
  expect.objectContaining({
    code: 'SESSION_LOST',
    message: expect.stringContaining('another was begun'),
    details: { sessionId },
  })
const idOf = (message: JsonRpcMessage | undefined) => (message && 'id' in message ? message.id : undefined)

describe('what is sent behind initialize, before its answer', () => {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } }
  const initialize = { jsonrpc: '2.0' as const, id: 'init', method: 'initialize', params }
  const initialized = { jsonrpc: '2.0' as const, method: 'notifications/initialized' }

  test('waits for the session, and goes out in it in its order', async () => {
    let begin: (() => void) | undefined
    const { script } = forgetful()
    const server = await scriptedServer((asked, nth) => {
      if (asked.message && idOf(asked.message) === 'init') {
        begin = () => void script(asked, nth)
        return true
      }
      return script(asked, nth)
    })
    const { transport, answerTo } = await startedClient(server, { standaloneStream: false })
    const sent = Promise.all([initialize, initialized, call(1)].map((message) => transport.send(message)))
    await server.until(() => begin !== undefined, 'initialize is there')
    await turns(20)
    expect(server.of('POST')).toHaveLength(1)
    begin?.()
    await sent
    expect(await answerTo(1)).toMatchObject({ result: {} })
    expect(server.of('POST').map(sessionOf)).toEqual([undefined, 'session-1', 'session-1'])
  })

  test('goes out all the same where initialize is refused', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (message && idOf(message) === 'init') response.writeHead(403).end()
      else json(response, resultFor(1))
      return true
    })
    const { transport, answerTo } = await startedClient(server)
    const [refused, sent] = [transport.send(initialize), transport.send(call(1))]
    await expect(refused).rejects.toMatchObject({ code: 'REFUSED' })
    await sent
    expect(await answerTo(1)).toEqual(resultFor(1))
  })

  test('but not a ping, nor what cancels initialize itself', async () => {
    let opening: Asked | undefined
    const server = await scriptedServer((asked) => {
      if (idOf(asked.message) !== 'init') return false
      opening = asked
      return true
    })
    const { transport, messages, answerTo } = await startedClient(server, { standaloneStream: false })
    const begun = transport.send(initialize)
    await server.until(() => opening !== undefined, 'initialize is there')
    const held = transport.send(call(2))
    const cancelled = (requestId: string | number) => ({
      jsonrpc: '2.0' as const,
      method: 'notifications/cancelled',
      params: { requestId },
    })
    const notYet = transport.send(cancelled(2))
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect(await answerTo(1)).toMatchObject({ result: { of: 'ping' } })
    expect(server.posted()).toEqual(['initialize', 'ping'])
    await transport.send(cancelled('init'))
    await Promise.all([begun, held, notYet])
    expect(server.posted().slice(0, 3)).toEqual(['initialize', 'ping', 'notifications/cancelled'])
    expect(messages).not.toContainEqual(expect.objectContaining({ id: 'init' }))
  })

  test('but not an answer, for which that of initialize may wait', async () => {
    const asks = { jsonrpc: '2.0' as const, id: 's1', method: 'ping' }
    let opening: Asked | undefined
    const server = await scriptedServer((asked) => {
      const { message, response } = asked
      if (message && idOf(message) === 'init') {
        opening = asked
        stream(response, event(asks))
      } else if (idOf(message) === 's1') {
        response.writeHead(202).end()
        opening?.response.end(event(resultFor('init', { protocolVersion: '2025-11-25' })))
      } else return false
      return true
    })
    const { transport, messages, answerTo } = await startedClient(server)
    await transport.send(initialize)
    await server.until(() => messages.length === 1, 'the server has asked')
    await transport.send(reply)
    expect(await answerTo('init')).toMatchObject({ result: {} })
  })
})

describe('a session that the server forgot', () => {
  test('is followed by one other for all who notice, and every message is sent in it once [SESS-C-08]', async () => {
    const { script, forget } = forgetful()
    const server = await scriptedServer(script)
    const client = await introducedClient(server)
    forget()
    await Promise.all([...Array(10).keys()].map((id) => client.transport.send(call(id))))
    await client.transport.send(note)
    for (let id = 0; id < 10; id++)
      expect(await client.answerTo(id)).toEqual(resultFor(id, { of: 'tools/call' }))

    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(2)
    expect(server.posted().filter((method) => method === 'notifications/initialized')).toHaveLength(2)
    const inTheNew = server.of('POST').filter((asked) => sessionOf(asked) === 'session-2')
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
      const begins = message && 'method' in message && message.method === 'initialize'
      expect('mcp-session-id' in headers).toBe(!begins)
    }
  })

  test('is followed by one that may take a person as long as authTimeoutMs', async () => {
    const clock = createFakeClock()
    let token = 't0'
    const { script, forget } = forgetful(({ headers, response }, nth) => {
      const isRefused = nth > 0 && headers.authorization !== 'Bearer t1'
      if (isRefused) response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      return isRefused
    })
    const server = await scriptedServer(script)
    let consent: (() => void) | undefined
    const onUnauthorized = () => new Promise<void>((resolve) => (consent = resolve))
    const client = await introducedClient(server, { clock, auth: { token: () => token, onUnauthorized } })
    forget()
    const sent = client.transport.send(call(1))
    await server.until(() => consent !== undefined, 'somebody is asked')
    await clock.advance(60_000)
    token = 't1'
    consent?.()
    await sent
    expect(await client.answerTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
    expect(client.errors).toEqual([renewed('session-1')])
  })

  test('is not looked for twice: a second 404 ends the transport with SESSION_LOST', async () => {
    const server = await scriptedServer((asked) => {
      if (!asked.message || !isRequest(asked.message) || asked.message.method !== 'tools/call') return false
      asked.response.writeHead(404).end()
      return true
    })
    const client = await introducedClient(server)
    await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'SESSION_LOST' })
    expect(await client.transport.closed).toMatchObject({ code: 'SESSION_LOST' })
    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(2)
  })

  const refusals: Record<string, (asked: Asked) => void> = {
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

  test.each(Object.entries(refusals))('is lost where the server answers %s', async (_how, refuse) => {
    const { script, forget } = forgetful((asked, begun) => {
      if (begun > 0) refuse(asked)
      return begun > 0
    })
    const server = await scriptedServer(script)
    const client = await introducedClient(server)
    forget()
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
  })

  test('is lost at once where the server forgets the next one, of the same id, before it is introduced', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((asked, server) => {
      const isLate = server.posted().filter((method) => method === 'initialize').length > 1
      const isBeginning = asked.message && isRequest(asked.message) && asked.message.method === 'initialize'
      const isCall = asked.message && isRequest(asked.message) && !isBeginning
      if (asked.method !== 'POST' || isBeginning || !(isLate || isCall)) return false
      asked.response.writeHead(404).end()
      return true
    })
    const client = await introducedClient(server, { clock })
    await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'SESSION_LOST' })
    expect(await client.transport.closed).toMatchObject({ code: 'SESSION_LOST' })
  })

  test('takes with it the requests it asked: their answers are not sent in the next one', async () => {
    const { script, forget } = forgetful()
    const server = await scriptedServer(script)
    const client = await introducedClient(server)
    forget()
    await expect(client.transport.send(reply)).rejects.toMatchObject({ code: 'SESSION_LOST' })
    expect(client.transport.state).toBe('open')
    await client.transport.send(call(1))
    await client.answerTo(1)
    expect(client.transport.sessionId).toBe('session-2')
  })

  test('is noticed by its stream, and has another in the next session', async () => {
    const { script, forget } = forgetful()
    const states: StreamState[] = []
    const server = await scriptedServer((asked, server) => {
      if (script(asked, server)) return true
      if (asked.method !== 'GET') return false
      stream(asked.response, `retry: 100\n${event(note, 'g1')}`)
      return true
    })
    const client = await introducedClient(server, { onStreamState: (state) => states.push(state) })
    await server.until(() => client.messages.length > 1, 'the stream was open')
    forget()
    server.of('GET')[0]?.response.end()
    await server.until(() => client.transport.sessionId === 'session-2', 'there was another')
    await server.until(() => states.filter((state) => state === 'open').length === 2, 'it was open again')
    const last = server.of('GET').at(-1)
    expect(last?.headers).toMatchObject({ 'mcp-session-id': 'session-2' })
    expect(client.errors).toEqual([renewed('session-1')])
  })

  test('time after time, with nothing said in between, is followed by others within the budget', async () => {
    const clock = createFakeClock()
    const { script, forget } = forgetful()
    const server = await scriptedServer((asked, server) => {
      const isAgain = server.of('GET').filter((each) => sessionOf(each) === sessionOf(asked)).length > 1
      if (asked.method === 'GET' && isAgain) forget()
      if (script(asked, server)) return true
      if (asked.method !== 'GET') return false
      stream(asked.response, 'retry: 100\nid: g1\ndata:\n\n').end()
      return true
    })
    const options = { clock, reconnect: { maxAttempts: 2 }, random: () => 0.5 }
    const client = await introducedClient(server, options)
    while (client.transport.state !== 'closed') {
      await turns(50)
      await clock.advance(100)
    }
    expect(await client.transport.closed).toMatchObject({
      code: 'SESSION_LOST',
      message: expect.stringContaining('maxAttempts'),
    })
    // The first was of use: it has seen the beginning.
    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(3)
    expect(client.errors.slice(0, 2)).toEqual([renewed('session-1'), renewed('session-2')])
  })

  test('is followed by another without attempts to spare, where it was of use', async () => {
    const clock = createFakeClock()
    const { script, forget } = forgetful()
    const server = await scriptedServer(script)
    const options = { clock, standaloneStream: false, reconnect: { maxAttempts: 0 } }
    const client = await introducedClient(server, options)
    forget()
    await client.transport.send(call(1))
    expect(await client.answerTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
    forget()
    await client.transport.send(note)
    await clock.advance(5_000)
    forget()
    await client.transport.send(note)
    forget()
    await expect(client.transport.send(note)).rejects.toMatchObject({
      code: 'SESSION_LOST',
      details: { sessionId: 'session-4' },
    })
  })

  test('of which nothing came is followed by another after a while', async () => {
    const clock = createFakeClock()
    const { script, forget } = forgetful()
    const server = await scriptedServer(script)
    const client = await introducedClient(server, { clock, standaloneStream: false, random: () => 0.5 })
    const begun = () => server.posted().filter((method) => method === 'initialize').length
    forget()
    await client.transport.send(note)
    forget()
    const sent = client.transport.send(note)
    await server.until(
      () => server.posted().filter((method) => method === note.method).length === 3,
      'it is refused',
    )
    await turns(50)
    await clock.advance(999)
    await turns(50)
    expect(begun()).toBe(2)
    await clock.advance(1)
    await sent
    expect(begun()).toBe(3)
  })

  test.each([
    ['while it is followed by another', 'renewing'],
    ['after it was followed by another', 'renewed'],
  ])('keeps no message that was refused with 401 %s', async (_when, moment) => {
    const { script, forget } = forgetful()
    let token = 't0'
    let isForgotten = false
    const held: { late?: Asked; initialize?: () => void } = {}
    const server = await scriptedServer((asked, server) => {
      const { message, headers, response } = asked
      if (isForgotten && headers.authorization === 'Bearer t0') {
        if (idOf(message) === 2) held.late = asked
        else response.writeHead(401).end()
        return true
      }
      const isNext = isForgotten && message && 'method' in message && message.method === 'initialize'
      if (!isNext || moment === 'renewed') return script(asked, server)
      held.initialize = () => script(asked, server)
      return true
    })
    const auth = {
      token: () => token,
      onUnauthorized: async () => {
        token = 't1'
      },
    }
    const client = await introducedClient(server, { auth, standaloneStream: false })
    forget()
    isForgotten = true
    const late = client.transport.send(call(2))
    await server.until(() => held.late !== undefined, 'the second is under way')
    const first = client.transport.send(call(1))
    if (moment === 'renewing') await server.until(() => held.initialize !== undefined, 'another is begun')
    else await client.answerTo(1)
    held.late?.response.writeHead(401).end()
    await turns(50)
    held.initialize?.()
    await Promise.all([first, late])
    for (const id of [1, 2]) expect(await client.answerTo(id)).toEqual(resultFor(id, { of: 'tools/call' }))
    const retried = server.of('POST').filter(({ message }) => idOf(message) === 2)
    expect(retried.map(sessionOf)).toEqual(['session-1', 'session-2'])
    expect(client.errors).toEqual([renewed('session-1')])
  })

  test.each([
    [reply, { status: 'rejected', reason: { code: 'SESSION_LOST' } }],
    [
      { jsonrpc: '2.0' as const, method: 'notifications/cancelled', params: { requestId: 1 } },
      { status: 'fulfilled' },
    ],
  ])('takes with it what was refused with 401 and is of no use in the next: %o', async (message, outcome) => {
    const { script, forget } = forgetful()
    const held: Asked[] = []
    const server = await scriptedServer((asked, server) => {
      if (JSON.stringify(asked.message) !== JSON.stringify(message)) return script(asked, server)
      held.push(asked)
      return true
    })
    const auth = { token: () => 't', onUnauthorized: async () => {} }
    const client = await introducedClient(server, { auth, standaloneStream: false })
    const sent = Promise.allSettled([client.transport.send(message)])
    await server.until(() => held.length === 1, 'it is under way')
    forget()
    await client.transport.send(note)
    held[0]?.response.writeHead(401).end()
    expect(await sent).toMatchObject([outcome])
    expect(held).toHaveLength(1)
  })

  test('cannot be told by 404 where there is none: that is the answer', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message)) return false
      if (message.method === 'initialize')
        json(response, resultFor(message.id, { protocolVersion: '2025-11-25' }))
      else response.writeHead(404).end()
      return true
    })
    const client = await introducedClient(server)
    await client.transport.send(call(1))
    expect(await client.answerTo(1)).toMatchObject({ error: { data: { code: 'REFUSED' } } })
    expect(server.posted().filter((method) => method === 'initialize')).toHaveLength(1)
  })
})

describe('a session that is named by a refusal to initialize', () => {
  const initialize = (id: string) => ({ jsonrpc: '2.0' as const, id, method: 'initialize', params: {} })

  test.each(['json', 'events'])('in %s is none', async (how) => {
    let begun = 0
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'initialize' || begun++ > 0) return false
      const error = { jsonrpc: '2.0', id: message.id, error: { code: -32_602, message: 'no' } }
      const headers = { 'mcp-session-id': 'session-0' }
      if (how === 'json') json(response, error, headers)
      else response.writeHead(200, { 'content-type': 'text/event-stream', ...headers }).end(event(error))
      return true
    })
    const client = await startedClient(server)
    await client.transport.send(initialize('first'))
    expect(await client.answerTo('first')).toMatchObject({ error: { code: -32_602 } })
    expect(client.transport.sessionId).toBeUndefined()
    await client.transport.send(call(1))
    await client.answerTo(1)
    await client.transport.send(initialize('second'))
    await client.answerTo('second')
    expect(client.transport.sessionId).toBe(SESSION_ID)
    expect(server.asked.map(sessionOf)).toEqual([undefined, undefined, undefined])
  })

  test('leaves the session there was before that named none', async () => {
    let begun = 0
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'initialize' || begun++ === 0) return false
      json(response, { jsonrpc: '2.0', id: message.id, error: { code: -32_600, message: 'twice' } })
      return true
    })
    const client = await introducedClient(server)
    await client.transport.send(initialize('second'))
    await client.answerTo('second')
    expect(client.transport.sessionId).toBe(SESSION_ID)
  })
})

describe('a session of another life', () => {
  const earlier = { sessionId: 'session-0', protocolVersion: '2025-06-18' }

  test('is gone on with: its headers are sent, and its stream is asked for at once', async () => {
    const server = await scriptedServer()
    const client = await startedClient(server, earlier)
    expect(client.transport.sessionId).toBe('session-0')
    await client.transport.send(call(1))
    await client.answerTo(1)
    await server.until(() => server.of('GET').length === 1, 'the stream was asked for')
    for (const { headers } of server.asked) {
      expect(headers).toMatchObject({ 'mcp-session-id': 'session-0', 'mcp-protocol-version': '2025-06-18' })
    }
  })

  test('cannot be renewed, since its beginning was not seen', async () => {
    const server = await scriptedServer(({ response }) => {
      response.writeHead(404).end()
      return true
    })
    const client = await startedClient(server, earlier)
    await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'SESSION_LOST' })
    expect(await client.transport.closed).toMatchObject({ details: { sessionId: 'session-0' } })
    expect(server.posted()).not.toContain('initialize')
  })
})

describe('close()', () => {
  test('sends no DELETE where endSessionOnClose is off, or where there is no session', async () => {
    const server = await scriptedServer()
    const quiet = await introducedClient(server, { endSessionOnClose: false })
    await quiet.transport.close()
    const unused = await startedClient(server)
    await unused.transport.close()
    expect(server.of('DELETE')).toEqual([])
  })

  test('sends one DELETE where the client is ending of its own accord, and waits for that', async () => {
    let ended: (() => void) | undefined
    const server = await scriptedServer(({ method, message, response }) => {
      if (method === 'DELETE') ended = () => response.writeHead(204).end()
      else if (idOf(message) === 1) stream(response, 'data: nonsense\n\n'.repeat(10))
      else return false
      return true
    })
    const client = await introducedClient(server, { closeTimeoutMs: 5_000 })
    await client.transport.send(call(1))
    await server.until(() => ended !== undefined, 'it is ending')
    let isClosed = false
    const closing = client.transport.close().then(() => (isClosed = true))
    await turns(50)
    expect(isClosed).toBe(false)
    ended?.()
    await closing
    expect(server.of('DELETE')).toHaveLength(1)
  })

  test('waits for the DELETE no longer than closeTimeoutMs', async () => {
    const server = await scriptedServer(({ method }) => method === 'DELETE')
    const client = await introducedClient(server, { closeTimeoutMs: 50 })
    await client.transport.close()
    expect(server.of('DELETE')).toHaveLength(1)
    expect(client.transport.state).toBe('closed')
    await server.until(() => server.sockets.size === 0, 'no socket was left')
  })
})
