/*
 * How the client is built: `createTransport` owns the life cycle (`start`, `send`, `close`, the events) and calls
 * `connect` once.
 *
 *   start() ─▶ connect() ─▶ dialSocket: deadline, preamble ─▶ openSocket: lookup, race, TLS
 *                    └────▶ duplexChannel: lines, limits, backpressure, the end
 *
 * States of the transport: idle ─start()─▶ starting ─connected─▶ open ─close() or the end of the channel─▶ closed.
 * A transport for another medium replaces `openSocket` and keeps the rest.
 */
import type { TLSSocket } from 'node:tls'
import type { TlsClientOptions, Transport } from '@mcpwire/core'
import {
  boolean,
  createTransport,
  defaultsOf,
  group,
  inRange,
  integer,
  type OptionDefaults,
  optional,
  options,
  text,
} from '@mcpwire/core/authoring'
import {
  clientPreambleOptions,
  connectAdvice,
  createMessageDeadlines,
  describeTlsError,
  dialSocket,
  duplexChannel,
  type ErrorDescription,
  inspectServerStart,
  loadTlsEnd,
  type Preamble,
  type SocketStreamOptions,
  socketStreamOptions,
  tlsClientOptions,
  tlsFactsOf,
} from '@mcpwire/core/node'
import { tcpAddress } from './endpoint.js'
import { openSocket } from './open-socket.js'

/** Options of `tcpClient`. */
export interface TcpClientOptions extends SocketStreamOptions {
  /** Port to connect to. */
  port: number
  /**
   * Host to connect to. If it has several addresses, they are raced.
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * TLS, with the members of `TlsClientOptions`. `{}` trusts the authorities that Node ships.
   * @defaultValue undefined
   */
  tls?: TlsClientOptions | undefined
  /**
   * Whether small messages are sent at once, without coalescing by the system (`TCP_NODELAY`).
   * @defaultValue true
   */
  noDelay?: boolean | undefined
  /**
   * Idle time before the system probes the peer (TCP keep-alive), in milliseconds. Systems count whole seconds.
   * `Infinity` disables the probes.
   * @defaultValue 30_000
   */
  keepAliveMs?: number | undefined
  /**
   * Deadline for connecting, in milliseconds. It includes `preamble.headers()`, the DNS lookup and the TLS handshake.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
  /**
   * Headers to send before the first message, to a server with option `preamble`. Its `headers` function is called for
   * each connection.
   * @defaultValue undefined
   */
  preamble?: Preamble | undefined
}

const table = options<TcpClientOptions, 'tls' | 'preamble'>({
  ...socketStreamOptions.rules,
  port: integer(1, 65_535),
  host: text('127.0.0.1'),
  tls: optional(group(tlsClientOptions)),
  noDelay: boolean(true),
  keepAliveMs: inRange(1_000, Infinity, 30_000),
  connectTimeoutMs: inRange(1, Infinity, 10_000),
  preamble: optional(group(clientPreambleOptions)),
})

/** The defaults of `tcpClient`. */
export const tcpClientDefaults: OptionDefaults<TcpClientOptions, 'tls' | 'preamble'> =
  /* @__PURE__ */ defaultsOf(table)

const TLS_ADVICE = { option: 'tls', hint: 'check whether the server requires TLS: see option "tls"' } as const

/**
 * A transport to one MCP server over TCP. Opens nothing until `start()`.
 *
 * `start()` rejects with `CONNECT_FAILED`, `CONNECT_TIMEOUT`, or `CALLBACK_FAILED` (`preamble.headers`). A server that
 * does not admit the client closes the connection with `REFUSED` or `AUTH_REQUIRED`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2026-07-28, Transports: custom transports over byte streams use the framing of stdio
 * @example
 * ```ts
 * await client.connect(tcpClient({ host: 'mcp.example.com', port: 7000, tls: { caFile: 'ca.pem' } }))
 * ```
 */
export function tcpClient(given: TcpClientOptions): Transport {
  const settings = table.read(given)
  const { host, port, tls } = settings
  const address = tcpAddress(host, port, tls !== undefined)
  const secure = tls === undefined ? undefined : { end: loadTlsEnd(tls), serverName: tls.serverName ?? host }
  const target = { ...settings, address, secure }
  const { maxMessageBytes, maxQueuedBytes, keepEncoded, closeTimeoutMs, pingIntervalMs, clock } = settings
  const messageDeadlines = createMessageDeadlines(settings.messageTimeoutMs, clock)
  return createTransport(
    {
      connect: async (sink, signal) => {
        const socket = await dialSocket(
          { ...target, open: (attempt) => openSocket(target, attempt), describeError: describeConnectError },
          signal,
        )
        const facts = 'getPeerX509Certificate' in socket ? { tls: tlsFactsOf(socket as TLSSocket) } : {}
        const peer = Object.freeze({ medium: 'tcp', address, ...facts })
        // Member by member: each connection keeps this object, and a spread object would have a shape of its own.
        return duplexChannel(socket, sink, {
          peer,
          maxMessageBytes,
          maxQueuedBytes,
          keepEncoded,
          closeTimeoutMs,
          pingIntervalMs,
          messageDeadlines,
          clock,
          describeError: describeTlsError,
          inspectStart: inspectServerStart,
          emptyResponseAdvice: tls === undefined ? TLS_ADVICE : undefined,
        })
      },
    },
    settings,
  )
}

function describeConnectError(cause: Error): ErrorDescription {
  return { reason: cause.message, ...connectAdvice(cause, { host: 'host', port: 'port' }) }
}
