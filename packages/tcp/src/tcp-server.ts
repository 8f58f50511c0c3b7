import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Handshake, Listener, ListenerOptions, Peer } from '@mcpwire/core'
import {
  boolean,
  createListener,
  group,
  inRange,
  integer,
  isLoopback,
  listenerOptions,
  type OptionalListenerOptions,
  type OptionDefaults,
  optional,
  options,
  text,
} from '@mcpwire/core/authoring'
import {
  type ByteStreamOptions,
  byteStreamOptions,
  loadTlsServer,
  type PreambleOptions,
  preambleOptions,
  socketAcceptor,
  type TlsServerOptions,
  tlsFactsOf,
  tlsMeaningOf,
  tlsServerOptions,
} from '@mcpwire/core/node'
import { tcpAddress } from './address.js'
import { socketOptions } from './socket-options.js'

/** Options of a listener on TCP. */
export interface TcpServerOptions extends ListenerOptions, ByteStreamOptions {
  /** Port to listen on; 0 for one that is free. */
  port: number
  /**
   * Address to listen on. Beyond this host, `start()` asks for a `gate`.
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * Speaks TLS, with the certificate in `certFile` and `keyFile`, and the others in the README, under TLS.
   * @defaultValue undefined
   */
  tls?: TlsServerOptions | undefined
  /**
   * Whether small messages leave at once, without waiting for more to send along (`TCP_NODELAY`).
   * @defaultValue true
   */
  noDelay?: boolean | undefined
  /**
   * How long nothing may be heard before the system asks whether the caller is still there, in milliseconds. Systems
   * count whole seconds. `Infinity` never asks.
   * @defaultValue 30_000
   */
  keepAliveMs?: number | undefined
  /**
   * Expects callers to send headers in front of the conversation, for the gate to read, within `timeoutMs` (5 000)
   * and `maxBytes` (8 192).
   * @defaultValue undefined
   */
  preamble?: PreambleOptions | undefined
}

const table = options<TcpServerOptions, OptionalListenerOptions | 'tls' | 'preamble'>({
  ...byteStreamOptions.rules,
  ...listenerOptions.rules,
  port: integer(0, 65_535),
  host: text('127.0.0.1'),
  tls: optional(group(tlsServerOptions)),
  noDelay: boolean(true),
  keepAliveMs: inRange(1_000, Infinity, 30_000),
  preamble: optional(group(preambleOptions)),
})

/** What `tcpServer` uses for options that are not given. */
export const tcpServerDefaults: OptionDefaults<
  TcpServerOptions,
  OptionalListenerOptions | 'tls' | 'preamble'
> = table.defaults

/**
 * A listener on TCP, with TLS and certificates of callers where asked for. Binds nothing until `start()`.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function tcpServer(given: TcpServerOptions): Listener {
  const settings = table.read(given)
  const { host, port } = settings
  const tls = settings.tls === undefined ? undefined : loadTlsServer(settings.tls)
  const preamble =
    settings.preamble === undefined ? undefined : preambleOptions.read(settings.preamble, 'preamble')
  const isSecure = tls !== undefined
  const { maxMessageBytes, maxQueuedBytes, keepEncoded, closeTimeoutMs, clock } = settings
  const acceptor = socketAcceptor({
    createServer: () =>
      createServer({ ...socketOptions(settings), allowHalfOpen: true, pauseOnConnect: true }),
    bindsBeyondThisHost: host !== 'localhost' && !isLoopback(host),
    listen: (server) => void server.listen({ host, port }),
    requestedAddress: tcpAddress(host, port, isSecure),
    addressOf: (server) => tcpAddress(host, (server.address() as AddressInfo).port, isSecure),
    describe,
    channel: {
      maxMessageBytes,
      maxQueuedBytes,
      keepEncoded,
      closeTimeoutMs,
      clock,
      describeError: tlsMeaningOf,
    },
    maxWaiting: settings.maxConnections,
    preamble,
    tls,
  })
  return createListener(acceptor, settings)
}

function describe(socket: Socket | TLSSocket): { handshake: Handshake; peer: Peer } {
  const { remotePort = 0 } = socket
  // A socket for both families shows callers from the older one as `::ffff:127.0.0.1`.
  const remoteAddress = (socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '')
  const tls = 'getPeerX509Certificate' in socket ? { tls: tlsFactsOf(socket) } : {}
  return {
    handshake: { medium: 'tcp', remote: { address: remoteAddress, port: remotePort }, headers: {}, ...tls },
    peer: Object.freeze({
      medium: 'tcp',
      address: tcpAddress(remoteAddress, remotePort, 'tls' in tls),
      ...tls,
    }),
  }
}
