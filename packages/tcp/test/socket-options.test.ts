import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { until } from '@mcpwire/compliance'
import { afterEach, expect, test, vi } from 'vitest'
import { tls } from './support/credentials.js'
import { clientOf, listening } from './support/ends.js'

afterEach(() => vi.restoreAllMocks())

/** Spies on the handles of sockets, to which Node passes the options. */
async function handleSpies() {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1')
  await once(socket, 'connect')
  const handle = Object.getPrototypeOf((socket as Socket & { _handle: object })._handle) as {
    setNoDelay(on: boolean): number
    setKeepAlive(on: boolean, seconds: number): number
  }
  socket.destroy()
  server.close()
  return { noDelay: vi.spyOn(handle, 'setNoDelay'), keepAlive: vi.spyOn(handle, 'setKeepAlive') }
}

test.each([
  ['plain', {}, {}],
  ['TLS', { tls: tls.server }, { tls: tls.client }],
])(
  'over %s both ends set noDelay and keepAliveMs, by default and as given',
  async (_wire, server, client) => {
    const { noDelay, keepAlive } = await handleSpies()
    const byDefault = await listening(server)
    await clientOf({ port: byDefault.port, ...client }).transport.start()
    await until(() => byDefault.connections.length === 1, 'the connection arrived', 5_000)
    expect(noDelay.mock.calls).toEqual([[true], [true]])
    // Later versions of Node pass more arguments.
    expect(keepAlive.mock.calls.map(([on, seconds]) => [on, seconds])).toEqual([
      [true, 30],
      [true, 30],
    ])
    noDelay.mockClear()
    keepAlive.mockClear()
    const off = { noDelay: false, keepAliveMs: Infinity }
    const disabled = await listening({ ...server, ...off })
    await clientOf({ port: disabled.port, ...client, ...off }).transport.start()
    await until(() => disabled.connections.length === 1, 'the connection arrived', 5_000)
    expect(noDelay).not.toHaveBeenCalled()
    expect(keepAlive).not.toHaveBeenCalled()
  },
)

test.runIf(process.platform === 'linux')(
  'a long keepAliveMs becomes the longest that the system accepts',
  async () => {
    const { port, connections } = await listening({ keepAliveMs: Number.MAX_SAFE_INTEGER })
    await clientOf({ port, keepAliveMs: 1_000_000_000 }).transport.start()
    await until(() => connections.length === 1, 'the connection arrived', 5_000)
    // Timer 02 in /proc/net/tcp is keep-alive, in hundredths of a second.
    const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
    // The table changes while it is read and may lack a row. Other timers precede keep-alive.
    const seconds = (): number[] =>
      readFileSync('/proc/net/tcp', 'utf8')
        .split('\n')
        .map((row) => row.trim().split(/\s+/))
        .filter(
          ([, from = '', to = '', state]) => state === '01' && `${from} ${to} `.includes(`:${hexPort} `),
        )
        .map(([, , , , , timer = '']) => timer.split(':'))
        .filter(([kind]) => kind === '02')
        .map(([, when = '']) => Number.parseInt(when, 16) / 100)
    await until(
      () => seconds().filter((each) => each > 32_000 && each <= 32_768).length === 2,
      'both sockets have the long timer',
      5_000,
    )
  },
)
