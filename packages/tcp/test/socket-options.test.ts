import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { until } from '@mcpwire/compliance'
import { afterEach, expect, test, vi } from 'vitest'
import { tls } from './support/credentials.js'
import { clientOf, listening } from './support/ends.js'

afterEach(() => vi.restoreAllMocks())

/** What the sockets of this process are told by Node: the handle below a socket is where options end up. */
async function spies() {
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
  'over %s both ends send at once and ask after 30 s, unless told otherwise',
  async (_wire, server, client) => {
    const { noDelay, keepAlive } = await spies()
    const byDefault = await listening(server)
    await clientOf({ port: byDefault.port, ...client }).transport.start()
    await until(() => byDefault.connections.length === 1, 'it came', 5_000)
    expect(noDelay.mock.calls).toEqual([[true], [true]])
    // Later versions of Node tell the system more than these two.
    expect(keepAlive.mock.calls.map(([on, seconds]) => [on, seconds])).toEqual([
      [true, 30],
      [true, 30],
    ])
    noDelay.mockClear()
    keepAlive.mockClear()
    const off = { noDelay: false, keepAliveMs: Infinity }
    const otherwise = await listening({ ...server, ...off })
    await clientOf({ port: otherwise.port, ...client, ...off }).transport.start()
    await until(() => otherwise.connections.length === 1, 'it came', 5_000)
    expect(noDelay).not.toHaveBeenCalled()
    expect(keepAlive).not.toHaveBeenCalled()
  },
)

test.runIf(process.platform === 'linux')('the system takes the longest keepAliveMs that it can', async () => {
  const { port, connections } = await listening({ keepAliveMs: Number.MAX_SAFE_INTEGER })
  await clientOf({ port, keepAliveMs: 1_000_000_000 }).transport.start()
  await until(() => connections.length === 1, 'it came', 5_000)
  // Timer 02 of /proc/net/tcp is the one of keep-alive, in hundredths of a second.
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  // The table changes while it is read and may lack a row; and other timers come before that of keep-alive.
  const seconds = (): number[] =>
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .filter(([, from = '', to = '', state]) => state === '01' && `${from} ${to} `.includes(`:${hexPort} `))
      .map(([, , , , , timer = '']) => timer.split(':'))
      .filter(([kind]) => kind === '02')
      .map(([, when = '']) => Number.parseInt(when, 16) / 100)
  await until(
    () => seconds().filter((each) => each > 32_000 && each <= 32_768).length === 2,
    'both sockets wait that long before they ask',
    5_000,
  )
})
