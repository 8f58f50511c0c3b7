import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { until } from '@mcpwire/compliance'
import type { TlsMaterial, TlsSource } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { aliceCredential, authority, serverCredential, stranger, tls } from './support/credentials.js'
import { clientOf, listening } from './support/ends.js'

const PATIENCE_MS = 5_000

/** A source whose material the test replaces, and how many listen to it. */
function swappable(
  first: TlsMaterial,
): TlsSource & { swap(next: TlsMaterial): void; readonly listeners: number } {
  let material = first
  const listeners = new Set<() => void>()
  return {
    current: () => material,
    onChange: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    swap: (next) => {
      material = next
      for (const listener of listeners) listener()
    },
    get listeners() {
      return listeners.size
    },
  }
}

const renewed = authority.issue({ name: 'renewed', names: ['127.0.0.1'] })
const note = { jsonrpc: '2.0', method: 'notifications/initialized' } as const

test('new connections see the new certificate, old ones go on', async () => {
  const source = swappable(serverCredential)
  const { port, connections } = await listening({ tls: { source } })
  const before = clientOf({ port, tls: tls.client }).transport
  await before.start()
  source.swap(renewed)
  const after = clientOf({ port, tls: tls.client }).transport
  await after.start()
  expect(before.peer?.tls?.subject).toBe('CN=server')
  expect(after.peer?.tls?.subject).toBe('CN=renewed')
  await until(() => connections.length === 2, 'both came', PATIENCE_MS)
  let heard = 0
  for (const connection of connections) {
    connection.onmessage = () => {
      heard++
    }
  }
  await Promise.all([before.send(note), after.send(note)])
  await until(() => heard === 2, 'both are heard', PATIENCE_MS)
})

test('material that cannot work is reported, and the old one stays', async () => {
  const source = swappable(serverCredential)
  const { port, errors } = await listening({ tls: { source } })
  for (const broken of [{ ...serverCredential, key: renewed.key }, {}, undefined as never])
    source.swap(broken)
  expect(errors.map((error) => (error as { code?: unknown }).code)).toEqual(Array(3).fill('INVALID_OPTION'))
  const { transport } = clientOf({ port, tls: tls.client })
  await transport.start()
  expect(transport.peer?.tls?.subject).toBe('CN=server')
})

test('material without authorities never makes those of the public authorities over callers', async () => {
  const source = swappable({ ...serverCredential, ca: authority.cert })
  const { port, errors } = await listening({ tls: { source } })
  source.swap(serverCredential)
  expect(errors).toMatchObject([{ code: 'INVALID_OPTION', details: { option: 'tls.ca' } }])
  const { transport } = clientOf({ port, tls: tls.client })
  await transport.start()
  expect(await transport.closed).toMatchObject({ code: 'AUTH_REQUIRED' })
})

/** Connects with bare TLS, resuming a session if there is one, until the server says something or hangs up. */
async function visit(
  port: number,
  session?: Buffer,
): Promise<{ session: Buffer; isResumed: boolean; said: string }> {
  const socket: TLSSocket = connect({
    port,
    host: '127.0.0.1',
    ca: authority.cert,
    ...aliceCredential,
    ALPNProtocols: ['mcp'],
    ...(session && { session }),
  })
  let said = ''
  let latest: Buffer | undefined = session
  socket
    .on('error', () => {})
    .on('session', (each: Buffer) => {
      latest = each
    })
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const closed = once(socket, 'close')
  await once(socket, 'secureConnect')
  const isResumed = socket.isSessionReused()
  await until(
    () => isResumed || latest !== session || said !== '',
    'a session or a refusal came',
    PATIENCE_MS,
  )
  socket.end()
  await closed
  return { session: latest as Buffer, isResumed, said }
}

test('sessions are resumed while the authority stays, and not once it was replaced', async () => {
  const source = swappable({ ...serverCredential, ca: authority.cert })
  const { port, connections, errors } = await listening({ tls: { source } })
  const { session } = await visit(port)
  const again = await visit(port, session)
  expect(again.isResumed).toBe(true)
  expect(errors).toEqual([])
  const admitted = connections.length

  source.swap({ ...serverCredential, ca: stranger.cert })
  const replaced = await visit(port, again.session)
  expect(replaced).toMatchObject({ isResumed: false, said: expect.stringContaining('AUTH_REQUIRED') })
  await until(() => errors.length > 0, 'the caller was refused', PATIENCE_MS)
  expect(String(errors[0])).toContain('the client certificate was not accepted')
  expect(connections).toHaveLength(admitted)
})

test('a client uses what its source has when it connects', async () => {
  const { port } = await listening({ tls: tls.server })
  const source = swappable({ ca: stranger.cert })
  await expect(clientOf({ port, tls: { source } }).transport.start()).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
  })
  source.swap({ ca: authority.cert })
  await clientOf({ port, tls: { source } }).transport.start()
})

test('nobody listens to the source once the listener is closed, or could not start', async () => {
  const source = swappable(serverCredential)
  const { listener, port } = await listening({ tls: { source } })
  expect(source.listeners).toBe(1)
  await expect(listening({ port, tls: { source } })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  expect(source.listeners).toBe(1)
  await listener.close()
  expect(source.listeners).toBe(0)
})
