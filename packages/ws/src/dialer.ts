import type { Deflate } from './deflate.js'
import type { FrameSocket } from './frame-socket.js'
import type { WsTlsOptions } from './tls-options.js'

/** What stays the same for every connection a client makes. */
export interface DialerOptions {
  readonly url: URL
  /** What to call the server in errors: the URL without its query, which may hold a secret. */
  readonly address: string
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  readonly deflate: Deflate | undefined
  readonly tls: WsTlsOptions | undefined
  /** Whether headers are going to be sent. */
  readonly sendsHeaders: boolean
}

/** What one connection is opened with. */
export interface Opening {
  readonly headers: Readonly<Record<string, string>>
  /** What is offered, the one to be chosen first. Empty where none is asked for. */
  readonly subprotocols: readonly string[]
}

/** Opens a WebSocket. Rejects with an error of ours or `signal.reason`, having released everything. */
export type Dial = (opening: Opening, signal: AbortSignal) => Promise<FrameSocket>

/** Prepares to dial. Throws `INVALID_OPTION` for what the platform cannot do. */
export type CreateDialer = (options: DialerOptions) => Dial
