import { Agent, createServer as createHttpServer } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { createServer } from 'node:net'
import { createFakeClock, turns } from '@mcpwire/compliance'
import { describe, expect, test } from 'vitest'
import { createEngine } from '../src/engines/node/engine.js'
import type { HttpClientOptions } from '../src/index.js'
import { engineSettings, eventually, record } from './support/engine-calls.js'
import { listenCounting } from './support/engine-server.js'
import { modern } from './support/modern.js'
import { scriptedServer, startedClient } from './support/scripted-server.js'

const initialize = { jsonrpc: '2.0' as const, id: 0, method: 'initialize', params: {} }
const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }

describe('a fetch that never responds', () => {
  async function waiting(message: typeof call, options: Partial<HttpClientOptions> = {}) {
    const clock = createFakeClock()
    const aborted: unknown[] = []
    const fetch = (_: unknown, init?: RequestInit): Promise<never> => {
      init?.signal?.addEventListener('abort', () => aborted.push(init.signal?.reason))
      return new Promise(() => {})
    }
    const client = await startedClient(await scriptedServer(), { clock, fetch, ...options })
    let outcome: unknown
    const over = client.transport.send(message).catch((error: unknown) => {
      outcome = error
    })
    return { clock, client, aborted, over, outcome: () => outcome }
  }

  test.each([
    ['initialize', initialize],
    ['server/discover', modern('server/discover', {}, 7)],
  ])('fails %s with CONNECT_TIMEOUT after connectTimeoutMs', async (_, message) => {
    const { clock, over, outcome, aborted } = await waiting(message as typeof call)
    await clock.advance(10_000)
    await over
    expect(outcome()).toMatchObject({ code: 'CONNECT_TIMEOUT', details: { timeoutMs: 10_000 } })
    expect((outcome() as Error).message).toContain('connectTimeoutMs (10000 ms)')
    expect(aborted).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  test('does not time out other requests', async () => {
    const { clock, client, over, outcome } = await waiting(call)
    await clock.advance(1_000_000)
    expect(outcome()).toBeUndefined()
    await client.transport.close()
    await over
    expect(outcome()).toMatchObject({ code: 'CLOSED' })
  })
})

test('removes the deadline of a fetch whose response has started', async () => {
  const clock = createFakeClock()
  const server = await scriptedServer()
  const fetch = (url: string | URL | Request, init?: RequestInit) => globalThis.fetch(url, init)
  const client = await startedClient(server, { clock, fetch })
  await client.transport.send(initialize)
  await client.responseTo(0)
  expect(clock.pending).toBe(0)
})

describe('an agent', () => {
  test('fails with CONNECT_TIMEOUT where its connection never opens', async () => {
    await using silent = await listenCounting(createServer((socket) => socket.resume()))
    const clock = createFakeClock()
    const agent = new HttpsAgent()
    const url = new URL(`https://127.0.0.1:${silent.port}/mcp?token=s3cret`)
    const engine = createEngine(engineSettings({ url, clock, agent, connectTimeoutMs: 3_000 }))
    const waits = record(engine, { url, body: '{}' })
    await eventually(() => silent.socketCount() === 1 && clock.pending === 1, 'it is connected to')
    await clock.advance(2_999)
    expect(waits.events).toEqual([])
    await clock.advance(1)
    await waits.over()
    expect(waits.failure).toMatchObject({ code: 'CONNECT_TIMEOUT', details: { timeoutMs: 3_000 } })
    expect(waits.failure?.message).not.toContain('s3cret')
    expect(waits.delivery).toBe('none')
    expect(clock.pending).toBe(0)
    await engine.close()
    agent.destroy()
  })

  test('does not time out once it is connected, or while the request is queued', async () => {
    const held: (() => void)[] = []
    await using server = await listenCounting(
      createHttpServer((_, response) => held.push(() => response.end('yes'))),
    )
    const clock = createFakeClock()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const url = new URL(`http://127.0.0.1:${server.port}/mcp`)
    const engine = createEngine(engineSettings({ url, clock, agent }))
    const first = record(engine, { url, body: '{}' })
    await eventually(() => held.length === 1 && clock.pending === 0, 'the first arrived')
    const queued = record(engine, { url, body: '{}' })
    await turns(5)
    await clock.advance(1_000_000)
    expect(first.events).toEqual([])
    expect(queued.events).toEqual([])
    held[0]?.()
    await eventually(() => held.length === 2, 'the second has the socket of the first')
    held[1]?.()
    await queued.over()
    expect(first.text()).toBe('yes')
    expect(queued.text()).toBe('yes')
    expect(clock.pending).toBe(0)
    await engine.close()
    agent.destroy()
  })
})
