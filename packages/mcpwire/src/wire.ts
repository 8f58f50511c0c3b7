import type { Listener, ListenerOptions, TlsClientOptions, Transport } from '@mcpwire/core'
import type { TlsServerOptions } from '@mcpwire/core/node'
import type { StdioClientOptions } from '@mcpwire/stdio'

/** Options of a transport that is named by its endpoint. Each wire reads those that mean something to it. */
export interface EndpointOptions
  extends Pick<
    StdioClientOptions,
    'cwd' | 'env' | 'inherit' | 'stderr' | 'maxMessageBytes' | 'closeTimeoutMs'
  > {
  /**
   * What to show and to accept where the URL is one of a secure wire: `caFile`, `certFile`, `keyFile`, `serverName`
   * and the other members of `TlsClientOptions`.
   * @defaultValue undefined
   */
  tls?: TlsClientOptions | undefined
  /**
   * Headers for a server at an HTTP or WebSocket URL, such as `authorization`.
   * @defaultValue undefined
   */
  headers?: Readonly<Record<string, string>> | undefined
}

/** Options of a listener that is named by its URL. Each wire reads those that mean something to it. */
export interface ListenOptions extends Pick<ListenerOptions, 'gate' | 'sessionPolicy' | 'maxConnections'> {
  maxMessageBytes?: number | undefined
  closeTimeoutMs?: number | undefined
  /** What to show and to accept where the URL is one of a secure wire. */
  tls?: TlsServerOptions | undefined
  /** Pages of which origins may read what is answered, where the wire asks for that. */
  origins?: readonly string[] | undefined
}

/** Where a server is: a URL, or the command that runs it, with its arguments. */
export type Endpoint = string | readonly string[]

/** What a file in `endpoints/` provides. */
export interface Wire {
  /** A transport to the server. Opens nothing; throws `INVALID_OPTION`. */
  connectTo(target: Endpoint, options: EndpointOptions): Transport
  /** A listener at the URL, where the wire can listen. Binds nothing; throws `INVALID_OPTION`. */
  listenOn?(url: string, options: ListenOptions): Listener
}
