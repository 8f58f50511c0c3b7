import type { TLSSocket } from 'node:tls'
import type { TlsClientOptions, Transport } from '@mcpwire/core'
import {
  boolean,
  createTransport,
  group,
  inRange,
  integer,
  type OptionDefaults,
  optional,
  options,
  text,
} from '@mcpwire/core/authoring'
import {
  type ByteStreamOptions,
  byteStreamOptions,
  duplexChannel,
  inspectTlsBytes,
  loadTlsEnd,
  type Preamble,
  preambleMembers,
  sendPreamble,
  tlsClientOptions,
  tlsFactsOf,
  tlsMeaningOf,
} from '@mcpwire/core/node'
import { tcpAddress } from './address.js'
import { dial } from './dial.js'

/** Options of a client over TCP. */
export interface TcpClientOptions extends ByteStreamOptions {
  /** Port to connect to. */
  port: number
  /**
   * Host to connect to. Where the name has several addresses they are raced.
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * Speaks TLS, with `caFile`, `certFile`, `keyFile`, `serverName` and the others in the README, under TLS; `{}`
   * for the authorities that Node ships.
   * @defaultValue undefined
   */
  tls?: TlsClientOptions | undefined
  /**
   * Whether small messages leave at once, without waiting for more to send along (`TCP_NODELAY`).
   * @defaultValue true
   */
  noDelay?: boolean | undefined
  /**
   * How long nothing may be heard before the system asks whether the peer is still there, in milliseconds. Systems
   * count whole seconds. `Infinity` never asks.
   * @defaultValue 30_000
   */
  keepAliveMs?: number | undefined
  /**
   * How long connecting may take in milliseconds: the headers of the preamble, the name and TLS included.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
  /**
   * Headers to send in front of the conversation, to a server whose `preamble` expects them: `headers` is a function
   * that yields them, asked with each connection.
   * @defaultValue undefined
   */
  preamble?: Preamble | undefined
}

const table = options<TcpClientOptions, 'tls' | 'preamble'>({
  ...byteStreamOptions.rules,
  port: integer(1, 65_535),
  host: text('127.0.0.1'),
  tls: optional(group(tlsClientOptions)),
  noDelay: boolean(true),
  keepAliveMs: inRange(1_000, Infinity, 30_000),
  connectTimeoutMs: inRange(1, Infinity, 10_000),
  preamble: optional(group(preambleMembers)),
})

/** What `tcpClient` uses for options that are not given. */
export const tcpClientDefaults: OptionDefaults<TcpClientOptions, 'tls' | 'preamble'> = table.defaults

/**
 * A transport to one MCP server listening on TCP. Opens nothing until `start()`.
 *
 * `start()` rejects with `CONNECT_FAILED`, `CONNECT_TIMEOUT`, or `CALLBACK_FAILED` where the headers of the preamble
 * cannot be had. A server that does not admit the caller ends the conversation with `REFUSED` or `AUTH_REQUIRED`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2026-07-28, Transports: custom transports over byte streams use the framing of stdio
 */
export function tcpClient(given: TcpClientOptions): Transport {
  const settings = table.read(given)
  const { host, port, tls } = settings
  const address = tcpAddress(host, port, tls !== undefined)
  const secure = tls === undefined ? undefined : { end: loadTlsEnd(tls), serverName: tls.serverName ?? host }
  const target = { ...settings, secure }
  const { maxMessageBytes, maxQueuedBytes, keepEncoded, closeTimeoutMs, clock } = settings
  return createTransport(
    {
      connect: async (sink, signal) => {
        const { socket, headers } = await dial(target, address, signal)
        if (headers) sendPreamble(socket, headers)
        const facts = 'getPeerX509Certificate' in socket ? { tls: tlsFactsOf(socket as TLSSocket) } : {}
        const peer = Object.freeze({ medium: 'tcp', address, ...facts })
        // Each member by itself: one is there for each connection, and a spread object has a shape of its own.
        return duplexChannel(socket, sink, {
          peer,
          maxMessageBytes,
          maxQueuedBytes,
          keepEncoded,
          closeTimeoutMs,
          clock,
          describeError: tlsMeaningOf,
          inspectFirstBytes: tls === undefined ? inspectTlsBytes : undefined,
          emptyResponseHint: tls === undefined ? '; does it speak TLS (option tls)?' : undefined,
        })
      },
    },
    settings,
  )
}
