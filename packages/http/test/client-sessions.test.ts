import { turns } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { cancelled, initializeParams } from '@mcpwire/test-support/messages'
import { describe, expect, test } from 'vitest'
import { expiringSessions } from './support/expiring-sessions.js'
import {
  event,
  initializedClient,
  json,
  resultFor,
  type ScriptedRequest,
  SESSION_ID,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call', params: { name: 'x' } })
const reply = { jsonrpc: '2.0' as const, id: 's1', result: {} }

const sessionOf = ({ headers }: ScriptedRequest) => headers['mcp-session-id']
const idOf = (message: JsonRpcMessage | undefined) => (message && 'id' in message ? message.id : undefined)

describe('a message sent before the response to initialize', () => {
  const params = initializeParams()
  const initialize = { jsonrpc: '2.0' as const, id: 'init', method: 'initialize', params }
  const initialized = { jsonrpc: '2.0' as const, method: 'notifications/initialized' }

  test('waits for the session, and is sent in it in order', async () => {
    let respond: (() => void) | undefined
    const { script } = expiringSessions()
    const server = await scriptedServer((request, nth) => {
      if (request.message && idOf(request.message) === 'init') {
        respond = () => void script(request, nth)
        return true
      }
      return script(request, nth)
    })
    const { transport, responseTo } = await startedClient(server, { standaloneStream: false })
    const sent = Promise.all([initialize, initialized, call(1)].map((message) => transport.send(message)))
    await server.until(() => respond !== undefined, 'initialize arrived')
    await turns(20)
    expect(server.of('POST')).toHaveLength(1)
    respond?.()
    await sent
    expect(await responseTo(1)).toMatchObject({ result: {} })
    expect(server.of('POST').map(sessionOf)).toEqual([undefined, 'session-1', 'session-1'])
  })

  test('is sent where initialize is refused', async () => {
    const server = await scriptedServer(({ message, response }) => {
      if (message && idOf(message) === 'init') response.writeHead(403).end()
      else json(response, resultFor(1))
      return true
    })
    const { transport, responseTo } = await startedClient(server)
    const [refused, sent] = [transport.send(initialize), transport.send(call(1))]
    await expect(refused).rejects.toMatchObject({ code: 'REFUSED' })
    await sent
    expect(await responseTo(1)).toEqual(resultFor(1))
  })

  test('does not wait where it is a ping, or cancels initialize', async () => {
    let opening: ScriptedRequest | undefined
    const server = await scriptedServer((request) => {
      if (idOf(request.message) !== 'init') return false
      opening = request
      return true
    })
    const { transport, messages, responseTo } = await startedClient(server, { standaloneStream: false })
    const begun = transport.send(initialize)
    await server.until(() => opening !== undefined, 'initialize arrived')
    const held = transport.send(call(2))
    const notYet = transport.send(cancelled(2))
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect(await responseTo(1)).toMatchObject({ result: { of: 'ping' } })
    expect(server.posted()).toEqual(['initialize', 'ping'])
    await transport.send(cancelled('init'))
    await Promise.all([begun, held, notYet])
    expect(server.posted().slice(0, 3)).toEqual(['initialize', 'ping', 'notifications/cancelled'])
    expect(messages).not.toContainEqual(expect.objectContaining({ id: 'init' }))
  })

  test('does not wait where it is a response, which initialize may wait for', async () => {
    const asks = { jsonrpc: '2.0' as const, id: 's1', method: 'ping' }
    let opening: ScriptedRequest | undefined
    const server = await scriptedServer((request) => {
      const { message, response } = request
      if (message && idOf(message) === 'init') {
        opening = request
        stream(response, event(asks))
      } else if (idOf(message) === 's1') {
        response.writeHead(202).end()
        opening?.response.end(event(resultFor('init', { protocolVersion: '2025-11-25' })))
      } else return false
      return true
    })
    const { transport, messages, responseTo } = await startedClient(server)
    await transport.send(initialize)
    await server.until(() => messages.length === 1, 'the request arrived')
    await transport.send(reply)
    expect(await responseTo('init')).toMatchObject({ result: {} })
  })
})

describe('a session id on an error response to initialize', () => {
  const initialize = (id: string) => ({ jsonrpc: '2.0' as const, id, method: 'initialize', params: {} })

  test.each(['json', 'events'])('is ignored in %s', async (how) => {
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
    expect(await client.responseTo('first')).toMatchObject({ error: { code: -32_602 } })
    expect(client.transport.sessionId).toBeUndefined()
    await client.transport.send(call(1))
    await client.responseTo(1)
    await client.transport.send(initialize('second'))
    await client.responseTo('second')
    expect(client.transport.sessionId).toBe(SESSION_ID)
    expect(server.requests.map(sessionOf)).toEqual([undefined, undefined, undefined])
  })

  test('keeps the current session where the error has none', async () => {
    let begun = 0
    const server = await scriptedServer(({ message, response }) => {
      if (!message || !isRequest(message) || message.method !== 'initialize' || begun++ === 0) return false
      json(response, { jsonrpc: '2.0', id: message.id, error: { code: -32_600, message: 'twice' } })
      return true
    })
    const client = await initializedClient(server)
    await client.transport.send(initialize('second'))
    await client.responseTo('second')
    expect(client.transport.sessionId).toBe(SESSION_ID)
  })
})

describe('a session resumed by id', () => {
  const earlier = { sessionId: 'session-0', protocolVersion: '2025-06-18' }

  test('sends its headers, and requests its GET stream at once', async () => {
    const server = await scriptedServer()
    const client = await startedClient(server, earlier)
    expect(client.transport.sessionId).toBe('session-0')
    await client.transport.send(call(1))
    await client.responseTo(1)
    await server.until(() => server.of('GET').length === 1, 'the stream was requested')
    for (const { headers } of server.requests) {
      expect(headers).toMatchObject({ 'mcp-session-id': 'session-0', 'mcp-protocol-version': '2025-06-18' })
    }
  })

  test('cannot be replaced: its initialize is unknown', async () => {
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
    const quiet = await initializedClient(server, { endSessionOnClose: false })
    await quiet.transport.close()
    const unused = await startedClient(server)
    await unused.transport.close()
    expect(server.of('DELETE')).toEqual([])
  })

  test('sends one DELETE while the client ends with an error, and waits for it', async () => {
    let ended: (() => void) | undefined
    const server = await scriptedServer(({ method, message, response }) => {
      if (method === 'DELETE') ended = () => response.writeHead(204).end()
      else if (idOf(message) === 1) stream(response, 'data: nonsense\n\n'.repeat(10))
      else return false
      return true
    })
    const client = await initializedClient(server, { closeTimeoutMs: 5_000 })
    await client.transport.send(call(1))
    await server.until(() => ended !== undefined, 'it is closing')
    let isClosed = false
    const closing = client.transport.close().then(() => (isClosed = true))
    await turns(50)
    expect(isClosed).toBe(false)
    ended?.()
    await closing
    expect(server.of('DELETE')).toHaveLength(1)
  })

  test('waits at most closeTimeoutMs for the DELETE', async () => {
    const server = await scriptedServer(({ method }) => method === 'DELETE')
    const client = await initializedClient(server, { closeTimeoutMs: 50 })
    await client.transport.close()
    expect(server.of('DELETE')).toHaveLength(1)
    expect(client.transport.state).toBe('closed')
    await server.until(() => server.sockets.size === 0, 'no socket was left')
  })
})
