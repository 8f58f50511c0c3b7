import { createFakeClock } from '@mcpwire/compliance'
import type { CapacityRefusal, Gate, JsonRpcMessage } from '@mcpwire/core'
import { describe, expect, test, vi } from 'vitest'
import { memoryEventStore } from '../src/index.js'
import { modern, postOf } from './support/modern.js'
import { initialize, served } from './support/served.js'

const ask = (id: number): JsonRpcMessage => ({ jsonrpc: '2.0', id, method: 'test/ask' })

/** Admits callers by the user they name. Those without a name are anonymous. */
const named: Gate = {
  admit: ({ headers: { authorization } }) =>
    authorization === undefined
      ? { admit: true }
      : { admit: true, authInfo: { token: 't', clientId: 'app', scopes: [], extra: { sub: authorization } } },
}
const ann = { authorization: 'ann' }
const bob = { authorization: 'bob' }

type Server = Awaited<ReturnType<typeof served>>
const opens = async (server: Server, headers = {}) =>
  (await server.ask({ body: initialize(), headers })).status
const isAlive = async (server: Server, headers: Record<string, string>) =>
  (await server.ask({ body: ask(99), headers })).status === 200

describe('maxConnections', () => {
  test('is enough for any number of clients that leave without DELETE', async () => {
    const server = await served({ maxConnections: 4 })
    for (let n = 0; n < 30; n++) {
      const headers = await server.session()
      expect((await server.ask({ body: ask(n), headers })).status).toBe(200)
      expect(server.listener.connections.size).toBeLessThanOrEqual(4)
    }
    expect(server.refused).toEqual([])
  })

  test('is enough for 30 official clients whose connections break', async () => {
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js')
    const { StreamableHTTPClientTransport } = await import(
      '@modelcontextprotocol/sdk/client/streamableHttp.js'
    )
    const server = await served({ maxConnections: 5 }, ({ id }) => ({ jsonrpc: '2.0', id, result: {} }))
    for (let n = 0; n < 30; n++) {
      const transport = new StreamableHTTPClientTransport(new URL(server.address))
      const client = new Client({ name: 'leaver', version: '1' })
      await client.connect(transport as never)
      await client.ping()
      await client.close()
      expect(server.listener.connections.size).toBeLessThanOrEqual(5)
    }
    expect(server.refused).toEqual([])
  })

  test('ends sessions without a request first, then the one that is idle the longest', async () => {
    const clock = createFakeClock()
    const server = await served({ maxConnections: 3, clock })
    const oldest = await server.session()
    await server.ask({ body: ask(1), headers: oldest })
    await clock.advance(10)
    const used = await server.session()
    await server.ask({ body: ask(1), headers: used })
    await clock.advance(10)
    const unused = await server.session()
    await clock.advance(10)
    await server.session()
    expect((await server.ask({ body: ask(1), headers: unused })).status).toBe(404)
    await clock.advance(10)
    await server.ask({ body: ask(2), headers: oldest })
    const third = server.listener.connections.size
    await server.ask({ body: { ...ask(1) }, headers: await server.session() })
    expect(third).toBe(3)
    await clock.advance(10)
    await server.session()
    expect([await isAlive(server, oldest), await isAlive(server, used)]).toEqual([true, false])
    const reason = await server.connections[2]?.closed
    expect(reason).toMatchObject({ code: 'CLOSED', message: expect.stringContaining('maxConnections (3)') })
  })

  test.each([
    [
      'an open stream',
      async (server: Server, headers: object) =>
        void (await server.open({ method: 'GET', headers: { ...headers } })),
    ],
    [
      'a request in flight',
      async (server: Server, headers: object) =>
        void server.ask({ body: ask(1), headers: { ...headers } }).catch(() => {}),
    ],
  ])('never ends a session with %s', async (_use, use) => {
    const server = await served({ maxConnections: 1 }, () => undefined)
    const headers = await server.session()
    const before = server.messages.length
    await use(server, headers)
    if (_use === 'a request in flight')
      await vi.waitFor(() => expect(server.messages.length).toBe(before + 1))
    expect(await opens(server)).toBe(503)
    expect(server.refused).toMatchObject([{ status: 503, option: 'maxConnections' }])
    expect(server.connections[0]?.state).toBe('open')
  })

  test('makes space for requests of 2026-07-28 too', async () => {
    const server = await served({ maxConnections: 2 })
    for (let n = 0; n < 2; n++) await server.session()
    expect((await server.ask(postOf(modern('test/ask')))).status).toBe(200)
  })

  test('ends nothing for a caller that the gate refuses', async () => {
    let isOpen = true
    const gate: Gate = {
      admit: () => (isOpen ? { admit: true } : { admit: false, status: 401, reason: 'no' }),
    }
    const server = await served({ maxConnections: 1, gate })
    await server.session()
    isOpen = false
    expect(await opens(server)).toBe(401)
    expect(server.connections[0]?.state).toBe('open')
  })
})

describe('a session whose client left with a request in flight', () => {
  const left = async (options = {}) => {
    const clock = createFakeClock()
    const server = await served(
      {
        clock,
        eventStore: memoryEventStore({ clock }),
        idleTimeoutMs: 600_000,
        maxConnections: 1,
        ...options,
      },
      () => undefined,
    )
    const headers = await server.session()
    const before = server.messages.length
    void server.ask({ body: ask(1), headers }).catch(() => {})
    await vi.waitFor(() => expect(server.messages).toHaveLength(before + 1))
    server.leaveAll()
    await vi.waitFor(async () => {
      await clock.advance(1)
      expect(await opens(server)).toBe(503)
    })
    return { clock, server, headers }
  }

  test.each(['continue', 'cancel-after'] as const)(
    'ends after idleTimeoutMs, with %s',
    async (onDisconnect) => {
      const { clock, server } = await left({ onDisconnect, cancelAfterMs: 10_000_000 })
      await clock.advance(620_000)
      expect((await server.connections[0]?.closed)?.message).toContain('idleTimeoutMs (600000)')
      expect(await opens(server)).toBe(200)
    },
  )

  test('makes space after cancelAfterMs', async () => {
    const { clock, server } = await left({ cancelAfterMs: 30_000 })
    await clock.advance(31_000)
    expect(await opens(server)).toBe(200)
  })

  test('does not end while its client resumes', async () => {
    const { clock, server, headers } = await left()
    const stream = await server.open({ method: 'GET', headers })
    await clock.advance(700_000)
    expect(stream.isOver).toBe(false)
    expect(await opens(server)).toBe(503)
  })
})

describe('shares of a principal', () => {
  test.each([
    [8, undefined, 2],
    [3, undefined, 1],
    [8, 5, 5],
  ])(
    'with maxConnections %j and maxSessionsPerPrincipal %j are %j sessions',
    async (maxConnections, share, max) => {
      const server = await served({ gate: named, maxConnections, maxSessionsPerPrincipal: share })
      for (let n = 0; n < max; n++) {
        const headers = await server.session('2025-11-25', ann)
        await server.open({ method: 'GET', headers })
      }
      const refused = await server.ask({ body: initialize(), headers: ann })
      expect({ status: refused.status, retryAfter: refused.headers['retry-after'] }).toEqual({
        status: 429,
        retryAfter: '5',
      })
      expect(server.refused).toMatchObject([{ status: 429, option: 'maxSessionsPerPrincipal' }])
      expect(await opens(server, bob)).toBe(200)
      expect(await opens(server)).toBe(200)
    },
  )

  test('make space among its own sessions', async () => {
    const server = await served({ gate: named, maxConnections: 8 })
    const bobs = await server.session('2025-11-25', bob)
    for (let n = 0; n < 20; n++) expect(await opens(server, ann)).toBe(200)
    expect(server.listener.connections.size).toBe(3)
    expect(await isAlive(server, bobs)).toBe(true)
  })

  test('do not limit anonymous callers', async () => {
    const server = await served({ gate: named, maxConnections: 8 })
    for (let n = 0; n < 8; n++) expect(await opens(server)).toBe(200)
    expect(server.listener.connections.size).toBe(8)
  })

  test('of requests in flight count all its sessions', async () => {
    const server = await served(
      { gate: named, maxInFlightPerPrincipal: 3, maxConnections: 40 },
      () => undefined,
    )
    const sessions = [await server.session('2025-11-25', ann), await server.session('2025-11-25', ann)]
    const before = server.messages.length
    for (const [n, headers] of [...sessions, sessions[0]].entries()) {
      void server.ask({ body: ask(n), headers: { ...headers } }).catch(() => {})
    }
    await vi.waitFor(() => expect(server.messages).toHaveLength(before + 3))
    const { status, messages } = await server.ask({ body: ask(9), headers: { ...sessions[1] } })
    expect(status).toBe(429)
    expect(messages).toMatchObject([
      { id: 9, error: { code: -31_003, data: { code: 'OVERLOADED', delivery: 'none' } } },
    ])
    expect(server.refused).toMatchObject([{ status: 429, option: 'maxInFlightPerPrincipal' }])
    await server.connections[0]?.send({ jsonrpc: '2.0', id: 0, result: {} })
    void server.ask({ body: ask(9), headers: { ...sessions[1] } }).catch(() => {})
    await vi.waitFor(() => expect(server.messages).toHaveLength(before + 4))
    await server.ask({ method: 'DELETE', headers: { ...sessions[0] } })
    void server.ask({ body: ask(10), headers: { ...sessions[1] } }).catch(() => {})
    await vi.waitFor(() => expect(server.messages).toHaveLength(before + 5))
  })

  test('an address makes space among its own sessions', async () => {
    const server = await served({ maxSessionsPerAddress: 2 })
    for (let n = 0; n < 10; n++) expect(await opens(server)).toBe(200)
    expect(server.listener.connections.size).toBe(2)
  })
})

describe('a session policy without capacity', () => {
  /** A quota whose places are free some time after their session has ended, as with a child process. */
  function slowQuota(max: number) {
    let open = 0
    let most = 0
    const waiting: (() => void)[] = []
    const release = (): void =>
      void setImmediate(() => {
        open--
        for (const resolve of waiting.splice(0)) resolve()
      })
    const whenFree = () => new Promise<void>((resolve) => waiting.push(resolve))
    const full: CapacityRefusal = { admit: false, status: 503, reason: 'full', whenFree }
    return {
      get most() {
        return most
      },
      open: () => {
        if (open >= max) return full
        most = Math.max(most, ++open)
        return { admit: true as const, release }
      },
    }
  }

  test('gets space by idle sessions that end', async () => {
    const sessionPolicy = slowQuota(3)
    const server = await served({ sessionPolicy })
    for (let n = 0; n < 20; n++) expect(await opens(server)).toBe(200)
    const burst = await Promise.all(Array.from({ length: 3 }, () => opens(server)))
    expect(burst).toEqual([200, 200, 200])
    expect(sessionPolicy.most).toBe(3)
    expect(server.refused).toEqual([])
  })

  test('refuses a caller at once if no session is idle, and after gateTimeoutMs if no capacity gets free', async () => {
    const clock = createFakeClock()
    const whenFree = () => new Promise<void>(() => {})
    let isFull = false
    const full: CapacityRefusal = { admit: false, status: 503, reason: 'full', whenFree }
    const server = await served({ clock, sessionPolicy: { open: () => (isFull ? full : { admit: true }) } })
    const headers = await server.session()
    const stream = await server.open({ method: 'GET', headers })
    isFull = true
    expect(await opens(server)).toBe(503)
    stream.leave()
    await vi.waitFor(async () => {
      const asked = opens(server)
      await vi.waitFor(() => expect(server.connections[0]?.state).toBe('closed'), 200)
      await clock.advance(5_100)
      expect(await asked).toBe(503)
    })
  })

  test('closes orderly while a caller waits', async () => {
    const whenFree = () => new Promise<void>(() => {})
    let isFull = false
    const full: CapacityRefusal = { admit: false, status: 503, reason: 'full', whenFree }
    const server = await served({ sessionPolicy: { open: () => (isFull ? full : { admit: true }) } })
    await server.session()
    isFull = true
    const asked = opens(server)
    await vi.waitFor(() => expect(server.connections[0]?.state).toBe('closed'))
    await server.listener.close()
    expect(await asked).toBe(503)
  })
})
