import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createFakeClock, startLeakCheck, turns, until } from '@mcpwire/compliance'
import { systemClock, type Transport } from '@mcpwire/core'
import { createListener } from '@mcpwire/core/authoring'
import { byteStreamDefaults, socketAcceptor } from '@mcpwire/core/node'
import { expect, onTestFinished, test } from 'vitest'
import { tcpServer } from '../src/index.js'
import { authority, tls } from './support/credentials.js'
import { clientOf, listening, portOf } from './support/ends.js'

const PATIENCE_MS = 5_000
const note = { jsonrpc: '2.0', method: 'notifications/initialized' } as const

/** A socket that says nothing, and hangs up only on those who hang up on it, or not even then. */
async function silentCaller(port: number, { allowHalfOpen = false } = {}): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen }).on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

function hungUpOn(socket: Socket): Promise<unknown> {
  return socket.closed ? Promise.resolve() : once(socket.resume(), 'close')
}

test.each([
  ['TLS handshakes that never end', { tls: tls.server }],
  ['preambles that never come', { preamble: {} }],
  ['TLS handshakes, with a preamble behind', { tls: tls.server, preamble: {} }],
] as const)(
  'a flood of %s holds maxConnections sockets and no more; the others are cut off',
  async (_what, options) => {
    const { port, errors, connections } = await listening({ ...options, maxConnections: 5 })
    const callers = await Promise.all(Array.from({ length: 40 }, () => silentCaller(port)))
    await until(() => errors.length === 35, '35 were cut off', PATIENCE_MS)
    expect(new Set(errors.map(String)).size).toBe(1)
    expect(errors[0]).toMatchObject({ code: 'REFUSED', details: { status: 503 } })
    expect(String(errors[0])).toContain('5 others wait to be admitted (maxConnections)')
    for (const caller of callers) caller.resume()
    await until(() => callers.filter(({ closed }) => closed).length === 35, 'they are closed', PATIENCE_MS)

    const [, ...rest] = callers.filter(({ closed }) => !closed)
    for (const caller of rest) caller.destroy()
    await turns(50)
    const { transport } = clientOf({
      port,
      ...('tls' in options && { tls: tls.client }),
      ...('preamble' in options && { preamble: { headers: () => ({}) } }),
    })
    await transport.start()
    await until(() => connections.length === 1, 'one who behaves comes in', PATIENCE_MS)
  },
)

test('those who are connected and those who wait are counted apart, so that neither keeps out the other', async () => {
  const { port, connections } = await listening({ preamble: {}, maxConnections: 2 })
  const waiting = await silentCaller(port)
  const preamble = { headers: () => ({}) }
  for (const count of [1, 2]) {
    await clientOf({ port, preamble }).transport.start()
    await until(() => connections.length === count, 'it came in', PATIENCE_MS)
  }
  const third = clientOf({ port, preamble })
  await third.transport.start()
  expect(await third.transport.closed).toMatchObject({ code: 'REFUSED', details: { status: 503 } })
  expect(waiting.destroyed).toBe(false)
})

test('a caller that is turned away hears why although it had said something, and is dropped if it stays', async () => {
  const clock = createFakeClock()
  const { port } = await listening({
    clock,
    gate: { admit: () => ({ admit: false, status: 403, reason: 'not you' }) },
  })
  const caller = await silentCaller(port, { allowHalfOpen: true })
  let heard = ''
  caller.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  caller.write(`${JSON.stringify(note)}\n`.repeat(1_000))
  await until(() => heard.includes('not you'), 'it was told', PATIENCE_MS)
  await turns(20)
  await clock.advance(2_000)
  const isGone = (): boolean => {
    caller.write('still here\n')
    return caller.closed
  }
  await until(isGone, 'nobody listens any more', PATIENCE_MS)
})

test('close() ends callers in every stage at once, and leaves nothing', async () => {
  const leaks = await startLeakCheck()
  const listener = tcpServer({
    port: 0,
    tls: tls.server,
    preamble: {},
    maxConnections: 20,
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
  const secure = (...said: string[]): Socket => {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      ca: authority.cert,
      ALPNProtocols: ['mcp'],
    })
    socket.on('error', () => {}).once('secureConnect', () => said.forEach((each) => void socket.write(each)))
    return socket
  }
  const preamble = (stage: string): string => `{"mcpwire":1,"headers":{"stage":"${stage}"}}\n`
  const callers = [
    await silentCaller(port),
    secure(),
    secure('{"mcpwire":1,'),
    secure(preamble('at the gate')),
    secure(preamble('refused')),
    secure(preamble('admitted')),
    secure(preamble('open'), `${JSON.stringify(note)}\n`),
  ]
  await until(
    () => unstarted.length === 2 && errors.length === 0,
    'everybody is where they stay',
    PATIENCE_MS,
  )
  await unstarted[1]?.start()
  const startedAt = systemClock.now()
  await listener.close()
  for (const caller of callers) await hungUpOn(caller)
  expect(systemClock.now() - startedAt).toBeLessThan(1_900)
  expect(errors).toEqual([])
  await leaks.released(PATIENCE_MS)
})

test('a caller that cannot be accepted ends neither the listener nor anybody on it', async () => {
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
      describe: () => ({
        handshake: { medium: 'test', remote: {}, headers: {} },
        peer: { medium: 'test', address: 'test:caller' },
      }),
      channel: byteStreamDefaults,
      maxWaiting: 10,
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
  await until(() => connections.length === 1, 'it came', PATIENCE_MS)
  server?.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE', syscall: 'accept' }))
  expect(errors).toMatchObject([{ code: 'LISTEN_FAILED', cause: { code: 'EMFILE' } }])
  expect(connections[0]?.state).toBe('open')
  await clientOf({ port: portOf(listener) }).transport.start()
  await until(() => connections.length === 2, 'the next came', PATIENCE_MS)
})

test('a listener on a name whose lookup is aborted never listens, and raises nothing', async () => {
  const leaks = await startLeakCheck()
  const listener = tcpServer({ port: 0, host: 'localhost' })
  const controller = new AbortController()
  const starting = listener.start({ signal: controller.signal })
  const reason = new Error('changed my mind')
  controller.abort(reason)
  await expect(starting).rejects.toBe(reason)
  await turns(50)
  expect(listener.address).toBeUndefined()
  await leaks.released(PATIENCE_MS)
})
