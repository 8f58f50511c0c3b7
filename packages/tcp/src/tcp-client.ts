import type { TLSSocket } from 'node:tls'
import type { Transport } from '@mcpwire/core'
import {
  createTransport,
  type KnownOptions,
  requireInRange,
  requireInteger,
  requireKnownOptions,
  requireText,
  resolveOptions,
} from '@mcpwire/core/authoring'
import {
  type ByteStreamOptions,
  byteStreamDefaults,
  duplexChannel,
  inspectTlsBytes,
  loadTlsEnd,
  type Preamble,
  requireByteStreamLimits,
  requirePreamble,
  sendPreamble,
  type TlsClientOptions,
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

/** What `tcpClient` uses for options that are not given. */
export const tcpClientDefaults: {
  readonly host: '127.0.0.1'
  readonly noDelay: true
  readonly keepAliveMs: 30_000
  readonly connectTimeoutMs: 10_000
} & typeof byteStreamDefaults = {
  host: '127.0.0.1',
  noDelay: true,
  keepAliveMs: 30_000,
  connectTimeoutMs: 10_000,
  ...byteStreamDefaults,
}

const known: KnownOptions<TcpClientOptions> = { ...tcpClientDefaults, port: 1, tls: 1, preamble: 1 }

/**
 * A transport to one MCP server listening on TCP. Opens nothing until `start()`.
 *
 * `start()` rejects with `CONNECT_FAILED`, `CONNECT_TIMEOUT`, or `CALLBACK_FAILED` where the headers of the preamble
 * cannot be had. A server that does not admit the caller ends the conversation with `REFUSED` or `AUTH_REQUIRED`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @see MCP 2026-07-28, Transports: custom transports over byte streams use the framing of stdio
 */
export function tcpClient(options: TcpClientOptions): Transport {
  requireKnownOptions(options, known)
  const settings = resolveOptions(tcpClientDefaults, options)
  const { host, port, tls, preamble } = settings
  requireText('host', host)
  requireInteger('port', port, 1, 65_535)
  requireInRange('keepAliveMs', settings.keepAliveMs, 1_000, Infinity)
  requireInRange('connectTimeoutMs', settings.connectTimeoutMs, 1, Infinity)
  requireByteStreamLimits(settings)
  if (preamble !== undefined) requirePreamble(preamble)
  if (tls?.serverName !== undefined) requireText('tls.serverName', tls.serverName)
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
