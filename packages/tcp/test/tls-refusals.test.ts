import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect as connectPlain } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { until } from '@mcpwire/compliance'
import type { TlsClientOptions, Transport } from '@mcpwire/core'
import type { TlsServerOptions } from '@mcpwire/core/node'
import { expect, test } from 'vitest'
import {
  aliceCredential,
  authority,
  mutualTls,
  serverCredential,
  stranger,
  tls,
} from './support/credentials.js'
import { clientOf, listening } from './support/ends.js'

const TIMEOUT_MS = 30_000

/** The errors of both ends of a connection that fails, before or after `start()` resolves. */
async function reasons(
  server: TlsServerOptions | undefined,
  client: TlsClientOptions | undefined,
): Promise<{ atClient: string; atServer: string; code: unknown }> {
  const { port, errors, connections } = await listening({ tls: server })
  const { transport } = clientOf({ port, tls: client })
  const reason = await transport.start().then(
    async () => {
      // An end without TLS fails when bytes arrive.
      await transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' }).catch(() => {})
      return await transport.closed
    },
    (error: unknown) => error,
  )
  await until(
    () => errors.length > 0 || connections.length > 0,
    'the server has an error or a connection',
    TIMEOUT_MS,
  )
  const [connection] = connections
  const atServer = errors[0] ?? (await (connection as Transport).closed)
  return { atClient: String(reason), atServer: String(atServer), code: (reason as { code?: unknown })?.code }
}

const expiredServer = authority.issue({ name: 'server', names: ['127.0.0.1'], isExpired: true })
const otherServer = authority.issue({ name: 'server', names: ['elsewhere.test'] })
const expiredAlice = authority.issue({ name: 'alice', isExpired: true })
const strangeAlice = stranger.issue({ name: 'alice' })

interface Row {
  readonly what: string
  readonly server?: TlsServerOptions
  readonly client?: TlsClientOptions
  readonly code: string
  readonly atClient: string
  readonly atServer: string
}

const rows: readonly Row[] = [
  {
    what: 'a server certificate from another authority',
    server: stranger.issue({ name: 'server', names: ['127.0.0.1'] }),
    client: tls.client,
    code: 'CONNECT_FAILED',
    atClient: 'its certificate comes from an unknown authority',
    atServer:
      'the certificate of the server was not accepted: its certificate comes from an unknown authority',
  },
  {
    what: 'an expired server certificate',
    server: expiredServer,
    client: tls.client,
    code: 'CONNECT_FAILED',
    atClient: 'its certificate has expired',
    atServer: 'the certificate of the server was not accepted: its certificate has expired',
  },
  {
    what: 'a server certificate for another name',
    server: otherServer,
    client: tls.client,
    code: 'CONNECT_FAILED',
    atClient: 'its certificate is for other names',
    atServer: 'the certificate of the server was not accepted: its certificate is for other names',
  },
  {
    what: 'a missing client certificate',
    server: mutualTls.server,
    client: tls.client,
    code: 'AUTH_REQUIRED',
    atClient: 'refused the connection (401): a client certificate is required',
    atServer: 'was refused: a client certificate is required',
  },
  {
    what: 'a client certificate from another authority',
    server: mutualTls.server,
    client: { ...tls.client, ...strangeAlice },
    code: 'AUTH_REQUIRED',
    atClient: 'the client certificate was not accepted: its certificate comes from an unknown authority',
    atServer: 'the client certificate was not accepted: its certificate comes from an unknown authority',
  },
  {
    what: 'an expired client certificate',
    server: mutualTls.server,
    client: { ...tls.client, ...expiredAlice },
    code: 'AUTH_REQUIRED',
    atClient: 'the client certificate was not accepted: its certificate has expired',
    atServer: 'the client certificate was not accepted: its certificate has expired',
  },
  {
    what: 'a server without TLS',
    client: tls.client,
    code: 'CONNECT_FAILED',
    atClient: 'it does not speak TLS',
    atServer: 'it speaks TLS instead of',
  },
]

test.each(rows)('both ends report $what', async ({ server, client, code, atClient, atServer }) => {
  const found = await reasons(server, client)
  expect(found.code).toBe(code)
  expect(found.atClient).toContain(atClient)
  expect(found.atServer).toContain(atServer)
})

test('every cause has its own text', () => {
  for (const side of ['atClient', 'atServer'] as const)
    expect(new Set(rows.map((row) => row[side])).size).toBe(rows.length)
})

test('certificates without a subject are accepted', async () => {
  const server = authority.issue({ name: '', names: ['127.0.0.1'] })
  const client = authority.issue({ name: '', names: ['agent.test'] })
  const { port, connections } = await listening({ tls: { ...server, ca: authority.cert } })
  const { transport } = clientOf({ port, tls: { ca: authority.cert, ...client } })
  await transport.start()
  await until(() => connections.length > 0, 'the connection arrived', TIMEOUT_MS)
  expect(transport.peer?.tls).toMatchObject({ authorized: true, altNames: ['IP Address:127.0.0.1'] })
  expect(transport.peer?.tls).not.toHaveProperty('subject')
  expect(connections[0]?.peer?.tls).toMatchObject({ authorized: true, altNames: ['DNS:agent.test'] })
})

test('an untrusted client certificate without a subject is refused', async () => {
  const found = await reasons(mutualTls.server, {
    ...tls.client,
    ...stranger.issue({ name: '', names: ['agent.test'] }),
  })
  expect(found.code).toBe('AUTH_REQUIRED')
  expect(found.atServer).toContain('the client certificate was not accepted')
})

test('a client without TLS is disconnected and reported', async () => {
  const { port, errors } = await listening({ tls: tls.server })
  const { transport } = clientOf({ port })
  await transport.start()
  transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' }).catch(() => {})
  await transport.closed
  await until(() => errors.length > 0, 'the error was reported', TIMEOUT_MS)
  expect(String(errors[0])).toContain('it does not speak TLS')
})

/** Connects with plain TLS; resolves with the socket or its error. */
async function plainTls(port: number, options: object): Promise<TLSSocket | Error> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, ...options })
  return await new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(socket)).on('error', resolve)
  })
}

test('a server with minVersion 1.3 rejects a client that supports only TLS 1.2, and both report it', async () => {
  const { port, errors } = await listening({ tls: tls.server })
  const failure = await plainTls(port, { maxVersion: 'TLSv1.2' })
  expect((failure as NodeJS.ErrnoException).code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  await until(() => errors.length > 0, 'the error was reported', TIMEOUT_MS)
  expect(String(errors[0])).toContain('it supports only TLS versions older than')
})

test('a client with minVersion 1.3 rejects a server that supports only TLS 1.2, and both report it', async () => {
  const server = createServer({ ...serverCredential, maxVersion: 'TLSv1.2' })
  const refused = once(server, 'tlsClientError')
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { transport } = clientOf({ port: (server.address() as AddressInfo).port, tls: tls.client })
  await expect(transport.start()).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
    details: { option: 'tls.minVersion' },
  })
  expect((await refused)[0].code).toBe('ERR_SSL_UNSUPPORTED_PROTOCOL')
  server.close()
})

test('TLS 1.2 is used when both ends allow it', async () => {
  const minVersion = 'TLSv1.2'
  const { port } = await listening({ tls: { ...tls.server, minVersion } })
  const socket = await plainTls(port, { maxVersion: 'TLSv1.2' })
  expect((socket as TLSSocket).getProtocol()).toBe('TLSv1.2')
  ;(socket as TLSSocket).destroy()
  const server = createServer({ ...serverCredential, maxVersion: 'TLSv1.2' })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const port12 = (server.address() as AddressInfo).port
  const { transport } = clientOf({ port: port12, tls: { ...tls.client, minVersion } })
  await transport.start()
  expect(transport.peer?.tls?.protocol).toBe('TLSv1.2')
  await transport.close()
  server.close()
})

test('a client that offers other ALPN protocols is rejected, and one that offers none is accepted', async () => {
  const { port, errors } = await listening({ tls: tls.server })
  const failure = await plainTls(port, { ALPNProtocols: ['h2'] })
  expect(failure).toBeInstanceOf(Error)
  await until(() => errors.length > 0, 'the error was reported', TIMEOUT_MS)
  expect(String(errors[0])).toContain('ALPN')
  const without = (await plainTls(port, {})) as TLSSocket
  expect(without.encrypted).toBe(true)
  without.destroy()
  const offering = (await plainTls(port, { ALPNProtocols: ['mcp'] })) as TLSSocket
  expect(offering.alpnProtocol).toBe('mcp')
  offering.destroy()
})

test('a client verifies the server though NODE_TLS_REJECT_UNAUTHORIZED is 0', async () => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  try {
    const found = await reasons(otherServer, tls.client)
    expect(found.code).toBe('CONNECT_FAILED')
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  }
})

test.each([
  ['an IPv4 address', { host: '127.0.0.1' }],
  ['localhost', { host: 'localhost' }],
  ['a name of its own', { host: '127.0.0.1', serverName: 'localhost' }],
])(
  'a client verifies the certificate for %s',
  async (_what, { host, serverName }: { host: string; serverName?: string }) => {
    const { port } = await listening({
      tls: tls.server,
      host: host === 'localhost' ? 'localhost' : '127.0.0.1',
    })
    const { transport } = clientOf({ host, port, tls: { ...tls.client, serverName } })
    await transport.start()
    expect(transport.peer).toMatchObject({
      medium: 'tcp',
      address: `tcps://${host}:${port}`,
      tls: {
        protocol: 'TLSv1.3',
        authorized: true,
        subject: 'CN=server',
        altNames: expect.arrayContaining(['DNS:localhost']),
      },
    })
  },
)

test('a client verifies the certificate for an IPv6 address', async () => {
  const { port } = await listening({ tls: tls.server, host: '::1' })
  const { transport } = clientOf({ host: '::1', port, tls: tls.client })
  await transport.start()
  expect(transport.peer?.address).toBe(`tcps://[::1]:${port}`)
})

test('the gate receives the subject, names and fingerprint of the client certificate', async () => {
  const seen: unknown[] = []
  const { port, connections } = await listening({
    tls: mutualTls.server,
    gate: {
      admit: (handshake) => {
        seen.push(handshake.tls)
        return { admit: true }
      },
    },
  })
  const odd = authority.issue({ name: 'bob, O=Wonderland', names: ['bob.test'] })
  for (const credential of [aliceCredential, odd])
    await clientOf({ port, tls: { ...tls.client, ...credential } }).transport.start()
  await until(() => connections.length === 2, 'both connections arrived', TIMEOUT_MS)
  const fingerprint256 = expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  const alice = {
    authorized: true,
    subject: 'CN=alice, O=Wonderland',
    altNames: ['DNS:alice.test'],
    fingerprint256,
  }
  // A comma within a name is escaped: it cannot look like another attribute.
  const bob = { subject: 'CN=bob\\, O=Wonderland', altNames: ['DNS:bob.test'] }
  expect(seen).toMatchObject([alice, bob])
  expect(connections.map(({ peer }) => peer?.tls)).toMatchObject([alice, bob])
})

test('optional client certificates may be missing, but not invalid', async () => {
  const { port, connections, errors } = await listening({
    tls: { ...mutualTls.server, clientCertificates: 'optional' },
  })
  await clientOf({ port, tls: tls.client }).transport.start()
  await until(() => connections.length === 1, 'the connection arrived', TIMEOUT_MS)
  expect(connections[0]?.peer?.tls).toMatchObject({ authorized: false })
  expect(connections[0]?.peer?.tls?.subject).toBeUndefined()
  const invalid = clientOf({ port, tls: { ...tls.client, ...strangeAlice } })
  await invalid.transport.start()
  expect(await invalid.transport.closed).toMatchObject({ code: 'AUTH_REQUIRED' })
  expect(errors).toHaveLength(1)
  expect(connections).toHaveLength(1)
})

test('a handshake longer than handshakeTimeoutMs is disconnected and reported', async () => {
  const { port, errors } = await listening({ tls: { ...tls.server, handshakeTimeoutMs: 30 } })
  const socket = connectPlain(port, '127.0.0.1').on('error', () => {})
  await once(socket.resume(), 'close')
  await until(() => errors.length > 0, 'the error was reported', TIMEOUT_MS)
  expect(errors.map(String)).toEqual([expect.stringContaining('its TLS handshake timed out')])
})
