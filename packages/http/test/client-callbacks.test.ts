import { createFakeClock } from '@mcpwire/compliance'
import { describe, expect, test } from 'vitest'
import type { HttpAuth, HttpClientOptions } from '../src/index.js'
import { introducedClient, type Script, scriptedServer, startedClient } from './support/scripted-server.js'

const note = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' }
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const never = (): Promise<never> => new Promise(() => {})

const refusing =
  (status: number, challenge = 'Bearer'): Script =>
  ({ response }) => {
    response.writeHead(status, { 'www-authenticate': challenge }).end()
    return true
  }
const tooLittle = refusing(403, 'Bearer error="insufficient_scope"')

interface Silent {
  readonly slot: string
  readonly option: string
  readonly timeoutMs: number
  readonly options: Partial<HttpClientOptions>
  readonly script?: Script
}

const auth = (overlay: Partial<HttpAuth>): Partial<HttpClientOptions> => ({
  auth: { token: () => 'x', ...overlay },
})
const silent: readonly Silent[] = [
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
    script: tooLittle,
  },
]

describe.each(silent)('$slot() that never settles', ({ slot, option, timeoutMs, options, script }) => {
  /** A client one of whose sends waits for the application. */
  async function waiting(overlay: Partial<HttpClientOptions> = {}, signal?: AbortSignal) {
    const clock = createFakeClock()
    const server = await scriptedServer(script)
    const client = await startedClient(server, { clock, ...options, ...overlay })
    const outcome = client.transport.send(call, { requestSignal: signal }).then(
      () => 'sent',
      (error: unknown) => error,
    )
    await server.until(() => clock.pending === 1, 'it is waited for')
    return { clock, client, outcome, server }
  }

  test(`is waited for no longer than ${option}`, async () => {
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

  test('does not keep close() from ending, nor the send that waits from settling', async () => {
    const { clock, client, outcome } = await waiting()
    await client.transport.close()
    expect(await outcome).toMatchObject({ code: 'CLOSED' })
    expect(clock.pending).toBe(0)
  })

  test('does not keep the abort of its request from being heard', async () => {
    const aborter = new AbortController()
    const { client, outcome, clock } = await waiting({}, aborter.signal)
    const reason = new Error('given up')
    aborter.abort(reason)
    expect(await outcome).toBe(reason)
    await client.transport.close()
    expect(clock.pending).toBe(0)
  })
})

test('token() that never settles keeps neither the end of a session nor its stream waiting', async () => {
  const clock = createFakeClock()
  let isSilent = false
  const server = await scriptedServer()
  const token = (): string | Promise<never> => (isSilent ? never() : 'x')
  const client = await introducedClient(server, { clock, auth: { token } })
  isSilent = true
  const closing = client.transport.close()
  await server.until(() => clock.pending > 0, 'the end of the session waits')
  await clock.advance(500)
  await closing
  expect(clock.pending).toBe(0)
  expect(server.of('DELETE')).toEqual([])
})

test('token() that is late once does not cost the stream of the session', async () => {
  const clock = createFakeClock()
  let isSilent = true
  const server = await scriptedServer()
  const token = (): string | Promise<never> => (isSilent ? never() : 'x')
  const client = await startedClient(server, { clock, sessionId: 'session-1', auth: { token } })
  await clock.advance(10_000)
  isSilent = false
  await server.until(() => clock.pending > 0, 'another attempt is due')
  await clock.advance(60_000)
  await server.until(() => server.of('GET').length === 1, 'the stream is asked for')
  expect(client.errors).toEqual([])
})

test('what comes too late is not used, and its failure is nobody’s', async () => {
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
  expect(server.asked.map((asked) => asked.headers['x-nth'])).toEqual(['2'])
})

test('those who wait for one onUnauthorized() that never settles are all told, and the next may ask anew', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer(refusing(401))
  let asked = 0
  const onUnauthorized = (): Promise<void> => {
    asked++
    return asked === 1 ? never() : Promise.resolve()
  }
  const client = await startedClient(server, { clock, authTimeoutMs: 1_000, ...auth({ onUnauthorized }) })
  const outcomes = [1, 2, 3].map((id) =>
    client.transport.send({ ...call, id }).catch((error: unknown) => error),
  )
  await server.until(() => server.of('POST').length === 3 && clock.pending === 1, 'all were refused')
  await clock.advance(1_000)
  for (const outcome of outcomes) expect(await outcome).toMatchObject({ code: 'CALLBACK_FAILED' })
  await expect(client.transport.send(call)).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
  expect(asked).toBe(2)
})

test('what is no promise but throws when it is waited for fails the send, and nothing waits for it any more', async () => {
  const clock = createFakeClock()
  const thenable = {
    // biome-ignore lint/suspicious/noThenProperty: what a broken library may yield
    then: () => {
      throw new Error('broken')
    },
  } as unknown as Promise<string>
  const client = await startedClient(await scriptedServer(), { clock, ...auth({ token: () => thenable }) })
  await expect(client.transport.send(call)).rejects.toThrow('broken')
  expect(clock.pending).toBe(0)
})
