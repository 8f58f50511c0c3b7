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

const PATIENCE_MS = 5_000

/** Why each of the ends says that there is no conversation, whether before or after `start()` resolved. */
async function reasons(
  server: TlsServerOptions | undefined,
  client: TlsClientOptions | undefined,
): Promise<{ atClient: string; atServer: string; code: unknown }> {
  const { port, errors, connections } = await listening({ tls: server })
  const caller = clientOf({ port, tls: client })
  const reason = await caller.transport.start().then(
    async () => {
      // An end without TLS finds out by what it hears.
      await caller.transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' }).catch(() => {})
      return await caller.transport.closed
    },
    (error: unknown) => error,
  )
  await until(() => errors.length > 0 || connections.length > 0, 'the server has heard of it', PATIENCE_MS)
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
    what: 'the server comes from another authority',
    server: stranger.issue({ name: 'server', names: ['127.0.0.1'] }),
    client: tls.client,
    code: 'CONNECT_FAILED',
    atClient: 'its certificate comes from an authority that is not one of tls.ca',
    atServer: 'the certificate of the server was not accepted: its certificate comes from an authority',
  },
  {
    what: "the server's certificate has expired",
    server: expiredServer,
    client: tls.client,
    code: 'CONNECT_FAILED',
    atClient: 'its certificate has expired',
    atServer: 'the certificate of the server was not accepted: its certificate has expired',
  },
  {
    what: "the server's certificate is for another name",
    server: otherServer,
    client: tls.client,
    code: 'CONNECT_FAILED',
    atClient: 'its certificate is for other names (tls.serverName)',
    atServer: 'the certificate of the server was not accepted: its certificate is for other names',
  },
  {
    what: 'the caller shows no certificate',
    server: mutualTls.server,
    client: tls.client,
    code: 'AUTH_REQUIRED',
    atClient: 'refused the connection (401): a client certificate is required',
    atServer: 'was refused: a client certificate is required',
  },
  {
    what: "the caller's certificate comes from another authority",
    server: mutualTls.server,
    client: { ...tls.client, ...strangeAlice },
    code: 'AUTH_REQUIRED',
    atClient: 'the client certificate was not accepted: its certificate comes from an authority',
    atServer: 'the client certificate was not accepted: its certificate comes from an authority',
  },
  {
    what: "the caller's certificate has expired",
    server: mutualTls.server,
    client: { ...tls.client, ...expiredAlice },
    code: 'AUTH_REQUIRED',
    atClient: 'the client certificate was not accepted: its certificate has expired',
    atServer: 'the client certificate was not accepted: its certificate has expired',
  },
  {
    what: 'the server does not speak TLS',
    client: tls.client,
    code: 'CONNECT_FAILED',
    atClient: 'it does not speak TLS',
    atServer: 'it speaks TLS, and this end does not (tls)',
  },
]

test.each(rows)('$what: both ends say so', async ({ server, client, code, atClient, atServer }) => {
  const found = await reasons(server, client)
  expect(found.code).toBe(code)
  expect(found.atClient).toContain(atClient)
  expect(found.atServer).toContain(atServer)
})

test('every reason is another', () => {
  for (const side of ['atClient', 'atServer'] as const)
    expect(new Set(rows.map((row) => row[side])).size).toBe(rows.length)
})

test('certificates without a subject are as good as others', async () => {
  const server = authority.issue({ name: '', names: ['127.0.0.1'] })
  const client = authority.issue({ name: '', names: ['agent.test'] })
  const { port, connections } = await listening({ tls: { ...server, ca: authority.cert } })
  const { transport } = clientOf({ port, tls: { ca: authority.cert, ...client } })
  await transport.start()
  await until(() => connections.length > 0, 'it was let in', PATIENCE_MS)
  expect(transport.peer?.tls).toMatchObject({ authorized: true, altNames: ['IP Address:127.0.0.1'] })
  expect(transport.peer?.tls).not.toHaveProperty('subject')
  expect(connections[0]?.peer?.tls).toMatchObject({ authorized: true, altNames: ['DNS:agent.test'] })
})

test('a client certificate without a subject that is not trusted is refused', async () => {
  const found = await reasons(mutualTls.server, {
    ...tls.client,
    ...stranger.issue({ name: '', names: ['agent.test'] }),
  })
  expect(found.code).toBe('AUTH_REQUIRED')
  expect(found.atServer).toContain('the client certificate was not accepted')
})

test('a caller that does not speak TLS is hung up on, and reported', async () => {
  const { port, errors } = await listening({ tls: tls.server })
  const { transport } = clientOf({ port })
  await transport.start()
  transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' }).catch(() => {})
  await transport.closed
  await until(() => errors.length > 0, 'it was reported', PATIENCE_MS)
  expect(String(errors[0])).toContain('it does not speak TLS')
})

/** Connects with bare TLS; resolves with the socket or its error. */
async function bareTls(port: number, options: object): Promise<TLSSocket | Error> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, ...options })
  return await new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(socket)).on('error', resolve)
  })
}

test('a caller that speaks only TLS 1.2 is refused by a server that asks for 1.3, and both know', async () => {
  const { port, errors } = await listening({ tls: tls.server })
  const failure = await bareTls(port, { maxVersion: 'TLSv1.2' })
  expect((failure as NodeJS.ErrnoException).code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  await until(() => errors.length > 0, 'it was reported', PATIENCE_MS)
  expect(String(errors[0])).toMatch(/no TLS with .*: it speaks only TLS versions older than tls\.minVersion/)
})

test('a server that speaks only TLS 1.2 is refused by a client that asks for 1.3, and both know', async () => {
  const server = createServer({ ...serverCredential, maxVersion: 'TLSv1.2' })
  const refused = once(server, 'tlsClientError')
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { transport } = clientOf({ port: (server.address() as AddressInfo).port, tls: tls.client })
  await expect(transport.start()).rejects.toThrow(
    'it does not accept the TLS versions of this end (tls.minVersion)',
  )
  expect((await refused)[0].code).toBe('ERR_SSL_UNSUPPORTED_PROTOCOL')
  server.close()
})

test('TLS 1.2 is spoken where both ends ask for it', async () => {
  const minVersion = 'TLSv1.2'
  const { port } = await listening({ tls: { ...tls.server, minVersion } })
  const socket = await bareTls(port, { maxVersion: 'TLSv1.2' })
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

test('a peer that names other protocols only is refused, one that names none is taken (ALPN)', async () => {
  const { port, errors } = await listening({ tls: tls.server })
  const failure = await bareTls(port, { ALPNProtocols: ['h2'] })
  expect(failure).toBeInstanceOf(Error)
  await until(() => errors.length > 0, 'it was reported', PATIENCE_MS)
  expect(String(errors[0])).toContain('does not speak the protocol "mcp" (ALPN)')
  const silent = (await bareTls(port, {})) as TLSSocket
  expect(silent.encrypted).toBe(true)
  silent.destroy()
  const speaking = (await bareTls(port, { ALPNProtocols: ['mcp'] })) as TLSSocket
  expect(speaking.alpnProtocol).toBe('mcp')
  speaking.destroy()
})

test('verifies the server though NODE_TLS_REJECT_UNAUTHORIZED is 0', async () => {
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
  'verifies the certificate for %s',
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

test('verifies the certificate for an IPv6 address', async () => {
  const { port } = await listening({ tls: tls.server, host: '::1' })
  const { transport } = clientOf({ host: '::1', port, tls: tls.client })
  await transport.start()
  expect(transport.peer?.address).toBe(`tcps://[::1]:${port}`)
})

test('tells the listener who calls: subject, names, fingerprint', async () => {
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
  await until(() => connections.length === 2, 'both came', PATIENCE_MS)
  const fingerprint256 = expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  const alice = {
    authorized: true,
    subject: 'CN=alice, O=Wonderland',
    altNames: ['DNS:alice.test'],
    fingerprint256,
  }
  // A comma within a name is escaped: it cannot pass for another attribute.
  const bob = { subject: 'CN=bob\\, O=Wonderland', altNames: ['DNS:bob.test'] }
  expect(seen).toMatchObject([alice, bob])
  expect(connections.map(({ peer }) => peer?.tls)).toMatchObject([alice, bob])
})

test('where certificates are optional a caller without comes in, and one with a bad one does not', async () => {
  const { port, connections, errors } = await listening({
    tls: { ...mutualTls.server, clientCertificates: 'optional' },
  })
  await clientOf({ port, tls: tls.client }).transport.start()
  await until(() => connections.length === 1, 'it came', PATIENCE_MS)
  expect(connections[0]?.peer?.tls).toMatchObject({ authorized: false })
  expect(connections[0]?.peer?.tls?.subject).toBeUndefined()
  const bad = clientOf({ port, tls: { ...tls.client, ...strangeAlice } })
  await bad.transport.start()
  expect(await bad.transport.closed).toMatchObject({ code: 'AUTH_REQUIRED' })
  expect(errors).toHaveLength(1)
  expect(connections).toHaveLength(1)
})

test('a handshake that takes longer than handshakeTimeoutMs is cut off and reported', async () => {
  const { port, errors } = await listening({ tls: { ...tls.server, handshakeTimeoutMs: 30 } })
  const socket = connectPlain(port, '127.0.0.1').on('error', () => {})
  await once(socket.resume(), 'close')
  await until(() => errors.length > 0, 'it was reported', PATIENCE_MS)
  expect(errors.map(String)).toEqual([expect.stringContaining('it took too long over the TLS handshake')])
})
