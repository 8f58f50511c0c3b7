import type { HttpHooks, Listener, ListenerOptions, TlsClientOptions, Transport } from '@mcpwire/core'
import type { ProxyProtocol } from '@mcpwire/core/authoring'
import type { PreambleOptions, TlsServerOptions } from '@mcpwire/core/node'
import type { HttpServerListener } from '@mcpwire/http/node'
import type { StdioClientOptions } from '@mcpwire/stdio'
import type { TcpClientOptions } from '@mcpwire/tcp'

/** Options of a transport made from an endpoint. Each scheme uses the options that apply to it. */
export interface EndpointOptions
  extends Pick<
      StdioClientOptions,
      'cwd' | 'env' | 'inherit' | 'stderr' | 'maxMessageBytes' | 'closeTimeoutMs'
    >,
    Pick<TcpClientOptions, 'pingIntervalMs'> {
  /**
   * Certificates and authorities for a `tcps:`, `wss:` or `https:` URL: `caFile`, `certFile`, `keyFile`, `serverName`
   * and the other members of `TlsClientOptions`.
   * @defaultValue undefined
   */
  tls?: TlsClientOptions | undefined
  /**
   * Headers for a server at a URL, such as `authorization`. Over TCP and Unix sockets they are sent before the first
   * message, to a server with option `preamble`.
   * @defaultValue undefined
   */
  headers?: Readonly<Record<string, string>> | undefined
}

/** Options of a listener made from a URL. Each scheme uses the options that apply to it. */
export interface ListenOptions
  extends Pick<
    ListenerOptions,
    'gate' | 'resolveCaller' | 'sessionPolicy' | 'maxConnections' | 'maxTotalBytes'
  > {
  maxMessageBytes?: number | undefined
  closeTimeoutMs?: number | undefined
  /** Certificate and authorities for a `tcps:`, `wss:` or `https:` URL. */
  tls?: TlsServerOptions | undefined
  /** A server of `node:http` or `node:https` that listens, whose port to share. WebSocket only. */
  server?: HttpServerListener['server']
  /** Requires clients to send headers before the first message, for the gate. TCP and Unix sockets only. */
  preamble?: PreambleOptions | undefined
  /** Silence of a client before a ping, in milliseconds, while a message to it is in flight. TCP only. */
  pingIntervalMs?: number | undefined
  /** Time a session may have no open stream and no request in flight, in milliseconds. HTTP only. */
  idleTimeoutMs?: number | undefined
  /** Hooks for CORS and metadata. HTTP only. */
  hooks?: HttpHooks | undefined
  /** Reads the header of proxies before each connection. TCP only. */
  proxyProtocol?: ProxyProtocol | undefined
}

/** A server: its URL, or the command that runs it, with its arguments. */
export type Endpoint = string | readonly string[]

/** The exports of a file in `endpoints/`. */
export interface EndpointProvider {
  /**
   * Creates a transport to the server. Opens nothing.
   *
   * @throws TransportError `INVALID_OPTION`
   */
  connectTo(target: Endpoint, options: EndpointOptions): Transport
  /**
   * Checks that the server can be started. Starts nothing. Missing where nothing can be checked.
   *
   * Rejects with `CONNECT_FAILED`.
   */
  check?(target: Endpoint, options: EndpointOptions): Promise<void>
  /**
   * Creates a listener at the URL. Binds nothing. Missing where the scheme cannot listen.
   *
   * @throws TransportError `INVALID_OPTION`
   */
  listenOn?(url: string, options: ListenOptions): Listener
}
