// The server is gone for good while a request waits for the rest of its stream.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createFakeClock, type FakeClock, until } from '@mcpwire/compliance'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { HttpClientOptions } from '../src/index.js'
import { engineKinds } from './support/engine-kinds.js'
import {
  event,
  initializedClient,
  resultFor,
  scriptedServer,
  startedClient,
  stream,
} from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const settle = (fact: () => boolean, what: string) => until(fact, what, 30_000)

/** A server whose call begins a stream that can be resumed, and which stops listening. */
async function stoppingServer(first: string): Promise<{ url: string; stop(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.method === 'POST') stream(response, first)
      else response.writeHead(405).end()
    })
  })
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(stop)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, stop }
}

/** Advances until the fact is true. Returns the time that it took. */
async function timeUntil(clock: FakeClock, fact: () => boolean): Promise<number> {
  const startMs = clock.now()
  while (!fact()) {
    await settle(() => fact() || clock.pending > 0, 'an attempt is due')
    if (!fact()) await clock.advance(50)
  }
  return clock.now() - startMs
}

describe.each(engineKinds)('over $name', (engine) => {
  const options = (): Partial<HttpClientOptions> => ({ ...engine.chosenBy, ...engine.plain() }) as object

  test('a request learns within five seconds that connections are refused', async () => {
    const clock = createFakeClock()
    const server = await stoppingServer('id: e1\ndata:\n\n')
    const client = await startedClient(
      { url: server.url, until: settle },
      { ...options(), clock, random: () => 1, standaloneStream: false },
    )
    await client.transport.send(call)
    await server.stop()
    const tookMs = await timeUntil(clock, () => client.messages.length > 0)
    expect(tookMs).toBeGreaterThan(2_500)
    expect(tookMs).toBeLessThan(5_500)
    expect(client.messages).toMatchObject([
      {
        id: 1,
        error: {
          message: expect.stringContaining('3 attempts found no connection'),
          data: { code: 'OUTCOME_UNKNOWN', cause: 'RECONNECT_EXHAUSTED' },
        },
      },
    ])
    expect(clock.pending).toBe(0)
  })
})

/** A client whose GETs fail by the list, where `refused` is no connection. */
async function failingGets(
  outcomes: readonly ('refused' | 'name' | 'unreachable' | 'timeout' | 'reset' | 503 | 'stream' | 'answer')[],
  options: Partial<HttpClientOptions> = {},
) {
  let gets = 0
  const server = await scriptedServer(({ method, message, response }) => {
    if (message && 'method' in message && message.method === 'tools/call')
      stream(response, 'id: e1\ndata:\n\n').end()
    else if (method === 'GET') {
      const outcome = outcomes[gets - 1]
      if (outcome === 'stream') stream(response, `id: n${gets}\ndata:\n\n`).end()
      else if (outcome === 'answer') stream(response, event(resultFor(1)))
      else if (outcome === 'reset') response.socket?.resetAndDestroy()
      else response.writeHead(503).end()
    } else return false
    return true
  })
  const codes = {
    refused: 'ECONNREFUSED',
    name: 'ENOTFOUND',
    unreachable: 'EHOSTUNREACH',
    timeout: 'UND_ERR_CONNECT_TIMEOUT',
  }
  const fetch: typeof globalThis.fetch = (url, init) => {
    const outcome = init?.method === 'GET' ? (outcomes[gets++] ?? 'refused') : 'stream'
    const code = codes[outcome as keyof typeof codes]
    if (code === undefined) return globalThis.fetch(url, init)
    return Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }))
  }
  const reconnect = { firstDelayMs: 1, maxDelayMs: 1 }
  const client = await initializedClient(server, {
    fetch,
    reconnect,
    minRetryMs: 0,
    standaloneStream: false,
    ...options,
  })
  return { client, gets: () => gets }
}

describe('a resumption', () => {
  test.each([
    ['refused connections', ['refused', 'refused', 'refused'], 3],
    ['an unknown host', ['name', 'name', 'name'], 3],
    ['an unreachable host', ['unreachable', 'unreachable', 'unreachable'], 3],
    ['connections that do not open', ['timeout', 'timeout', 'timeout'], 3],
    ['several of these', ['refused', 'unreachable', 'timeout'], 3],
    ['a stream between them', ['refused', 'refused', 'stream', 'refused', 'refused', 'refused'], 6],
    ['a refusal between them', ['refused', 'refused', 503, 'refused', 'refused', 'refused'], 6],
    ['a reset between them', ['refused', 'refused', 'reset', 'refused', 'refused', 'refused'], 6],
  ] as const)('is given up after three attempts without a connection: %s', async (_what, outcomes, count) => {
    const { client, gets } = await failingGets(outcomes)
    await client.transport.send(call)
    expect(await client.responseTo(1)).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } })
    expect(gets()).toBe(count)
  })

  test('goes on after a server that restarts', async () => {
    const { client } = await failingGets(['refused', 'refused', 'answer'])
    await client.transport.send(call)
    expect(await client.responseTo(1)).toEqual(resultFor(1))
  })

  test.each([
    ['refusals with 503', [503, 503, 503, 503, 503]],
    ['resets', ['reset', 'reset', 'reset', 'reset', 'reset']],
  ] as const)('has all of reconnect.maxAttempts for %s', async (_what, outcomes) => {
    const { client, gets } = await failingGets(outcomes, {
      reconnect: { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 5 },
    })
    await client.transport.send(call)
    expect(await client.responseTo(1)).toMatchObject({ error: { data: { code: 'OUTCOME_UNKNOWN' } } })
    expect(gets()).toBe(5)
  })

  test('of the stream for other messages has all of reconnect.maxAttempts', async () => {
    const states: string[] = []
    const { client, gets } = await failingGets([], {
      standaloneStream: true,
      reconnect: { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 6 },
      onStreamState: (state) => states.push(state),
    })
    await settle(() => states.at(-1) === 'closed', 'it is given up')
    expect(gets()).toBe(7)
    expect(client.errors).toMatchObject([
      { code: 'RECONNECT_EXHAUSTED', details: { option: 'reconnect.maxAttempts' } },
    ])
  })
})
