import { lookup } from 'node:dns/promises'
import type { Socket } from 'node:net'
import { createFakeClock, startLeakCheck, turns, until } from '@mcpwire/compliance'
import { isTransportError } from '@mcpwire/core'
import { afterEach, expect, test, vi } from 'vitest'
import { tcpClient, tcpServer } from '../src/index.js'
import { tls } from './support/credentials.js'
import { bareServer, clientOf, freePort, listening } from './support/ends.js'

vi.mock('node:dns/promises', async (original) => {
  const actual = await original<typeof import('node:dns/promises')>()
  return { ...actual, lookup: vi.fn(actual.lookup) }
})

const PATIENCE_MS = 5_000

afterEach(() => vi.mocked(lookup).mockReset())

/** Makes the name `racing.test` have these addresses. */
function resolveTo(...addresses: string[]): void {
  vi.mocked(lookup).mockImplementation((async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))) as never)
}

async function failureOf(start: Promise<void>): Promise<unknown> {
  return await start.then(
    () => 'it started',
    (error: unknown) => error,
  )
}

test('a port where nobody listens is CONNECT_FAILED, naming address and reason', async () => {
  const port = await freePort()
  const leaks = await startLeakCheck()
  const { transport, closes } = clientOf({ port })
  const failure = await failureOf(transport.start())
  expect(failure).toMatchObject({ code: 'CONNECT_FAILED', details: { address: `tcp://127.0.0.1:${port}` } })
  expect((failure as Error).message).toMatch(
    /: connect ECONNREFUSED \S+; is it running, and the port right \(options host, port\)\?$/,
  )
  expect((failure as Error).cause).toMatchObject({ code: 'ECONNREFUSED' })
  expect(closes()).toBe(1)
  await leaks.released(PATIENCE_MS)
})

test('a name that nobody knows is CONNECT_FAILED', async () => {
  vi.mocked(lookup).mockRejectedValue(
    Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.invalid'), { code: 'ENOTFOUND' }),
  )
  const failure = await failureOf(tcpClient({ host: 'nowhere.invalid', port: 7_000 }).start())
  expect(failure).toMatchObject({
    code: 'CONNECT_FAILED',
    message:
      'cannot connect to tcp://nowhere.invalid:7000: getaddrinfo ENOTFOUND nowhere.invalid; is that host right (options host, port)?',
  })
})

test('a name with two addresses where nobody listens says what to look at too', async () => {
  resolveTo('127.9.9.9', '127.0.0.1')
  const failure = await failureOf(tcpClient({ host: 'racing.test', port: await freePort() }).start())
  expect(failure).toMatchObject({
    code: 'CONNECT_FAILED',
    message: expect.stringContaining('; is it running'),
  })
})

test('a port that another listens on is LISTEN_FAILED, naming the option', async () => {
  const { port } = await listening()
  await expect(tcpServer({ port }).start()).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringMatching(
      /EADDRINUSE.*; another program listens there: choose another port \(option port\)$/,
    ),
  })
})

test('an address that fails hands over to the next at once', async () => {
  const { port } = await listening()
  resolveTo('127.9.9.9', '127.0.0.1')
  const { transport } = clientOf({ host: 'racing.test', port })
  await transport.start()
  expect(transport.peer?.address).toBe(`tcp://racing.test:${port}`)
})

test('where every address fails, the error names each', async () => {
  const port = await freePort()
  resolveTo('127.0.0.1', '127.0.0.2')
  const failure = await failureOf(tcpClient({ host: 'racing.test', port }).start())
  expect(failure).toMatchObject({ code: 'CONNECT_FAILED' })
  expect(String(failure)).toMatch(/127\.0\.0\.1.*127\.0\.0\.2/)
})

test('a name without an address is CONNECT_FAILED', async () => {
  resolveTo()
  const failure = await failureOf(tcpClient({ host: 'racing.test', port: 7_000 }).start())
  expect(failure).toMatchObject({ code: 'CONNECT_FAILED' })
})

test('connects to localhost, and over IPv6', async () => {
  const actual = await vi.importActual<typeof import('node:dns/promises')>('node:dns/promises')
  vi.mocked(lookup).mockImplementation(actual.lookup as never)
  for (const host of ['localhost', '::1']) {
    const { listener, port, connections } = await listening({ host })
    expect(listener.address).toBe(host === '::1' ? `tcp://[::1]:${port}` : `tcp://localhost:${port}`)
    const { transport } = clientOf({ host, port })
    await transport.start()
    await until(() => connections.length === 1, 'the connection came', PATIENCE_MS)
    expect(transport.peer?.address).toBe(listener.address)
  }
})

test('shows callers over IPv4 with their own address where the socket is for both families', async () => {
  const remotes: unknown[] = []
  const { port } = await listening({
    host: '::',
    gate: {
      admit: ({ remote }) => {
        remotes.push(remote.address)
        return { admit: true }
      },
    },
  })
  await clientOf({ port }).transport.start()
  await until(() => remotes.length === 1, 'the gate was asked', PATIENCE_MS)
  expect(remotes).toEqual(['127.0.0.1'])
})

test.each([
  ['looking up the name', () => ({ port: 7_000, host: 'slow.test' }), 'tcp://slow.test:7000'],
  [
    'asking for the headers of the preamble',
    () => ({ port: 7_000, preamble: { headers: () => new Promise<never>(() => {}) } }),
    'preamble.headers()',
  ],
  ['the TLS handshake', (port: number) => ({ port, tls: tls.client }), 'tcps://127.0.0.1:'],
] as const)('%s counts towards connectTimeoutMs, and can be aborted', async (_what, optionsFor, silent) => {
  vi.mocked(lookup).mockReturnValue(new Promise(() => {}) as never)
  const accepted: Socket[] = []
  const server = await bareServer((socket) => accepted.push(socket.resume()))
  try {
    const clock = createFakeClock()
    const options = { ...optionsFor(server.port), connectTimeoutMs: 1_000, clock }
    const late = clientOf(options)
    const failing = failureOf(late.transport.start())
    await turns(50)
    await clock.advance(999)
    expect(late.transport.state).toBe('starting')
    await clock.advance(1)
    const failure = await failing
    expect(failure).toMatchObject({ code: 'CONNECT_TIMEOUT', details: { timeoutMs: 1_000 } })
    expect((failure as Error).message).toContain(`${silent}`)
    expect((failure as Error).message).toContain('connectTimeoutMs (1000 ms)')
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const aborting = failureOf(clientOf(options).transport.start({ signal: controller.signal }))
    await turns(50)
    controller.abort(reason)
    expect(await aborting).toBe(reason)
  } finally {
    await server.close()
  }
})

test.each([
  [
    'throws',
    (): never => {
      throw new Error('no token today')
    },
    'no token today',
  ],
  ['rejects', (): unknown => Promise.reject(new Error('no token today')), 'no token today'],
  ['returns nothing', (): unknown => undefined, 'no headers'],
  [
    'returns a header that is no string',
    (): unknown => ({ authorization: 4_711 }),
    'the header "authorization" is no string',
  ],
] as const)(
  'a preamble whose headers() %s is CALLBACK_FAILED, and nobody is called',
  async (_how, headers, words) => {
    let calls = 0
    const server = await bareServer(() => calls++)
    try {
      const { transport } = clientOf({ port: server.port, preamble: { headers } as never })
      const failure = await failureOf(transport.start())
      expect(failure).toMatchObject({ code: 'CALLBACK_FAILED', details: { slot: 'preamble.headers' } })
      expect(String(failure)).toContain(words)
      expect(String(failure)).not.toContain('4711')
      await turns()
      expect(calls).toBe(0)
    } finally {
      await server.close()
    }
  },
)

test('a source whose material no longer works fails the connection, and leaves no socket', async () => {
  const { port } = await listening({ tls: tls.server })
  let material: object = tls.client
  const source = { current: () => material, onChange: () => ({ [Symbol.dispose]: () => {} }) }
  const leaks = await startLeakCheck()
  const { transport } = clientOf({ port, tls: { source } })
  material = { ca: 'no certificate' }
  const failure = await failureOf(transport.start())
  expect(isTransportError(failure, 'INVALID_OPTION')).toBe(true)
  await leaks.released(PATIENCE_MS)
})
