import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createFakeClock, startLeakCheck, turns, until, within } from '@mcpwire/compliance'
import type { Transport } from '@mcpwire/core'
import { createListener } from '@mcpwire/core/authoring'
import { byteStreamDefaults, socketAcceptor } from '@mcpwire/core/node'
import { expect, onTestFinished, test } from 'vitest'
import { tcpServer } from '../src/index.js'
import { authority, tls } from './support/credentials.js'
import { clientOf, listening, portOf } from './support/ends.js'

const TIMEOUT_MS = 30_000
const note = { jsonrpc: '2.0', method: 'notifications/initialized' } as const

/** A connected socket that sends nothing. With `allowHalfOpen` it does not close when the server does. */
async function silentSocket(port: number, { allowHalfOpen = false } = {}): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen }).on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

function closed(socket: Socket): Promise<unknown> {
  return socket.closed ? Promise.resolve() : once(socket.resume(), 'close')
}

test.each([
  ['unfinished TLS handshakes', { tls: tls.server }],
  ['missing preambles', { preamble: {} }],
  ['unfinished TLS handshakes before a preamble', { tls: tls.server, preamble: {} }],
] as const)(
  'a flood of %s keeps the newest maxConnections sockets; the others are destroyed',
  async (_what, options) => {
    const { port, refused, connections } = await listening({ ...options, maxConnections: 5 })
    const sockets = await Promise.all(Array.from({ length: 40 }, () => silentSocket(port)))
    const count = (): number => refused.reduce((sum, { omitted }) => sum + 1 + omitted, 0)
    await until(() => count() === 35, '35 were destroyed', TIMEOUT_MS)
    expect(refused[0]).toMatchObject({ status: 503, option: 'maxConnections' })
    for (const socket of sockets) socket.resume()
    await until(() => sockets.filter(({ closed }) => closed).length === 35, 'the 35 are closed', TIMEOUT_MS)

    // The pending sockets stay open: the client takes the place of the oldest.
    const { transport } = clientOf({
      port,
      ...('tls' in options && { tls: tls.client }),
      ...('preamble' in options && { preamble: { headers: () => ({}) } }),
    })
    await transport.start()
    await until(() => connections.length === 1, 'a regular client connects', TIMEOUT_MS)
  },
)

test('connections and pending sockets have separate limits', async () => {
  const { port, connections } = await listening({ preamble: {}, maxConnections: 2 })
  const pending = await silentSocket(port)
  const preamble = { headers: () => ({}) }
  for (const count of [1, 2]) {
    await clientOf({ port, preamble }).transport.start()
    await until(() => connections.length === count, 'the connection arrived', TIMEOUT_MS)
  }
  const third = clientOf({ port, preamble })
  await third.transport.start()
  expect(await third.transport.closed).toMatchObject({ code: 'REFUSED', details: { status: 503 } })
  expect(pending.destroyed).toBe(false)
})

test('a refused client receives the reason despite unread input, and is destroyed after closeTimeoutMs', async () => {
  const clock = createFakeClock()
  const { port } = await listening({
    clock,
    gate: { admit: () => ({ admit: false, status: 403, reason: 'not you' }) },
  })
  const client = await silentSocket(port, { allowHalfOpen: true })
  let received = ''
  client.on('data', (chunk: Buffer) => {
    received += chunk.toString()
  })
  client.write(`${JSON.stringify(note)}\n`.repeat(1_000))
  await until(() => received.includes('not you'), 'the reason arrived', TIMEOUT_MS)
  await turns(20)
  await clock.advance(2_000)
  const isClosed = (): boolean => {
    client.write('still here\n')
    return client.closed
  }
  await until(isClosed, 'the server has closed the socket', TIMEOUT_MS)
})

test('close() ends sockets in every stage at once and releases everything', async () => {
  const leaks = await startLeakCheck()
  const listener = tcpServer({
    port: 0,
    tls: tls.server,
    preamble: {},
    maxConnections: 20,
    clock: createFakeClock(),
    gate: {
      admit: async ({ headers }) => {
        if (headers['stage'] === 'at the gate') await new Promise(() => {})
        if (headers['stage'] === 'refused') return { admit: false, status: 403, reason: 'not you' }
        return { admit: true }
      },
    },
  })
  const errors: Error[] = []
  const unstarted: Transport[] = []
  listener.onerror = (error) => errors.push(error)
  listener.onconnection = (connection) => unstarted.push(connection)
  await listener.start()
  const port = portOf(listener)
  const secure = (...lines: string[]): Socket => {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      ca: authority.cert,
      ALPNProtocols: ['mcp'],
    })
    socket.on('error', () => {}).once('secureConnect', () => lines.forEach((line) => void socket.write(line)))
    return socket
  }
  const preamble = (stage: string): string => `{"mcpwire":1,"headers":{"stage":"${stage}"}}\n`
  const sockets = [
    await silentSocket(port),
    secure(),
    secure('{"mcpwire":1,'),
    secure(preamble('at the gate')),
    secure(preamble('refused')),
    secure(preamble('admitted')),
    secure(preamble('open'), `${JSON.stringify(note)}\n`),
  ]
  await until(
    () => unstarted.length === 2 && errors.length === 0,
    'every socket has reached its stage',
    TIMEOUT_MS,
  )
  await unstarted[1]?.start()
  // No time passes on the clock of the listener.
  await within(listener.close(), 'close() returned', TIMEOUT_MS)
  for (const socket of sockets) await closed(socket)
  expect(errors).toEqual([])
  await leaks.released(TIMEOUT_MS)
})

test('an accept error ends neither the listener nor its connections', async () => {
  let server: Server | undefined
  const listener = createListener(
    socketAcceptor({
      createServer: () => {
        server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
        return server
      },
      bindsBeyondThisHost: false,
      listen: (made) => void made.listen({ host: '127.0.0.1', port: 0 }),
      requestedAddress: 'test:',
      addressOf: (made) => `test:${(made.address() as { port: number }).port}`,
      describe: () => ({ medium: 'test', remote: {}, headers: {} }),
      peerOf: () => ({ medium: 'test', address: 'test:client' }),
      channel: byteStreamDefaults,
      maxPending: 10,
    }),
  )
  onTestFinished(() => listener.close())
  const errors: Error[] = []
  const connections: Transport[] = []
  listener.onerror = (error) => errors.push(error)
  listener.onconnection = (connection) => {
    connections.push(connection)
    connection.start().catch(() => {})
  }
  await listener.start()
  await clientOf({ port: portOf(listener) }).transport.start()
  await until(() => connections.length === 1, 'the first connection arrived', TIMEOUT_MS)
  server?.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE', syscall: 'accept' }))
  expect(errors).toMatchObject([{ code: 'LISTEN_FAILED', cause: { code: 'EMFILE' } }])
  expect(connections[0]?.state).toBe('open')
  await clientOf({ port: portOf(listener) }).transport.start()
  await until(() => connections.length === 2, 'the next connection arrived', TIMEOUT_MS)
})

test('start() that is aborted during the DNS lookup never listens and raises no error', async () => {
  const leaks = await startLeakCheck()
  const listener = tcpServer({ port: 0, host: 'localhost' })
  const controller = new AbortController()
  const starting = listener.start({ signal: controller.signal })
  const reason = new Error('cancelled')
  controller.abort(reason)
  await expect(starting).rejects.toBe(reason)
  await turns(50)
  expect(listener.address).toBeUndefined()
  await leaks.released(TIMEOUT_MS)
})
