import { request } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls'
import { isTransportError, TransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { describeTlsError, loadTlsEnd, type TlsEnd, tlsClientOptions } from '@mcpwire/core/node'
import type { EngineSettings } from '../engine.js'
import { describeFetchError, unwrapFetchError } from '../failures.js'
import { type HttpProxy, proxyTo } from './proxy.js'

/** How long a peer is silent before the system probes the connection, in milliseconds. */
const PROBE_AFTER_MS = 60_000
const SOCKET_CHUNK_BYTES = 65_536

/** Makes the sockets of one engine, and tracks each of them until it is closed. */
export interface SocketConnector {
  /** The proxy that receives the requests themselves, because the server has no TLS. */
  readonly forwarder: HttpProxy | undefined
  readonly connect: (done: Connected) => void
  /** Destroys every socket, also those that are still connecting. Resolves once the last one is closed. */
  readonly close: () => Promise<void>
}

/** The default of `tls.minVersion`, since load balancers may offer TLS 1.2 only. */
const OLDEST_TLS_VERSION = 'TLSv1.2'

/** Receives the outcome of an attempt to connect: an error, or a socket that is ready. */
type Connected = (...outcome: [Error, null] | [null, Socket]) => void

/** A target of connections, and how to reach it. */
interface Route {
  readonly url: URL
  /** Speaks TLS to the server where it is given. */
  readonly end: TlsEnd | undefined
  readonly serverName: string | undefined
  readonly proxy: HttpProxy | undefined
}

type TlsOptions = NonNullable<EngineSettings['tls']>

/** Checks the given options first: a copy has no inherited members, which are errors. */
function withMinVersion(tls: TlsOptions): TlsOptions {
  tlsClientOptions.read(tls, 'tls')
  return tls.minVersion === undefined ? { ...tls, minVersion: OLDEST_TLS_VERSION } : tls
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
    end: url.protocol === 'https:' ? loadTlsEnd(withMinVersion(tls)) : undefined,
    serverName: tls.serverName,
    proxy: proxyTo(url, settings.proxy),
  }
  const sockets = new Set<Socket>()
  let isClosed = false
  return {
    forwarder: route.end ? undefined : route.proxy,
    connect(done) {
      const attempt = new ConnectionAttempt(sockets, (...outcome) => {
        deadline[Symbol.dispose]()
        done(...outcome)
      })
      const deadline = clock.deadline(timeoutMs, () => attempt.fail(connectTimeout(address, timeoutMs)))
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

/** The error for a connection that did not open in time. */
export function connectTimeout(address: string, timeoutMs: number): Error {
  const message = `${address} did not accept a connection within connectTimeoutMs (${timeoutMs} ms)`
  return new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs })
}

/** The failure of a request as an error with a useful text. Explains the codes of TLS. */
export function describeConnectionError(failure: unknown): Error {
  return isTransportError(failure)
    ? failure
    : describeFetchError(failure, describeTlsError(unwrapFetchError(failure))?.reason)
}

/** One attempt to connect, which may use several sockets, one on top of another. */
class ConnectionAttempt {
  readonly #done: Connected
  readonly #allSockets: Set<Socket>
  readonly #sockets: Socket[] = []
  #isOver = false

  /** `allSockets` holds each socket until it is closed. */
  constructor(allSockets: Set<Socket>, done: Connected) {
    this.#done = done
    this.#allSockets = allSockets
  }

  /** Makes a socket part of the attempt, which fails with it. */
  own(socket: Socket, onError: (cause: Error) => void = (cause) => this.fail(cause)): void {
    this.#sockets.push(socket)
    this.#allSockets.add(socket)
    socket.once('close', () => this.#allSockets.delete(socket))
    // Never removed: without a listener an error would end the process.
    socket.on('error', (cause) => {
      onError(cause)
      // A TLS alert leaves it open, and undici would report its end as the failure.
      socket.destroy()
    })
  }

  succeed(socket: Socket): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#done(null, socket)
  }

  fail(cause: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const socket of this.#sockets) socket.destroy()
    this.#done(cause, null)
  }
}

function follow(route: Route, attempt: ConnectionAttempt): void {
  const { url, proxy, end } = route
  try {
    if (proxy && end) openTunnel(proxy, route, attempt, (tunnel) => overTunnel(tunnel, route, end, attempt))
    else if (proxy) connectToProxy(proxy, route, attempt)
    else if (end)
      ready(secureSocket(route, end, { host: hostOf(url), port: portOf(url) }), 'secureConnect', attempt)
    else ready(plainSocket(url), 'connect', attempt)
  } catch (cause) {
    // For example from a source of certificates.
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
  // A variable, since the types do not know highWaterMark.
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

/** The options that make TLS verify the name of the server. */
function verified(name: string): ConnectionOptions {
  return {
    ALPNProtocols: ['http/1.1'],
    // NODE_TLS_REJECT_UNAUTHORIZED=0 has no effect here.
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    // Only a name may be sent in the handshake (RFC 6066, section 3); an address is verified as well.
    ...(isIP(name) === 0 && { servername: name }),
  }
}

function overTunnel(tunnel: Socket, route: Route, end: TlsEnd, attempt: ConnectionAttempt): void {
  const secure = secureSocket(route, end, { socket: tunnel })
  secure.once('close', () => tunnel.destroy())
  ready(secure, 'secureConnect', attempt)
}

/** Connects to a proxy that requests are sent to. */
function connectToProxy(proxy: HttpProxy, route: Route, attempt: ConnectionAttempt): void {
  const socket = proxySocket(proxy, route)
  attempt.own(socket, proxyFailed(proxy, attempt))
  socket.once(proxy.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => attempt.succeed(socket))
}

function proxyFailed({ name }: HttpProxy, attempt: ConnectionAttempt): (cause: Error) => void {
  return (cause) =>
    attempt.fail(new Error(`proxy ${name}: ${describeConnectionError(cause).message}`, { cause }))
}

/** Opens a tunnel through the proxy to the server (RFC 9110, section 9.3.6). */
function openTunnel(
  proxy: HttpProxy,
  route: Route,
  attempt: ConnectionAttempt,
  opened: (tunnel: Socket) => void,
): void {
  const failed = proxyFailed(proxy, attempt)
  const target = `${route.url.hostname}:${portOf(route.url)}`
  const tunnelRequest = request({
    method: 'CONNECT',
    path: target,
    headers: { ...proxy.headers, host: target },
    createConnection: () => proxySocket(proxy, route),
  })
  tunnelRequest.once('socket', (socket) => attempt.own(socket, failed))
  tunnelRequest.once('connect', ({ statusCode = 0, statusMessage = '' }, socket, head) => {
    if (statusCode < 200 || statusCode > 299) {
      failed(new Error(`it responded to CONNECT with status ${statusCode} ${statusMessage}`.trimEnd()))
      return
    }
    if (head.length > 0) socket.unshift(head)
    try {
      opened(socket as Socket)
    } catch (cause) {
      attempt.fail(toError(cause))
    }
  })
  tunnelRequest.once('response', ({ statusCode }) =>
    failed(new Error(`it responded to CONNECT with status ${statusCode}`)),
  )
  tunnelRequest.on('error', failed)
  tunnelRequest.end()
}

/** The authorities for the server also apply to the proxy. The proxy receives no client certificate. */
function proxySocket({ url }: HttpProxy, { end }: Route): Socket {
  const host = hostOf(url)
  const socket =
    url.protocol === 'https:'
      ? connectTls({ ...(end && { ca: end.current().ca }), host, port: portOf(url), ...verified(host) })
      : plainSocket(url)
  socket.setNoDelay(true)
  return socket.setKeepAlive(true, PROBE_AFTER_MS)
}

/** The host for a socket: an IPv6 address without its brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}
