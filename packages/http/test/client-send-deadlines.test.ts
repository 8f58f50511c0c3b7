// Each send() settles: for every kind of message, every engine, and every phase before the start of the response.

import { createFakeClock, turns } from '@mcpwire/compliance'
import { isRequest, type JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import { engineKinds } from './support/engine-kinds.js'
import { expiringSessions } from './support/expiring-sessions.js'
import {
  initializedClient,
  type Script,
  type ScriptedRequest,
  type ScriptedServer,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const ACCEPT_MS = 10_000
const HEAD_MS = 60_000
const limits = { acceptTimeoutMs: ACCEPT_MS, responseHeadTimeoutMs: HEAD_MS, standaloneStream: false }

/** A kind of message, and the limit of its `send()`. */
interface Kind {
  readonly kind: string
  readonly message: JsonRpcMessage
  readonly option: 'acceptTimeoutMs' | 'responseHeadTimeoutMs'
}

const kinds: readonly Kind[] = [
  {
    kind: 'a notification',
    message: { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
    option: 'acceptTimeoutMs',
  },
  {
    kind: 'a cancellation',
    message: { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'x' } },
    option: 'acceptTimeoutMs',
  },
  { kind: 'a response', message: { jsonrpc: '2.0', id: 's1', result: {} }, option: 'acceptTimeoutMs' },
  {
    kind: 'an error response',
    message: { jsonrpc: '2.0', id: 's2', error: { code: -1, message: 'no' } },
    option: 'acceptTimeoutMs',
  },
  {
    kind: 'a request',
    message: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } },
    option: 'responseHeadTimeoutMs',
  },
  { kind: 'a ping', message: { jsonrpc: '2.0', id: 2, method: 'ping' }, option: 'responseHeadTimeoutMs' },
]
const limitOf = ({ option }: Kind): number => limits[option]
const isHandshake = ({ message }: ScriptedRequest): boolean =>
  message !== undefined && 'method' in message && /initialize/.test(message.method)

/** The error of `send()`, once there is one. */
function failureOf(sending: Promise<void>): { error?: unknown } {
  const outcome: { error?: unknown } = {}
  sending.then(
    () => {
      outcome.error = 'no error'
    },
    (error) => {
      outcome.error = error
    },
  )
  return outcome
}

/** Sends the message, and checks that it fails at its limit and not before. */
async function failsInTime(
  kind: Kind,
  script: (request: ScriptedRequest, server: ScriptedServer) => boolean | undefined,
  options: Partial<HttpClientOptions> = {},
  arrived: (server: ScriptedServer) => boolean = ({ requests }) =>
    requests.some((request) => request.method === 'POST' && !isHandshake(request)),
): Promise<ScriptedServer> {
  const clock = createFakeClock()
  const server = await scriptedServer((request, of) => !isHandshake(request) && script(request, of))
  const client = await initializedClient(server, { ...limits, ...options, clock })
  const outcome = failureOf(client.transport.send(kind.message))
  await server.until(() => arrived(server), 'the message arrived')
  await turns(20)
  await clock.advance(limitOf(kind) / 2)
  await turns(20)
  await clock.advance(limitOf(kind) / 2 - 1)
  await turns()
  expect(outcome.error).toBeUndefined()
  await clock.advance(1)
  await server.until(() => outcome.error !== undefined, 'send() has settled')
  expect(outcome.error).toMatchObject({
    code: 'SEND_FAILED',
    message: expect.stringContaining(`${kind.option} (${limitOf(kind)} ms)`),
    details: {
      delivery: 'unknown',
      option: kind.option,
      hint: expect.stringContaining(`option "${kind.option}"`),
    },
  })
  expect(client.transport.state).toBe('open')
  expect(clock.pending).toBe(0)
  expect(client.errors).toEqual([])
  return server
}

const silent: Script = ({ method }) => method === 'POST'

describe.each(engineKinds)('over $name', (engine) => {
  const options = () => ({ ...engine.chosenBy, ...engine.plain() }) as Partial<HttpClientOptions>

  test.each(kinds)('$kind fails where the response never starts', async (kind) => {
    await failsInTime(kind, silent, options())
  })

  test.each(kinds)('$kind fails where the response stops within its head', async (kind) => {
    const script: Script = ({ method, response }) => {
      if (method === 'POST') response.socket?.write('HTTP/1.1 200 OK\r\ncontent-type: text/ev')
      return method === 'POST'
    }
    await failsInTime(kind, script, options())
  })

  test.each(kinds)('$kind fails where only an informational response arrives', async (kind) => {
    const script: Script = ({ method, response }) => {
      if (method === 'POST') response.writeProcessing()
      return method === 'POST'
    }
    await failsInTime(kind, script, options())
  })

  test.each(kinds)('$kind fails after a new credential', async (kind) => {
    let refused = 0
    const script: Script = ({ method, response, headers }) => {
      if (method !== 'POST') return false
      if (headers.authorization === 'Bearer new') return true
      refused++
      response.writeHead(401).end()
      return true
    }
    let token = 'old'
    const auth = {
      token: () => token,
      onUnauthorized: async () => {
        token = 'new'
      },
    }
    const last = ({ requests }: ScriptedServer) => requests.at(-1)?.headers.authorization === 'Bearer new'
    await failsInTime(kind, script, { ...options(), auth }, last)
    expect(refused).toBe(1)
  })

  test.each(kinds.filter(({ kind }) => /notification|response|request/.test(kind)))(
    '$kind frees its connection',
    async (kind) => {
      const server = await failsInTime(kind, silent, { ...options(), maxSockets: 3 })
      await server.until(() => server.sockets.size <= 1, 'its connection is closed')
    },
  )
})

describe('the limit of send()', () => {
  test.each(kinds)('includes redirects of $kind', async (kind) => {
    const script: Script = ({ method, url, response }) => {
      if (method !== 'POST') return false
      if (url === '/mcp') response.writeHead(307, { location: '/other' }).end()
      return true
    }
    const last = ({ requests }: ScriptedServer) => requests.at(-1)?.url === '/other'
    await failsInTime(kind, script, {}, last)
  })

  test.each(kinds.filter(({ kind }) => /notification|request|ping/.test(kind)))(
    'includes the renewal of the session for $kind',
    async (kind) => {
      const clock = createFakeClock()
      const sessions = expiringSessions()
      let isSilent = false
      const server = await scriptedServer((request, of) => {
        if (sessions.script(request, of)) return true
        return isSilent && request.method === 'POST' && !isHandshake(request)
      })
      const client = await initializedClient(server, { ...limits, clock })
      sessions.expire()
      isSilent = true
      const outcome = failureOf(client.transport.send(kind.message))
      await server.until(() => server.requests.at(-1)?.headers['mcp-session-id'] === 'session-2', 'renewed')
      await server.until(() => !isHandshake(server.requests.at(-1) as ScriptedRequest), 'it was sent again')
      await turns(20)
      await clock.advance(limitOf(kind))
      await server.until(() => outcome.error !== undefined, 'send() has settled')
      expect(outcome.error).toMatchObject({ code: 'SEND_FAILED', details: { option: kind.option } })
      expect(clock.pending).toBe(0)
    },
  )

  test.each(kinds.filter(({ kind }) => /notification|request/.test(kind)))(
    'includes the wait of $kind for the response to initialize, and reports that nothing was sent',
    async (kind) => {
      const clock = createFakeClock()
      const server = await scriptedServer(({ message, response }) => {
        if (!message) return false
        if (isRequest(message)) stream(response)
        return true
      })
      const client = await startedClient(server, { ...limits, clock })
      await client.transport.send({ jsonrpc: '2.0', id: 'init', method: 'initialize' })
      const outcome = failureOf(client.transport.send(kind.message))
      await clock.advance(limitOf(kind) - 1)
      expect(outcome.error).toBeUndefined()
      await clock.advance(1)
      await server.until(() => outcome.error !== undefined, 'send() has settled')
      expect(outcome.error).toMatchObject({
        code: 'SEND_FAILED',
        message: expect.stringContaining('session was not ready'),
        details: { delivery: 'none', option: kind.option },
      })
      expect(server.requests).toHaveLength(1)
    },
  )

  test.each(engineKinds)('includes the wait for a connection over $name', async (engine) => {
    const clock = createFakeClock()
    const server = await scriptedServer((request) => {
      if (isHandshake(request) || request.method !== 'POST') return false
      stream(request.response)
      return true
    })
    const client = await initializedClient(server, {
      ...limits,
      ...engine.chosenBy,
      ...(engine.plain() as object),
      clock,
      maxSockets: 3,
      streamIdleTimeoutMs: Infinity,
    })
    for (let id = 1; id <= 2; id++) await client.transport.send({ jsonrpc: '2.0', id, method: 'tools/list' })
    const outcome = failureOf(client.transport.send({ jsonrpc: '2.0', id: 3, method: 'tools/list' }))
    await clock.advance(HEAD_MS)
    await server.until(() => outcome.error !== undefined, 'send() has settled')
    expect(outcome.error).toMatchObject({
      code: 'SEND_FAILED',
      message: expect.stringContaining('no connection'),
      details: { delivery: 'none', hint: expect.stringContaining('option "maxSockets"') },
    })
  })

  test('grows with the length of the message', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer((request) => !isHandshake(request) && silent(request, {} as never))
    const client = await initializedClient(server, { ...limits, clock })
    const params = { text: 'x'.repeat(640 * 1_024) }
    const outcome = failureOf(client.transport.send({ jsonrpc: '2.0', method: 'notifications/x', params }))
    await server.until(() => server.posted().includes('notifications/x'), 'it arrived')
    await clock.advance(ACCEPT_MS + 9_999)
    expect(outcome.error).toBeUndefined()
    await clock.advance(1)
    await server.until(() => outcome.error !== undefined, 'send() has settled')
  })

  test('applies where option fetch never settles and ignores its signal', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer()
    let isStuck = false
    const fetch: typeof globalThis.fetch = (url, init) =>
      isStuck ? new Promise(() => {}) : globalThis.fetch(url, init)
    const client = await initializedClient(server, { ...limits, clock, fetch })
    isStuck = true
    const outcomes = kinds.map(({ message }) => failureOf(client.transport.send(message)))
    await clock.advance(HEAD_MS)
    await turns()
    expect(outcomes.map(({ error }) => (error as { code?: unknown }).code)).toEqual(
      kinds.map(() => 'SEND_FAILED'),
    )
    expect(clock.pending).toBe(0)
    isStuck = false
  })
})

describe('the limit of send()', () => {
  const [notification] = kinds as [Kind]

  test.each([
    ['a user who logs in', { onUnauthorized: true }],
    ['a slow token()', { token: true }],
    ['slow headers()', { headers: true }],
  ])(
    'does not include the time of %s',
    async (_what, slow: { onUnauthorized?: boolean; token?: boolean; headers?: boolean }) => {
      const clock = createFakeClock()
      let isLate = false
      let calls = 0
      const late = async <T>(value: T): Promise<T> => {
        calls++
        // Longer than half of the limit: the server gets the whole limit besides.
        if (isLate) await clock.sleep(slow.onUnauthorized ? 120_000 : 9_000)
        return value
      }
      const server = await scriptedServer((request) => {
        if (isHandshake(request) || request.method !== 'POST') return false
        if (slow.onUnauthorized && request.headers.authorization !== 'Bearer new') {
          request.response.writeHead(401).end()
          return true
        }
        return true
      })
      let token = 'old'
      const client = await initializedClient(server, {
        ...limits,
        clock,
        ...(slow.headers && { headers: () => late({}) }),
        auth: {
          token: () => (slow.token ? late(token) : token),
          onUnauthorized: async () => {
            await late(undefined)
            token = 'new'
          },
        },
      })
      isLate = true
      const before = calls
      const outcome = failureOf(client.transport.send(notification.message))
      await server.until(() => calls > before, 'the application was called')
      await clock.advance(slow.onUnauthorized ? 120_000 : 9_000)
      await server.until(() => {
        const last = server.requests.at(-1)
        return (
          !isHandshake(last as ScriptedRequest) &&
          (!slow.onUnauthorized || last?.headers.authorization === 'Bearer new')
        )
      }, 'it was sent')
      await turns(20)
      await clock.advance(ACCEPT_MS - 1)
      expect(outcome.error).toBeUndefined()
      await clock.advance(1)
      await server.until(() => outcome.error !== undefined, 'send() has settled')
      expect(outcome.error).toMatchObject({ code: 'SEND_FAILED', details: { option: 'acceptTimeoutMs' } })
      isLate = false
    },
  )

  test('does not include a pause while the message waits for the session', async () => {
    const clock = createFakeClock()
    const server = await scriptedServer(({ message, response }) => {
      if (!message) return false
      if (isRequest(message)) stream(response)
      return true
    })
    const client = await startedClient(server, { ...limits, clock, streamIdleTimeoutMs: Infinity })
    await client.transport.send({ jsonrpc: '2.0', id: 'init', method: 'initialize' })
    const outcome = failureOf(client.transport.send(notification.message))
    client.transport.flow?.pause()
    await clock.advance(ACCEPT_MS * 3)
    expect(outcome.error).toBeUndefined()
    client.transport.flow?.resume()
    await clock.advance(ACCEPT_MS)
    await server.until(() => outcome.error !== undefined, 'send() has settled')
  })
})

test('close() settles what is pending, and leaves no deadline', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer((request) => !isHandshake(request) && request.method === 'POST')
  const client = await initializedClient(server, { ...limits, clock })
  const outcomes = kinds.map(({ message }) => failureOf(client.transport.send(message)))
  await server.until(() => server.requests.length >= kinds.length + 2, 'all arrived')
  await client.transport.close()
  await turns()
  expect(outcomes.map(({ error }) => (error as { code?: unknown }).code)).toEqual(kinds.map(() => 'CLOSED'))
  expect(clock.pending).toBe(0)
})
