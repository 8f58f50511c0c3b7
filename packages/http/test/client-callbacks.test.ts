import { createFakeClock } from '@mcpwire/compliance'
import { describe, expect, test } from 'vitest'
import type { HttpAuth, HttpClientOptions } from '../src/index.js'
import { initializedClient, type Script, scriptedServer, startedClient } from './support/scripted-server.js'

const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const never = (): Promise<never> => new Promise(() => {})

const refusing =
  (status: number, challenge = 'Bearer'): Script =>
  ({ response }) => {
    response.writeHead(status, { 'www-authenticate': challenge }).end()
    return true
  }
const missingScope = refusing(403, 'Bearer error="insufficient_scope"')

interface PendingCallback {
  readonly slot: string
  readonly option: string
  readonly timeoutMs: number
  readonly options: Partial<HttpClientOptions>
  readonly script?: Script
}

const auth = (overlay: Partial<HttpAuth>): Partial<HttpClientOptions> => ({
  auth: { token: () => 'x', ...overlay },
})
const pendingCallbacks: readonly PendingCallback[] = [
  { slot: 'token', option: 'connectTimeoutMs', timeoutMs: 10_000, options: auth({ token: never }) },
  { slot: 'headers', option: 'connectTimeoutMs', timeoutMs: 10_000, options: { headers: never } },
  {
    slot: 'onUnauthorized',
    option: 'authTimeoutMs',
    timeoutMs: 300_000,
    options: auth({ onUnauthorized: never }),
    script: refusing(401),
  },
  {
    slot: 'onInsufficientScope',
    option: 'authTimeoutMs',
    timeoutMs: 300_000,
    options: auth({ onInsufficientScope: never }),
    script: missingScope,
  },
]

describe.each(pendingCallbacks)(
  '$slot() that never settles',
  ({ slot, option, timeoutMs, options, script }) => {
    /** A client with a send that waits for the callback. */
    async function waiting(overlay: Partial<HttpClientOptions> = {}, signal?: AbortSignal) {
      const clock = createFakeClock()
      const server = await scriptedServer(script)
      const client = await startedClient(server, { clock, ...options, ...overlay })
      const outcome = client.transport.send(call, { requestSignal: signal }).then(
        () => 'sent',
        (error: unknown) => error,
      )
      await server.until(() => clock.pending === 1, 'the callback is pending')
      return { clock, client, outcome, server }
    }

    test(`fails with CALLBACK_FAILED after ${option}`, async () => {
      const { clock, client, outcome } = await waiting()
      await clock.advance(timeoutMs)
      expect(await outcome).toMatchObject({
        code: 'CALLBACK_FAILED',
        details: { slot },
        message: expect.stringContaining(`${option} (${timeoutMs} ms)`),
      })
      expect(clock.pending).toBe(0)
      expect(client.transport.state).toBe('open')
    })

    test('does not delay close(), and its send() rejects with CLOSED', async () => {
      const { clock, client, outcome } = await waiting()
      await client.transport.close()
      expect(await outcome).toMatchObject({ code: 'CLOSED' })
      expect(clock.pending).toBe(0)
    })

    test('does not delay the abort of its request', async () => {
      const aborter = new AbortController()
      const { client, outcome, clock } = await waiting({}, aborter.signal)
      const reason = new Error('aborted')
      aborter.abort(reason)
      expect(await outcome).toBe(reason)
      await client.transport.close()
      expect(clock.pending).toBe(0)
    })
  },
)

test('closes in time while token() is pending', async () => {
  const clock = createFakeClock()
  let isSilent = false
  const server = await scriptedServer()
  const token = (): string | Promise<never> => (isSilent ? never() : 'x')
  const client = await initializedClient(server, { clock, auth: { token } })
  isSilent = true
  const closing = client.transport.close()
  await server.until(() => clock.pending > 0, 'the DELETE waits')
  await clock.advance(500)
  await closing
  expect(clock.pending).toBe(0)
  expect(server.of('DELETE')).toEqual([])
})

test('opens the GET stream again after token() timed out once', async () => {
  const clock = createFakeClock()
  let isSilent = true
  const server = await scriptedServer()
  const token = (): string | Promise<never> => (isSilent ? never() : 'x')
  const client = await startedClient(server, { clock, sessionId: 'session-1', auth: { token } })
  await clock.advance(10_000)
  isSilent = false
  await server.until(() => clock.pending > 0, 'another attempt is scheduled')
  await clock.advance(60_000)
  await server.until(() => server.of('GET').length === 1, 'the stream is requested')
  expect(client.errors).toEqual([])
})

test('ignores a late rejection of headers()', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer()
  let refuse: (error: Error) => void = () => {}
  let isSlow = true
  const headers = () =>
    isSlow ? new Promise<Record<string, string>>((_, reject) => (refuse = reject)) : { 'x-nth': '2' }
  const client = await startedClient(server, { clock, headers })
  const late = expect(client.transport.send(note)).rejects.toMatchObject({ code: 'CALLBACK_FAILED' })
  await clock.advance(10_000)
  await late
  refuse(new Error('too late'))
  isSlow = false
  await client.transport.send(note)
  expect(server.requests.map((request) => request.headers['x-nth'])).toEqual(['2'])
})

test('fails all requests that share one pending onUnauthorized(), and calls it again for the next', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer(refusing(401))
  let calls = 0
  const onUnauthorized = (): Promise<void> => {
    calls++
    return calls === 1 ? never() : Promise.resolve()
  }
  const client = await startedClient(server, { clock, authTimeoutMs: 1_000, ...auth({ onUnauthorized }) })
  const outcomes = [1, 2, 3].map((id) =>
    client.transport.send({ ...call, id }).catch((error: unknown) => error),
  )
  await server.until(() => server.of('POST').length === 3 && clock.pending === 1, 'all were refused')
  await clock.advance(1_000)
  for (const outcome of outcomes) expect(await outcome).toMatchObject({ code: 'CALLBACK_FAILED' })
  await expect(client.transport.send(call)).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
  expect(calls).toBe(2)
})

test('fails the send where token() returns a thenable whose then() throws', async () => {
  const clock = createFakeClock()
  const thenable = {
    // biome-ignore lint/suspicious/noThenProperty: a broken library may return this
    then: () => {
      throw new Error('broken')
    },
  } as unknown as Promise<string>
  const client = await startedClient(await scriptedServer(), { clock, ...auth({ token: () => thenable }) })
  await expect(client.transport.send(call)).rejects.toThrow('broken')
  expect(clock.pending).toBe(0)
})
