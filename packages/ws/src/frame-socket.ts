import type { Flow, TlsFacts } from '@mcpwire/core'

/** What a socket tells of. */
export interface FrameListener {
  readonly text: (text: string) => void
  /** A binary frame came, which nobody may send. */
  readonly binary: () => void
  /** A sign of life came that is no message. */
  readonly alive: () => void
  /** Something ended the conversation, and the peer was told where it can be; `closed` follows. */
  readonly failed: (error: Error) => void
  /** The last call: the code and reason of the close frame, 1006 where none came (RFC 6455, section 7.4.1). */
  readonly closed: (code: number, reason: string) => void
}

/** A WebSocket that is open, of whatever library or platform. */
export interface FrameSocket {
  /** The subprotocol that was agreed on, or nothing. */
  readonly subprotocol: string
  readonly tls?: TlsFacts
  /** Whether neither end has begun to close it. */
  readonly isOpen: boolean
  /** Says who listens. What came before is told then. */
  listen(listener: FrameListener): void
  /** Sends a text frame. Resolves when the socket took it and wants more. */
  send(text: string): Promise<void>
  /** What was sent and has not left yet, in bytes. */
  readonly queuedBytes: number
  /** Asks the peer for a sign of life, where the platform can. */
  ping?(): void
  /** Sends a close frame behind everything else. `closed` is told once the peer has answered and hung up. */
  close(code: number, reason: string): void
  /** Ends the connection at once. `closed` is told soon. */
  terminate(): void
  readonly flow?: Flow
  readonly bytesSent: number
  readonly bytesReceived: number
}
