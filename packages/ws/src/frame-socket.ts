import type { Clock, Flow, TlsClientOptions, TlsFacts } from '@mcpwire/core'
import type { Keepalive, KeepaliveOptions, KeepaliveTarget } from './keepalive.js'
import type { DeflateSettings } from './ws-options.js'

/** The events of a socket. */
export interface FrameListener {
  readonly text: (text: string) => void
  /** A binary frame arrived. MCP does not allow it. */
  readonly binary: () => void
  /** A ping or pong arrived. */
  readonly activity: () => void
  /** An error ends the conversation. The socket has sent a close frame where it can; `closed` follows. */
  readonly failed: (error: Error) => void
  /** The last event: code and reason of the close frame, 1006 without one (RFC 6455, section 7.4.1). */
  readonly closed: (code: number, reason: string) => void
}

/** An open WebSocket, independent of library and platform. */
export interface FrameSocket {
  /** The subprotocol of the handshake, or an empty string. */
  readonly subprotocol: string
  readonly tls?: TlsFacts
  /** Whether neither end has started to close. */
  readonly isOpen: boolean
  /** Sets the listener. Earlier events are delivered now. */
  listen(listener: FrameListener): void
  /** Sends a text frame. Resolves when the socket has taken it and its buffer has space. */
  send(text: string): Promise<void>
  /** Bytes that were sent and are still buffered. */
  readonly queuedBytes: number
  /** Sends a ping. Absent where the platform cannot. */
  ping?(): void
  /** Pings an idle peer and detects a lost one. Absent where the platform cannot ping, so that pages do not load it. */
  readonly startKeepalive?: (target: KeepaliveTarget, options: KeepaliveOptions) => Keepalive
  /** Sends a close frame behind all buffered frames. `closed` follows when the peer has disconnected. */
  close(code: number, reason: string): void
  /** Ends the connection at once. `closed` follows. */
  destroy(): void
  readonly flow?: Flow
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** The options of a dialer, for all connections of a client. */
export interface DialerOptions {
  readonly url: URL
  /** The URL in errors: without its query, which may contain a secret. */
  readonly address: string
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  readonly messageTimeoutMs: number
  readonly clock: Clock
  readonly deflate: DeflateSettings | undefined
  readonly tls: TlsClientOptions | undefined
  readonly hasHeaders: boolean
}

/** The handshake of one connection. */
export interface Opening {
  readonly headers: Readonly<Record<string, string>>
  /** The subprotocols to offer, the preferred one first. */
  readonly subprotocols: readonly string[]
}

/** Opens a WebSocket. Rejects with a `TransportError` or `signal.reason`, after it has released all resources. */
export type Dial = (opening: Opening, signal: AbortSignal) => Promise<FrameSocket>

/** Creates a dialer. Throws `INVALID_OPTION` for an option that the platform does not support. */
export type CreateDialer = (options: DialerOptions) => Dial
