import { request } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls'
import { toError } from '@mcpwire/core/authoring'
import { loadTlsEnd, type TlsEnd } from '@mcpwire/core/node'
import { httpTlsDefaults } from '../../shared/tls-options.js'
import type { EngineSettings } from '../engine-settings.js'
import { type Connected, ConnectionAttempt, connectTimeout } from './connection-attempt.js'
import { inWords } from './failure-words.js'
import { type HttpProxy, proxyTo } from './proxy.js'

/** How long a peer is silent before the system asks whether it is still there, in milliseconds. */
const PROBE_AFTER_MS = 60_000
const SOCKET_CHUNK_BYTES = 65_536

/** Makes the sockets of one engine, and knows every one of them until it is closed. */
export interface SocketConnector {
  readonly connect: (done: Connected) => void
  /** Destroys every socket, also those that are still connecting. Resolves once the last one is closed. */
  readonly close: () => Promise<void>
}

/** Where connections lead, and how. */
interface Route {
  readonly url: URL
  /** How to speak TLS to the server; not at all without it. */
  readonly end: TlsEnd | undefined
  readonly serverName: string | undefined
  readonly proxy: HttpProxy | undefined
}

/**
 * Prepares to connect to the origin of the URL, through a proxy where there is one.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function createConnector(settings: EngineSettings): SocketConnector {
  const { url, address, tls = {}, clock, connectTimeoutMs: timeoutMs } = settings
  const route: Route = {
    url,
    end: url.protocol === 'https:' ? loadTlsEnd({ ...httpTlsDefaults, ...tls }) : undefined,
    serverName: tls.serverName,
    proxy: proxyTo(url, settings.proxy),
  }
  const sockets = new Set<Socket>()
  let isClosed = false
  return {
    connect(done) {
      const attempt = new ConnectionAttempt(sockets, (...outcome) => {
        late[Symbol.dispose]()
        done(...outcome)
      })
      const late = clock.deadline(timeoutMs, () => {
        attempt.fail(connectTimeout(address, timeoutMs))
      })
      if (isClosed) attempt.fail(new Error('the engine is closed'))
      else follow(route, attempt)
    },
    close: async () => {
      isClosed = true
      const closed = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
      for (const socket of sockets) socket.destroy(new Error('the engine is closed'))
      await Promise.all(closed)
    },
  }
}

function follow(route: Route, attempt: ConnectionAttempt): void {
  const { url, proxy, end } = route
  try {
    if (proxy) openTunnel(proxy, route, attempt, (tunnel) => overTunnel(tunnel, route, attempt))
    else if (end)
      ready(secureSocket(route, end, { host: hostOf(url), port: portOf(url) }), 'secureConnect', attempt)
    else ready(plainSocket(url), 'connect', attempt)
  } catch (cause) {
    // Such as a source of certificates that yields none.
    attempt.fail(toError(cause))
  }
}

function ready(socket: Socket, event: 'connect' | 'secureConnect', attempt: ConnectionAttempt): void {
  attempt.own(socket)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, PROBE_AFTER_MS)
  socket.once(event, () => attempt.succeed(socket))
}

function plainSocket(url: URL): Socket {
  const options = { host: hostOf(url), port: portOf(url), highWaterMark: SOCKET_CHUNK_BYTES }
  return connect(options)
}

function secureSocket(
  { url, serverName }: Route,
  end: TlsEnd,
  over: { host: string; port: number } | { socket: Socket },
): TLSSocket {
  const name = serverName ?? hostOf(url)
  return connectTls({ ...end.current(), ...over, minVersion: end.minVersion, ...verified(name) })
}

/** The options that make TLS insist on a name. */
function verified(name: string): ConnectionOptions {
  return {
    ALPNProtocols: ['http/1.1'],
    // Also where NODE_TLS_REJECT_UNAUTHORIZED is 0.
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    // A name, not an address, goes into the handshake (RFC 6066, section 3); both are verified.
    ...(isIP(name) === 0 && { servername: name }),
  }
}

function overTunnel(tunnel: Socket, route: Route, attempt: ConnectionAttempt): void {
  if (!route.end) {
    attempt.succeed(tunnel)
    return
  }
  const secure = secureSocket(route, route.end, { socket: tunnel })
  secure.once('close', () => tunnel.destroy())
  ready(secure, 'secureConnect', attempt)
}

/** Asks the proxy for a tunnel to the server (RFC 9110, section 9.3.6). */
function openTunnel(
  proxy: HttpProxy,
  route: Route,
  attempt: ConnectionAttempt,
  opened: (tunnel: Socket) => void,
): void {
  const failed = (cause: Error): void =>
    attempt.fail(new Error(`the proxy ${proxy.name}: ${inWords(cause).message}`, { cause }))
  const target = `${route.url.hostname}:${portOf(route.url)}`
  const asking = request({
    method: 'CONNECT',
    path: target,
    headers: { ...proxy.headers, host: target },
    createConnection: () => proxySocket(proxy, route),
  })
  asking.once('socket', (socket) => attempt.own(socket, failed))
  asking.once('connect', ({ statusCode = 0, statusMessage = '' }, socket, head) => {
    if (statusCode < 200 || statusCode > 299) {
      failed(new Error(`it answered ${statusCode} ${statusMessage} to CONNECT`))
      return
    }
    if (head.length > 0) socket.unshift(head)
    try {
      opened(socket as Socket)
    } catch (cause) {
      attempt.fail(toError(cause))
    }
  })
  asking.once('response', ({ statusCode }) => failed(new Error(`it answered ${statusCode} to CONNECT`)))
  asking.on('error', failed)
  asking.end()
}

/** The authorities that vouch for the server may vouch for the proxy; it is shown no certificate of this end. */
function proxySocket({ url }: HttpProxy, { end }: Route): Socket {
  const host = hostOf(url)
  const socket =
    url.protocol === 'https:'
      ? connectTls({ ...(end && { ca: end.current().ca }), host, port: portOf(url), ...verified(host) })
      : plainSocket(url)
  socket.setNoDelay(true)
  return socket.setKeepAlive(true, PROBE_AFTER_MS)
}

/** The host as sockets take it: an IPv6 address without its brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}
