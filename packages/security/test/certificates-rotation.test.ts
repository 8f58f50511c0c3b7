import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, type SecureVersion, type TLSSocket } from 'node:tls'
import { until } from '@mcpwire/compliance'
import { type JsonRpcPeer, type Listener, peer, serve, type TlsSource, type Transport } from '@mcpwire/core'
import type { TlsServerOptions } from '@mcpwire/core/node'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  authority,
  issued,
  type MountedSecret,
  mountedSecret,
  sourceOf,
  written,
} from './support/certificate-files.js'

const TIMEOUT_MS = 60_000
const ROTATIONS = 4
const LASTING_CLIENTS = 4
const RECONNECTING_CLIENTS = 4

interface Wire {
  readonly name: string
  readonly alpn: string
  readonly listener: (tls: TlsServerOptions, fingerprints: Set<string>) => Listener
  readonly client: (url: string, source: TlsSource) => Transport
}

/** Collects the fingerprints of the clients that connect. */
function collecting(fingerprints: Set<string>): object {
  return {
    port: 0,
    gate: {
      admit: ({ tls }: { tls?: { fingerprint256?: string } }) => {
        fingerprints.add(String(tls?.fingerprint256))
        return { admit: true }
      },
    },
  }
}

const wires: readonly Wire[] = [
  {
    name: 'tcp',
    alpn: 'mcp',
    listener: (tls, fingerprints) => tcpServer({ ...collecting(fingerprints), port: 0, tls }),
    client: (url, source) => tcpClient({ port: Number(new URL(url).port), tls: { source } }),
  },
  {
    name: 'ws',
    alpn: 'http/1.1',
    listener: (tls, fingerprints) => wsServer({ ...collecting(fingerprints), port: 0, tls }),
    client: (url, source) => wsClient({ url, tls: { source } }),
  },
  {
    name: 'http',
    alpn: 'http/1.1',
    listener: (tls, fingerprints) => httpServer({ ...collecting(fingerprints), port: 0, tls }),
    client: (url, source) => httpClient({ url, tls: { source } }),
  },
]

const initialize = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'client', version: '1.0.0' },
}

/** A server that answers calls, with its own files and those of its clients. */
async function rotating(wire: Wire, tls: Partial<TlsServerOptions> = {}): Promise<Rotating> {
  const files = await mountedSecret(issued('server 0'))
  const clientFiles = await mountedSecret(issued('client 0'))
  const settleMs = 20
  const server = sourceOf({ ...files.files, settleMs })
  const client = sourceOf({ ...clientFiles.files, settleMs })
  const fingerprints = new Set<string>()
  const errors: Error[] = []
  const listener = wire.listener({ source: server.source, ...tls }, fingerprints)
  listener.onerror = (error) => errors.push(error)
  onTestFinished(() => listener.close())
  await serve(listener, async (connection) => {
    const answering = peer(connection, {
      requests: {
        initialize: () => ({
          protocolVersion: initialize.protocolVersion,
          capabilities: {},
          serverInfo: { name: 'server', version: '1.0.0' },
        }),
        echo: (params) => ({ ...params }),
      },
    })
    await answering.start()
  })
  const open = async (): Promise<JsonRpcPeer> => {
    const calling = peer(wire.client(listener.url, client.source))
    onTestFinished(() => calling.close())
    await calling.start()
    await calling.request('initialize', initialize)
    await calling.notify('notifications/initialized')
    return calling
  }
  return { listener, files, clientFiles, server, client, fingerprints, errors, open }
}

interface Rotating {
  readonly listener: Listener
  readonly files: MountedSecret
  readonly clientFiles: MountedSecret
  readonly server: ReturnType<typeof sourceOf>
  readonly client: ReturnType<typeof sourceOf>
  /** The certificates that clients showed. */
  readonly fingerprints: Set<string>
  readonly errors: Error[]
  readonly open: () => Promise<JsonRpcPeer>
}

/** Replaces the certificates of both ends on disk, and waits until they are in use. */
async function rotate({ files, clientFiles, server, client }: Rotating, version: number): Promise<void> {
  const [next, nextClient] = [issued(`server ${version}`), issued(`client ${version}`)]
  await files.put(next)
  await clientFiles.put(nextClient)
  const isInUse = (): boolean =>
    server.changes.at(-1) === next.cert && client.changes.at(-1) === nextClient.cert
  await until(isInUse, `version ${version} is in use`, TIMEOUT_MS)
}

/** A handshake with plain TLS, which resumes a session where one is given. */
async function handshake(
  { listener, client }: Rotating,
  wire: Wire,
  { version = 'TLSv1.3', session }: { readonly version?: SecureVersion; readonly session?: Buffer } = {},
): Promise<{ readonly subject: string; readonly isResumed: boolean; readonly session: Buffer | undefined }> {
  const { cert, key } = client.source.current()
  const socket: TLSSocket = connect({
    host: '127.0.0.1',
    port: Number(new URL(listener.url).port),
    ca: authority.cert,
    cert: String(cert),
    key: String(key),
    minVersion: version,
    maxVersion: version,
    ALPNProtocols: [wire.alpn],
    ...(session && { session }),
  })
  let latest: Buffer | undefined
  socket
    .on('error', () => {})
    .on('session', (each: Buffer) => {
      latest = each
    })
  await once(socket, 'secureConnect')
  const isResumed = socket.isSessionReused()
  const subject = socket.getPeerX509Certificate()?.subject ?? 'none'
  await until(() => isResumed || latest !== undefined, 'the session arrived', TIMEOUT_MS)
  const closed = once(socket, 'close')
  socket.destroy()
  await closed
  return { subject, isResumed, session: latest ?? session }
}

describe.each(wires)('over $name', (wire) => {
  test('a rotation of certificates under load loses no message', async () => {
    const ends = await rotating(wire)
    let isRotating = true
    let [calls, answers] = [0, 0]
    const call = async (calling: JsonRpcPeer): Promise<void> => {
      const number = ++calls
      expect(await calling.request('echo', { number })).toMatchObject({ number })
      answers++
    }
    const lasting = await Promise.all(Array.from({ length: LASTING_CLIENTS }, ends.open))
    const work = [
      ...lasting.map(async (calling) => {
        while (isRotating) await call(calling)
      }),
      ...Array.from({ length: RECONNECTING_CLIENTS }, async () => {
        while (isRotating) {
          const calling = await ends.open()
          await call(calling)
          await calling.close()
        }
      }),
    ]
    for (let version = 1; version <= ROTATIONS; version++) {
      const answersBefore = answers
      await rotate(ends, version)
      await until(() => answers > answersBefore + LASTING_CLIENTS, 'the calls go on', TIMEOUT_MS)
    }
    isRotating = false
    await Promise.all(work)
    // The connections from before the first rotation are still open.
    await Promise.all(lasting.map(call))

    expect({ answers, errors: [...ends.errors, ...ends.server.errors, ...ends.client.errors] }).toEqual({
      answers: calls,
      errors: [],
    })
    expect((await handshake(ends, wire)).subject).toBe(`CN=server ${ROTATIONS}`)
    const latest = new X509Certificate(String(ends.client.source.current().cert)).fingerprint256
    await ends.open()
    expect([...ends.fingerprints].at(-1)).toBe(latest)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a session of %s from before a rotation is not resumed',
    async (version) => {
      const ends = await rotating(wire, { minVersion: 'TLSv1.2' })
      const { session } = await handshake(ends, wire, { version })
      const resumed = await handshake(ends, wire, { version, session: session as Buffer })
      expect(resumed.isResumed).toBe(true)
      await rotate(ends, 1)
      const after = await handshake(ends, wire, { version, session: session as Buffer })
      expect(after).toMatchObject({ isResumed: false, subject: 'CN=server 1' })
    },
  )

  test('rejected certificates, and a source that fails, leave the old ones in use', async () => {
    const ends = await rotating(wire)
    await ends.files.put({ ...issued('server 1'), key: issued('other').key })
    await until(() => ends.errors.length > 0, 'the listener reported it', TIMEOUT_MS)
    expect(ends.errors).toMatchObject([
      { code: 'INVALID_OPTION', message: expect.stringMatching(/^new certificates were rejected/) },
    ])
    expect((await handshake(ends, wire)).subject).toBe('CN=server 0')
    await ends.listener.close()
    await ends.files.put({ ...issued('server 2'), key: issued('other').key })
    await until(() => ends.server.errors.length > 1, 'the source reported it', TIMEOUT_MS)
    expect(ends.errors).toHaveLength(1)
  })

  test('a source that throws lets no server and no client start', async () => {
    const failing: TlsSource = {
      current: () => {
        throw new Error('the disk is gone')
      },
      onChange: () => ({ [Symbol.dispose]: () => {} }),
    }
    const rejected = { code: 'INVALID_OPTION', details: { option: 'tls.source' } }
    expect(() => wire.listener({ source: failing }, new Set())).toThrow(expect.objectContaining(rejected))
    let isFailing = false
    const { source } = sourceOf(await written(issued('server')))
    const later = { ...source, current: () => (isFailing ? failing.current() : source.current()) }
    const ends = await rotating(wire)
    const listener = wire.listener({ source: later }, new Set())
    listener.onconnection = () => {}
    const client = wire.client(ends.listener.url, later)
    client.onerror = () => {}
    isFailing = true
    await expect(listener.start()).rejects.toMatchObject(rejected)
    const calling = peer(client)
    onTestFinished(() => calling.close())
    await expect(calling.start().then(() => calling.request('initialize', initialize))).rejects.toMatchObject(
      {
        message: expect.stringContaining('tls.source'),
      },
    )
  })
})
