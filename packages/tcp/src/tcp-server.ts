/*
 * How the server is built: `createListener` owns the life cycle (`start`, the gate, the connections, `close`) and calls
 * the acceptor.
 *
 *   start() ─▶ socketAcceptor.listen: bindServer, then per socket: PROXY header, TLS, certificate, preamble ─▶ sink.connection
 *   createListener: gate ─▶ onconnection(transport) ─▶ transport.start() ─▶ connector.connect ─▶ duplexChannel
 *   close() ─▶ binding.close(): no new sockets, pending ones destroyed ─▶ connections drained and closed
 *
 * This file supplies what is TCP: the server, its address, and the handshake and peer of a socket.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Handshake, Listener, ListenerOptions, Peer } from '@mcpwire/core'
import {
  boolean,
  createListener,
  defaultsOf,
  group,
  inRange,
  integer,
  isLoopback,
  listenerOptions,
  type OptionalListenerOptions,
  type OptionDefaults,
  objectWith,
  optional,
  options,
  type ProxyProtocol,
  text,
} from '@mcpwire/core/authoring'
import {
  describeTlsError,
  loadTlsServer,
  type PreambleOptions,
  preambleOptions,
  type SocketServerOptions,
  socketAcceptor,
  socketServerOptions,
  type TlsServerOptions,
  tlsFactsOf,
  tlsServerOptions,
} from '@mcpwire/core/node'
import { socketOptions, tcpAddress } from './endpoint.js'

/** Options of `tcpServer`. */
export interface TcpServerOptions extends ListenerOptions, SocketServerOptions {
  /** Port to listen on. 0 selects a free one. */
  port: number
  /**
   * Address to listen on. An address that other hosts can reach requires a `gate`.
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * TLS, with the members of `TlsServerOptions`, at least a certificate and its key.
   * @defaultValue undefined
   */
  tls?: TlsServerOptions | undefined
  /**
   * Whether small messages are sent at once, without coalescing by the system (`TCP_NODELAY`).
   * @defaultValue true
   */
  noDelay?: boolean | undefined
  /**
   * Idle time before the system probes the client (TCP keep-alive), in milliseconds. Systems count whole seconds.
   * `Infinity` disables the probes.
   * @defaultValue 30_000
   */
  keepAliveMs?: number | undefined
  /**
   * Requires clients to send headers before the first message, for the gate, within `timeoutMs` (5 000) and `maxBytes`
   * (8 192).
   * @defaultValue undefined
   */
  preamble?: PreambleOptions | undefined
  /**
   * Accepts the PROXY protocol of load balancers, which name their callers before the first byte, also before TLS. Such as
   * `proxyProtocol(['10.0.0.1'])` of `@mcpwire/security/node`. It requires a `gate`, since callers are on other hosts.
   * @defaultValue undefined
   */
  proxyProtocol?: ProxyProtocol | undefined
}

type OptionalServerOptions = OptionalListenerOptions | 'tls' | 'preamble' | 'proxyProtocol'

const table = options<TcpServerOptions, OptionalServerOptions>({
  ...socketServerOptions.rules,
  ...listenerOptions.rules,
  port: integer(0, 65_535),
  host: text('127.0.0.1'),
  tls: optional(group(tlsServerOptions)),
  noDelay: boolean(true),
  keepAliveMs: inRange(1_000, Infinity, 30_000),
  preamble: optional(group(preambleOptions)),
  proxyProtocol: optional(objectWith<ProxyProtocol>(['expect', 'read'], 'a ProxyProtocol')),
})

/** The defaults of `tcpServer`. */
export const tcpServerDefaults: OptionDefaults<TcpServerOptions, OptionalServerOptions> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * A listener on TCP, with optional TLS and client certificates. Binds nothing until `start()`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @example
 * ```ts
 * const listener = await serve(tcpServer({ port: 7000 }), (connection) => newServer().connect(connection))
 * ```
 */
export function tcpServer(given: TcpServerOptions): Listener {
  const settings = table.read(given)
  const { host, port, proxyProtocol } = settings
  const tls = settings.tls === undefined ? undefined : loadTlsServer(settings.tls)
  const preamble =
    settings.preamble === undefined ? undefined : preambleOptions.read(settings.preamble, 'preamble')
  const isSecure = tls !== undefined
  const {
    maxMessageBytes,
    maxQueuedBytes,
    keepEncoded,
    closeTimeoutMs,
    pingIntervalMs,
    messageTimeoutMs,
    clock,
  } = settings
  const acceptor = socketAcceptor({
    createServer: () =>
      createServer({ ...socketOptions(settings), allowHalfOpen: true, pauseOnConnect: true }),
    bindsBeyondThisHost: proxyProtocol !== undefined || (host !== 'localhost' && !isLoopback(host)),
    listen: (server) => void server.listen({ host, port }),
    requestedAddress: tcpAddress(host, port, isSecure),
    addressOf: (server) => tcpAddress(host, (server.address() as AddressInfo).port, isSecure),
    describe,
    peerOf,
    channel: {
      maxMessageBytes,
      maxQueuedBytes,
      keepEncoded,
      closeTimeoutMs,
      pingIntervalMs,
      clock,
      describeError: describeTlsError,
    },
    messageTimeoutMs,
    maxPending: settings.maxConnections,
    preamble,
    proxyProtocol,
    tls,
  })
  return createListener(acceptor, settings)
}

function describe(socket: Socket | TLSSocket): Handshake {
  const { remotePort = 0 } = socket
  // A dual-stack socket reports IPv4 clients as `::ffff:127.0.0.1`.
  const address = (socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '')
  const tls = 'getPeerX509Certificate' in socket ? { tls: tlsFactsOf(socket) } : {}
  const scheme = 'tls' in tls ? 'tcps' : 'tcp'
  return { medium: 'tcp', scheme, remote: { address, port: remotePort }, headers: {}, ...tls }
}

function peerOf({ remote: { address = 'unknown', port = 0 }, tls }: Handshake): Peer {
  return Object.freeze({
    medium: 'tcp',
    address: tcpAddress(address, port, tls !== undefined),
    ...(tls && { tls }),
  })
}
