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
  function start(options: { pingIntervalMs?: number; pongTimeoutMs?: number } = {}) {
    const clock = createFakeClock()
    const seen: string[] = []
    const state = { bytes: 0, isPaused: false }
    const alive = keepalive(
      {
        ping: () => seen.push(`ping at ${clock.now()}`),
        lost: () => seen.push(`lost at ${clock.now()}`),
        bytesReceived: () => state.bytes,
        isPaused: () => state.isPaused,
      },
      { pingIntervalMs: 15_000, pongTimeoutMs: 5_000, clock, ...options },
    )
    return { clock, seen, state, alive }
  }

  test('pings an idle peer and reports it as lost after pongTimeoutMs', async () => {
    const { clock, seen } = start()
    await clock.advance(60_000)
    expect(seen).toEqual(['ping at 15000', 'lost at 20000'])
    expect(clock.pending).toBe(0)
  })

  test('sends no ping while the peer is active', async () => {
    const { clock, seen, alive, state } = start()
    for (let second = 0; second < 600; second++) {
      await clock.advance(1_000)
      state.bytes++
      alive.activity()
    }
    expect(seen).toEqual([])
    await clock.advance(20_000)
    expect(seen).toEqual(['ping at 615000', 'lost at 620000'])
  })

  test('counts bytes of a partial frame as activity', async () => {
    const { clock, seen, state } = start()
    for (let second = 0; second < 120; second++) {
      await clock.advance(1_000)
      state.bytes++
    }
    expect(seen.filter((each) => each.startsWith('lost'))).toEqual([])
  })

  test('does not report a peer as lost while this end is paused', async () => {
    const { clock, seen, state } = start()
    state.isPaused = true
    await clock.advance(120_000)
    expect(seen.filter((each) => each.startsWith('lost'))).toEqual([])
  })

  test('sends no ping with Infinity and leaves no timer after disposal', async () => {
    const { clock, seen, alive } = start({ pingIntervalMs: Infinity })
    await clock.advance(1e9)
    expect(seen).toEqual([])
    expect(clock.pending).toBe(0)
    alive[Symbol.dispose]()
    const other = start()
    other.alive[Symbol.dispose]()
    expect(other.clock.pending).toBe(0)
  })
})

const intervals = { pingIntervalMs: 15_000, pongTimeoutMs: 5_000 }

test('a server detects a lost client within pingIntervalMs + pongTimeoutMs', async () => {
  const clock = createFakeClock()
  await using server = await serving({ clock, ...intervals })
  const client = await server.upgraded()
  await clock.advance(15_000)
  await eventually(() => client.frames.some(({ opcode }) => opcode === PING), 'a ping')
  client.write(Buffer.concat([frame('', { opcode: PONG }), frame(NOTE)]))
  await eventually(() => server.messages.length > 0, 'the message behind the pong')
  await clock.advance(14_999)
  expect(server.connections[0]?.state).toBe('open')
  await clock.advance(20_001)
  expect(await server.connections[0]?.closed).toMatchObject({ code: 'PEER_LOST' })
  await client.closed
})

test('a client detects a lost server within pingIntervalMs + pongTimeoutMs', async () => {
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

test('pings keep an idle connection open through a proxy with an idle timeout', async () => {
  const clock = createFakeClock()
  await using server = await serving({ clock, ...intervals })
  await using proxy = await idleCuttingProxy(server.port, clock)
  const kept = wsClient({ url: proxy.url, clock, pingIntervalMs: Infinity })
  await kept.start()
  for (let pings = 0; pings < 5; pings++) {
    const { toClient, toServer } = proxy.passed()
    await clock.advance(intervals.pingIntervalMs)
    const hasPonged = () => proxy.passed().toClient > toClient && proxy.passed().toServer > toServer
    await eventually(hasPonged, 'a ping and a pong')
  }
  expect(kept.state).toBe('open')
  await kept.close()
})

test('a proxy with an idle timeout cuts a connection without pings', async () => {
  const clock = createFakeClock()
  await using server = await serving({ clock, pingIntervalMs: Infinity })
  await using proxy = await idleCuttingProxy(server.port, clock)
  const cut = wsClient({ url: proxy.url, clock, pingIntervalMs: Infinity })
  await cut.start()
  await clock.advance(CUT_AFTER_MS)
  expect(await cut.closed).toMatchObject({ code: 'PEER_LOST' })
})

/** A proxy that cuts a connection without data in either direction for `CUT_AFTER_MS`. */
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
