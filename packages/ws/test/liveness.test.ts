import { connect, type Socket } from 'node:net'
import { createFakeClock, tcpProxy } from '@mcpwire/compliance'
import type { Clock } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { keepalive } from '../src/keepalive.js'
import { frame, PING, PONG } from './support/frames.js'
import { plainServer } from './support/ports.js'
import { eventually, serving } from './support/serving.js'

const NOTE = '{"jsonrpc":"2.0","method":"notifications/x"}'
const CUT_AFTER_MS = 20_000

describe('keepalive', () => {
  function watch(options: { pingIntervalMs?: number; pongTimeoutMs?: number } = {}) {
    const clock = createFakeClock()
    const seen: string[] = []
    const state = { bytes: 0, isPaused: false }
    const alive = keepalive(
      {
        ping: () => seen.push(`ping at ${clock.now()}`),
        gone: () => seen.push(`gone at ${clock.now()}`),
        bytesReceived: () => state.bytes,
        isPaused: () => state.isPaused,
      },
      { pingIntervalMs: 15_000, pongTimeoutMs: 5_000, clock, ...options },
    )
    return { clock, seen, state, alive }
  }

  test('pings when nothing was heard, and knows after pongTimeoutMs', async () => {
    const { clock, seen } = watch()
    await clock.advance(60_000)
    expect(seen).toEqual(['ping at 15000', 'gone at 20000'])
    expect(clock.pending).toBe(0)
  })

  test('does not ping while something is heard', async () => {
    const { clock, seen, alive, state } = watch()
    for (let second = 0; second < 600; second++) {
      await clock.advance(1_000)
      state.bytes++
      alive.heard()
    }
    expect(seen).toEqual([])
    await clock.advance(20_000)
    expect(seen).toEqual(['ping at 615000', 'gone at 620000'])
  })

  test('takes bytes of a frame that is not complete for a sign of life', async () => {
    const { clock, seen, state } = watch()
    for (let second = 0; second < 120; second++) {
      await clock.advance(1_000)
      state.bytes++
    }
    expect(seen.filter((each) => each.startsWith('gone'))).toEqual([])
  })

  test('does not give up on a peer that this end does not read', async () => {
    const { clock, seen, state } = watch()
    state.isPaused = true
    await clock.advance(120_000)
    expect(seen.filter((each) => each.startsWith('gone'))).toEqual([])
  })

  test('never asks with Infinity, and leaves no deadline behind', async () => {
    const { clock, seen, alive } = watch({ pingIntervalMs: Infinity })
    await clock.advance(1e9)
    expect([seen, clock.pending]).toEqual([[], 0])
    alive[Symbol.dispose]()
    const other = watch()
    other.alive[Symbol.dispose]()
    expect(other.clock.pending).toBe(0)
  })
})

const intervals = { pingIntervalMs: 15_000, pongTimeoutMs: 5_000 }

test('a server loses a client that vanishes within pingIntervalMs + pongTimeoutMs', async () => {
  const clock = createFakeClock()
  await using server = await serving({ clock, ...intervals })
  const client = await server.upgraded()
  await clock.advance(15_000)
  await eventually(() => client.frames.some(({ opcode }) => opcode === PING), 'the ping came')
  client.write(Buffer.concat([frame('', { opcode: PONG }), frame(NOTE)]))
  await eventually(() => server.messages.length > 0, 'what followed the pong was read')
  await clock.advance(14_999)
  expect(server.connections[0]?.state).toBe('open')
  await clock.advance(20_001)
  expect(await server.connections[0]?.closed).toMatchObject({ code: 'PEER_LOST' })
  await client.closed
})

test('a client loses a server that vanishes', async () => {
  const clock = createFakeClock()
  await using server = await serving()
  const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' } })
  const client = wsClient({ url: `ws://127.0.0.1:${proxy.port}/mcp`, clock, ...intervals })
  await client.start()
  proxy.stall('near')
  await clock.advance(20_000)
  expect(await client.closed).toMatchObject({ code: 'PEER_LOST' })
  await proxy.close()
})

test('an idle connection outlives a proxy that cuts what is idle', async () => {
  const clock = createFakeClock()
  await using server = await serving({ clock, ...intervals })
  await using proxy = await idleCuttingProxy(server.port, clock)
  const kept = wsClient({ url: proxy.url, clock, pingIntervalMs: Infinity })
  await kept.start()
  for (let pings = 0; pings < 5; pings++) {
    const { toClient, toServer } = proxy.passed()
    await clock.advance(intervals.pingIntervalMs)
    const hasAnswered = () => proxy.passed().toClient > toClient && proxy.passed().toServer > toServer
    await eventually(hasAnswered, 'a ping and its answer passed')
  }
  expect(kept.state).toBe('open')
  await kept.close()
})

test('a proxy that cuts what is idle cuts a connection without pings', async () => {
  const clock = createFakeClock()
  await using server = await serving({ clock, pingIntervalMs: Infinity })
  await using proxy = await idleCuttingProxy(server.port, clock)
  const cut = wsClient({ url: proxy.url, clock, pingIntervalMs: Infinity })
  await cut.start()
  await clock.advance(CUT_AFTER_MS)
  expect(await cut.closed).toMatchObject({ code: 'PEER_LOST' })
})

/** Cuts a connection through which nothing has passed, either way, for `CUT_AFTER_MS`. */
async function idleCuttingProxy(port: number, clock: Clock) {
  const passed = { toClient: 0, toServer: 0 }
  const proxy = await plainServer((near) => {
    const far = connect({ port, host: '127.0.0.1' })
    far.on('error', () => {})
    const cut = (): void => {
      near.destroy()
      far.destroy()
    }
    const idle = clock.deadline(CUT_AFTER_MS, cut)
    const pass = (from: Socket, to: Socket, direction: keyof typeof passed): void => {
      from.on('data', (bytes) => {
        idle.reset(CUT_AFTER_MS)
        to.write(bytes)
        passed[direction] += bytes.length
      })
      from.on('close', () => {
        idle[Symbol.dispose]()
        to.destroy()
      })
    }
    pass(near, far, 'toServer')
    pass(far, near, 'toClient')
  })
  return {
    url: `ws://127.0.0.1:${proxy.port}/mcp`,
    passed: () => ({ ...passed }),
    [Symbol.asyncDispose]: () => proxy.close(),
  }
}
