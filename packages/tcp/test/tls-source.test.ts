import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { until } from '@mcpwire/compliance'
import type { TlsMaterial, TlsSource } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { aliceCredential, authority, serverCredential, stranger, tls } from './support/credentials.js'
import { clientOf, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000

/** A source whose material the test replaces, with the number of its listeners. */
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

test('new connections use the new certificate, and old ones continue', async () => {
  const source = swappable(serverCredential)
  const { port, connections } = await listening({ tls: { source } })
  const before = clientOf({ port, tls: tls.client }).transport
  await before.start()
  source.swap(renewed)
  const after = clientOf({ port, tls: tls.client }).transport
  await after.start()
  expect(before.peer?.tls?.subject).toBe('CN=server')
  expect(after.peer?.tls?.subject).toBe('CN=renewed')
  await until(() => connections.length === 2, 'both connections arrived', TIMEOUT_MS)
  let received = 0
  for (const connection of connections) {
    connection.onmessage = () => {
      received++
    }
  }
  await Promise.all([before.send(note), after.send(note)])
  await until(() => received === 2, 'both messages arrived', TIMEOUT_MS)
})

test('invalid material is reported, and the old material stays in use', async () => {
  const source = swappable(serverCredential)
  const { port, errors } = await listening({ tls: { source } })
  for (const broken of [{ ...serverCredential, key: renewed.key }, {}, undefined as never])
    source.swap(broken)
  expect(errors.map((error) => (error as { code?: unknown }).code)).toEqual(Array(3).fill('INVALID_OPTION'))
  const { transport } = clientOf({ port, tls: tls.client })
  await transport.start()
  expect(transport.peer?.tls?.subject).toBe('CN=server')
})

test('material without authorities does not make a server trust public authorities', async () => {
  const source = swappable({ ...serverCredential, ca: authority.cert })
  const { port, errors } = await listening({ tls: { source } })
  source.swap(serverCredential)
  expect(errors).toMatchObject([{ code: 'INVALID_OPTION', details: { option: 'tls.ca' } }])
  const { transport } = clientOf({ port, tls: tls.client })
  await transport.start()
  expect(await transport.closed).toMatchObject({ code: 'AUTH_REQUIRED' })
})

/** Connects with plain TLS, with a session to resume if given, until the server sends something or closes. */
async function visit(
  port: number,
  session?: Buffer,
): Promise<{ session: Buffer; isResumed: boolean; output: string }> {
  const socket: TLSSocket = connect({
    port,
    host: '127.0.0.1',
    ca: authority.cert,
    ...aliceCredential,
    ALPNProtocols: ['mcp'],
    ...(session && { session }),
  })
  let output = ''
  let latest: Buffer | undefined = session
  socket
    .on('error', () => {})
    .on('session', (each: Buffer) => {
      latest = each
    })
  socket.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const closed = once(socket, 'close')
  await once(socket, 'secureConnect')
  const isResumed = socket.isSessionReused()
  await until(
    () => isResumed || latest !== session || output !== '',
    'a session or a refusal came',
    TIMEOUT_MS,
  )
  socket.end()
  await closed
  return { session: latest as Buffer, isResumed, output }
}

test('TLS sessions are resumed until the authority is replaced', async () => {
  const source = swappable({ ...serverCredential, ca: authority.cert })
  const { port, connections, errors } = await listening({ tls: { source } })
  const { session } = await visit(port)
  const again = await visit(port, session)
  expect(again.isResumed).toBe(true)
  expect(errors).toEqual([])
  const admitted = connections.length

  source.swap({ ...serverCredential, ca: stranger.cert })
  const replaced = await visit(port, again.session)
  expect(replaced).toMatchObject({ isResumed: false, output: expect.stringContaining('AUTH_REQUIRED') })
  await until(() => errors.length > 0, 'the client was refused', TIMEOUT_MS)
  expect(String(errors[0])).toContain('the client certificate was not accepted')
  expect(connections).toHaveLength(admitted)
})

test('a client uses the current material of its source for each connection', async () => {
  const { port } = await listening({ tls: tls.server })
  const source = swappable({ ca: stranger.cert })
  await expect(clientOf({ port, tls: { source } }).transport.start()).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
  })
  source.swap({ ca: authority.cert })
  await clientOf({ port, tls: { source } }).transport.start()
})

test('a listener that is closed or could not start has removed its listener from the source', async () => {
  const source = swappable(serverCredential)
  const { listener, port } = await listening({ tls: { source } })
  expect(source.listeners).toBe(1)
  await expect(listening({ port, tls: { source } })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  expect(source.listeners).toBe(1)
  await listener.close()
  expect(source.listeners).toBe(0)
})
