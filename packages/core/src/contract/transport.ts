// Kept in the declarations: the TypeScript library of an importing project may lack these types.
/// <reference lib="esnext.disposable" preserve="true" />
import type { JsonRpcMessage, RequestId } from './message.js'

/** The authenticated identity of a client, in the shape of both MCP SDKs. */
export interface AuthInfo {
  /** The credential itself. A listener hides it from `util.inspect`. */
  token: string
  clientId: string
  scopes: string[]
  /** The expiry of the credential, in seconds since the epoch. */
  expiresAt?: number
  /** The resource server the credential was issued for (RFC 8707). */
  resource?: URL
  extra?: Record<string, unknown>
}

/** Options of an outgoing message. Unknown members pass unchanged (clause C14). */
export interface SendOptions {
  /** The incoming request that this message belongs to. Selects the stream where a medium has several. */
  relatedRequestId?: RequestId | undefined
  /** The token to resume an interrupted request from. */
  resumptionToken?: string | undefined
  /** Called with each new token to resume this request from. */
  onresumptiontoken?: ((token: string) => void) | undefined
  /** Cancels this request when it aborts, where each request has a stream of its own. */
  requestSignal?: AbortSignal | undefined
  /** Called when the stream of this request ends for any reason other than `requestSignal`. */
  onRequestStreamEnd?: (() => void) | undefined
  /** Headers of this message, where the medium has headers. They override those of the transport. */
  headers?: Readonly<Record<string, string>> | undefined
}

/** The context of an incoming message. Unknown members pass unchanged (clause C14). */
export interface MessageContext {
  /** The identity of the client, where a gate has authenticated it. */
  authInfo?: AuthInfo
  /** The HTTP request of the message, in the shape of SDK v1. */
  requestInfo?: { headers: Record<string, string | string[] | undefined>; url?: URL }
  /** The HTTP request of the message, in the shape of SDK v2. Created when it is read. */
  request?: Request
  /** Closes the response stream of this request. The client reconnects and resumes. */
  closeSSEStream?: () => void
  /** Closes the stream of messages without a request. The client reconnects and resumes. */
  closeStandaloneSSEStream?: () => void
}

/** The TLS facts about the other end. */
export interface TlsFacts {
  /** The protocol version, such as `TLSv1.3`. */
  readonly protocol: string
  readonly cipher: string
  /** Whether the certificate of the other end was verified against the configured authorities. */
  readonly authorized: boolean
  /** The subject of its certificate, as one line. Absent where the certificate has none. */
  readonly subject?: string
  /** Its subject alternative names, such as `DNS:agent.example`. */
  readonly altNames?: readonly string[]
  /** SHA-256 of its certificate, in upper-case hexadecimal with colons. */
  readonly fingerprint256?: string
}

/** The other end of a connection. */
export interface Peer {
  /** The medium: `tcp`, `unix`, `ws`, `http`, `stdio`, `memory`. */
  readonly medium: string
  /** The address of the other end, as a URL or another readable text. */
  readonly address: string
  readonly tls?: TlsFacts
  readonly authInfo?: AuthInfo
  /** The process id of the other end, where the medium has it. */
  readonly pid?: number
}

/** Pauses and resumes the delivery of messages. Messages that are already decoded still arrive after `pause()`. */
export interface Flow {
  pause(): void
  resume(): void
}

/**
 * The minimal transport, as `connect()` of either MCP SDK requires it. Functions accept this type.
 *
 * @see docs/contract.md for the clauses of the contract beyond these types.
 */
export interface TransportLike {
  start(): Promise<void>
  send(message: JsonRpcMessage, options?: SendOptions): Promise<void>
  close(): Promise<void>
  onmessage?: ((message: JsonRpcMessage, context?: MessageContext) => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  onclose?: (() => void) | undefined
  sessionId?: string | undefined
  setProtocolVersion?: ((version: string) => void) | undefined
  setSupportedProtocolVersions?: ((versions: string[]) => void) | undefined
  readonly hasPerRequestStream?: boolean
}

/**
 * The state of a transport: not started, connecting, usable, closing, closed.
 * `closing` also covers the clean-up after a failed `start()`.
 */
export type TransportState = 'idle' | 'starting' | 'open' | 'closing' | 'closed'

/** One conversation with one peer. Functions return this type. */
export interface Transport extends TransportLike, AsyncDisposable {
  /** The current state. Never returns to an earlier one. */
  readonly state: TransportState
  /** Settles once, with the reason unless the end was orderly. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /** The other end. Known when open; known earlier for the connections of a listener. */
  readonly peer: Peer | undefined
  /** Inbound backpressure, where the medium has it, while open. For `pipe` and `messages`, not for message handlers. */
  readonly flow?: Flow | undefined
  /** Called with each message, in order, after `start()` has returned its promise and never inside `send()`. */
  onmessage: ((message: JsonRpcMessage, context?: MessageContext) => void) | undefined
  /** Called with each error that does not end the conversation, and once with the error that ends it. */
  onerror: ((error: Error) => void) | undefined
  /** Called exactly once, after the last message, for any end. */
  onclose: (() => void) | undefined
  readonly sessionId?: string | undefined
  /**
   * Connects. Rejects with `ALREADY_STARTED`, `CLOSED`, the error of the medium, or `signal.reason` itself.
   * It calls `onclose` before it rejects, except with `ALREADY_STARTED` and `CLOSED`.
   */
  start(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /**
   * Resolves when the medium has accepted the message and its buffer is below the high-water mark. Rejects with
   * `NOT_STARTED`, `CLOSED`, `OVERLOADED`, `MESSAGE_TOO_LARGE` or `SEND_FAILED`.
   */
  send(message: JsonRpcMessage, options?: SendOptions): Promise<void>
  /** Closes the transport. Idempotent, never rejects. `closed` settles with `reason`. */
  close(options?: { reason?: Error | undefined }): Promise<void>
}
