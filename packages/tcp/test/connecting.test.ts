import dns from 'node:dns/promises'
import type { Socket } from 'node:net'
import { createFakeClock, startLeakCheck, turns, until } from '@mcpwire/compliance'
import { isTransportError } from '@mcpwire/core'
import { refusedPort } from '@mcpwire/test-support/ports'
import { replaceBuiltin } from '@mcpwire/test-support/replace-builtin'
import { afterAll, afterEach, expect, test } from 'vitest'
import { tcpClient, tcpServer } from '../src/index.js'
import { tls } from './support/credentials.js'
import { bareServer, clientOf, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000

// Without an implementation of a test, it is the lookup of Node.
const { spy: lookup, restore } = replaceBuiltin(dns, 'lookup')

afterEach(() => void lookup.mockReset())
afterAll(restore)

/** Makes every host resolve to these addresses. */
function resolveTo(...addresses: string[]): void {
  lookup.mockImplementation((async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))) as never)
}

async function failureOf(start: Promise<void>): Promise<unknown> {
  return await start.then(
    () => 'it started',
    (error: unknown) => error,
  )
}

test('start() rejects with CONNECT_FAILED when nothing listens', async () => {
  const port = await refusedPort()
  const leaks = await startLeakCheck()
  const { transport, closes } = clientOf({ port })
  const failure = await failureOf(transport.start())
  expect(failure).toMatchObject({
    code: 'CONNECT_FAILED',
    details: {
      address: `tcp://127.0.0.1:${port}`,
      option: 'port',
      hint: 'check that the server is running and that the port is correct',
    },
  })
  expect((failure as Error).cause).toMatchObject({ code: 'ECONNREFUSED' })
  expect(closes()).toBe(1)
  await leaks.released(TIMEOUT_MS)
})

test('start() rejects with CONNECT_FAILED for an unknown host', async () => {
  lookup.mockRejectedValue(
    Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.invalid'), { code: 'ENOTFOUND' }),
  )
  const failure = await failureOf(tcpClient({ host: 'nowhere.invalid', port: 7_000 }).start())
  expect(failure).toMatchObject({
    code: 'CONNECT_FAILED',
    details: { address: 'tcp://nowhere.invalid:7000', option: 'host', hint: expect.any(String) },
  })
})

test('the error for a host with two refused addresses has a hint too', async () => {
  resolveTo('127.9.9.9', '127.0.0.1')
  const failure = await failureOf(tcpClient({ host: 'racing.test', port: await refusedPort() }).start())
  expect(failure).toMatchObject({
    code: 'CONNECT_FAILED',
    details: { option: 'port', hint: expect.any(String) },
  })
})

test('start() of a listener rejects with LISTEN_FAILED for an occupied port', async () => {
  const { port } = await listening()
  await expect(tcpServer({ port }).start()).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    details: { option: 'port', hint: expect.stringContaining('choose another port') },
  })
})

test('the next address is tried at once when the first fails', async () => {
  const { port } = await listening()
  resolveTo('127.9.9.9', '127.0.0.1')
  const { transport } = clientOf({ host: 'racing.test', port })
  await transport.start()
  expect(transport.peer?.address).toBe(`tcp://racing.test:${port}`)
})

test('the error names every address when all fail', async () => {
  const port = await refusedPort()
  resolveTo('127.0.0.1', '127.0.0.2')
  const failure = await failureOf(tcpClient({ host: 'racing.test', port }).start())
  expect(failure).toMatchObject({ code: 'CONNECT_FAILED' })
  expect(String(failure)).toMatch(/127\.0\.0\.1.*127\.0\.0\.2/)
})

test('start() rejects with CONNECT_FAILED for a host without addresses', async () => {
  resolveTo()
  const failure = await failureOf(tcpClient({ host: 'racing.test', port: 7_000 }).start())
  expect(failure).toMatchObject({ code: 'CONNECT_FAILED' })
})

test('start() connects to localhost and over IPv6', async () => {
  for (const host of ['localhost', '::1']) {
    const { listener, port, connections } = await listening({ host })
    expect(listener.address).toBe(host === '::1' ? `tcp://[::1]:${port}` : `tcp://localhost:${port}`)
    const { transport } = clientOf({ host, port })
    await transport.start()
    await until(() => connections.length === 1, 'the connection arrived', TIMEOUT_MS)
    expect(transport.peer?.address).toBe(listener.address)
  }
})

test('the gate receives the IPv4 address of a client on a dual-stack socket', async () => {
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
  await until(() => remotes.length === 1, 'the gate was called', TIMEOUT_MS)
  expect(remotes).toEqual(['127.0.0.1'])
})

test.each([
  ['the DNS lookup', () => ({ port: 7_000, host: 'slow.test' }), 'the connection'],
  [
    'preamble.headers()',
    () => ({ port: 7_000, preamble: { headers: () => new Promise<never>(() => {}) } }),
    'preamble.headers()',
  ],
  ['the TLS handshake', (port: number) => ({ port, tls: tls.client }), 'the connection'],
] as const)('%s counts towards connectTimeoutMs and can be aborted', async (_what, optionsFor, step) => {
  lookup.mockReturnValue(new Promise(() => {}) as never)
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
    expect(failure).toMatchObject({
      code: 'CONNECT_TIMEOUT',
      details: { timeoutMs: 1_000, option: 'connectTimeoutMs' },
    })
    expect((failure as Error).message).toContain(step)
    const controller = new AbortController()
    const reason = new Error('cancelled')
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
  ['returns undefined', (): unknown => undefined, 'did not return an object'],
  [
    'returns a header that is not a string',
    (): unknown => ({ authorization: 4_711 }),
    'header "authorization" is not a string',
  ],
] as const)(
  'start() rejects with CALLBACK_FAILED and opens no socket when preamble.headers() %s',
  async (_how, headers, reason) => {
    let sockets = 0
    const server = await bareServer(() => sockets++)
    try {
      const { transport } = clientOf({ port: server.port, preamble: { headers } as never })
      const failure = await failureOf(transport.start())
      expect(failure).toMatchObject({ code: 'CALLBACK_FAILED', details: { slot: 'preamble.headers' } })
      expect(String(failure)).toContain(reason)
      expect(String(failure)).not.toContain('4711')
      await turns()
      expect(sockets).toBe(0)
    } finally {
      await server.close()
    }
  },
)

test('start() rejects with INVALID_OPTION and leaves no socket when a TLS source returns invalid material', async () => {
  const { port } = await listening({ tls: tls.server })
  let material: object = tls.client
  const source = { current: () => material, onChange: () => ({ [Symbol.dispose]: () => {} }) }
  const leaks = await startLeakCheck()
  const { transport } = clientOf({ port, tls: { source } })
  material = { ca: 'no certificate' }
  const failure = await failureOf(transport.start())
  expect(isTransportError(failure, 'INVALID_OPTION')).toBe(true)
  await leaks.released(TIMEOUT_MS)
})
