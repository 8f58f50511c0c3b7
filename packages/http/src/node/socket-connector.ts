import { connect, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls } from 'node:tls'
import { TransportError } from '@mcpwire/core'
import { loadTlsEnd, type TlsEnd } from '@mcpwire/core/node'
import type { EngineSettings } from '../engine-settings.js'
import { httpTlsDefaults } from '../tls-options.js'

/** The longest a peer that vanished goes unnoticed before the system asks for it, in milliseconds. */
const KEEP_ALIVE_PROBE_MS = 60_000
const SOCKET_CHUNK_BYTES = 65_536

/** What comes of an attempt to connect: an error, or a socket that is ready. */
export type Connected = (...outcome: [Error, null] | [null, Socket]) => void

/** Makes the sockets of one engine, and knows every one of them until it is closed. */
export interface SocketConnector {
  readonly connect: (done: Connected) => void
  /** Destroys every socket, also those that are still connecting. Resolves once the last one is closed. */
  readonly close: () => Promise<void>
}

/**
 * Prepares to connect to the origin of the URL.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function createConnector(settings: EngineSettings): SocketConnector {
  const { url, address, tls, clock, connectTimeoutMs: timeoutMs } = settings
  const end = url.protocol === 'https:' ? loadTlsEnd({ ...httpTlsDefaults, ...given(tls) }) : undefined
  const sockets = new Set<Socket>()
  let isClosed = false

  function start(done: Connected): void {
    const socket = end ? secureSocket(url, end, tls?.serverName) : plainSocket(url)
    const settle: Connected = (...outcome) => {
      late[Symbol.dispose]()
      socket.removeListener('error', fail)
      // Between here and the listener of whoever takes the socket, an error would otherwise be uncaught.
      socket.on('error', () => {})
      done(...outcome)
    }
    const fail = (cause: Error): void => settle(cause, null)
    const late = clock.deadline(timeoutMs, () => {
      const message = `${address} did not accept a connection within connectTimeoutMs (${timeoutMs} ms)`
      socket.destroy(new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs }))
    })
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.once('error', fail)
    socket.once(end ? 'secureConnect' : 'connect', () => settle(null, socket))
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
  }

  return {
    connect: (done) => {
      if (isClosed) {
        done(new Error('the engine is closed'), null)
        return
      }
      try {
        start(done)
      } catch (cause) {
        done(cause as Error, null)
      }
    },
    close: async () => {
      isClosed = true
      const closed = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
      for (const socket of sockets) socket.destroy(new Error('the engine is closed'))
      await Promise.all(closed)
    },
  }
}

function given<T extends object>(options: T | undefined): Partial<T> {
  const set = Object.entries(options ?? {}).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set) as Partial<T>
}

function plainSocket(url: URL): Socket {
  return connect({ host: hostOf(url), port: portOf(url), highWaterMark: SOCKET_CHUNK_BYTES } as never)
}

function secureSocket(url: URL, end: TlsEnd, serverName: string | undefined): Socket {
  const host = hostOf(url)
  const name = serverName ?? host
  return connectTls({
    ...end.current(),
    host,
    port: portOf(url),
    minVersion: end.minVersion,
    ALPNProtocols: ['http/1.1'],
    // Also where NODE_TLS_REJECT_UNAUTHORIZED is 0.
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    // A name, not an address, goes into the handshake (RFC 6066, section 3); both are verified.
    ...(isIP(name) === 0 && { servername: name }),
  })
}

/** The host as sockets take it: an IPv6 address without its brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}
