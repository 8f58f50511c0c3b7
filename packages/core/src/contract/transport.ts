// Kept in the declarations, as the library of who imports them may have nothing disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import type { JsonRpcMessage, RequestId } from './message.js'

/** Who is calling, as established by whoever checked the credentials. The shape both MCP SDKs use. */
export interface AuthInfo {
  /** The credential itself. Hidden from `util.inspect` once it has passed a listener. */
  token: string
  clientId: string
  scopes: string[]
  /** Seconds since the epoch after which the credential is no longer good. */
  expiresAt?: number
  /** The resource server the credential was issued for (RFC 8707). */
  resource?: URL
  extra?: Record<string, unknown>
}

/** What travels with an outgoing message. Unknown members pass through untouched (clause C14). */
export interface SendOptions {
  /** The incoming request this message belongs to. Decides the stream it leaves on where a medium has several. */
  relatedRequestId?: RequestId | undefined
  /** Where to continue a request that was interrupted. */
  resumptionToken?: string | undefined
  /** Called when there is a new token to resume this request from. */
  onresumptiontoken?: ((token: string) => void) | undefined
  /** Aborting it abandons this one request, where each has a stream of its own. */
  requestSignal?: AbortSignal | undefined
  /** Called when this request's own stream ends for any reason but `requestSignal`. */
  onRequestStreamEnd?: (() => void) | undefined
  /** Headers for this one message, where the medium has headers. They win over the transport's own. */
  headers?: Readonly<Record<string, string>> | undefined
}

/** What travels with an incoming message. Unknown members pass through untouched (clause C14). */
export interface MessageContext {
  /** The caller, where a gate established one. */
  authInfo?: AuthInfo
  /** The HTTP request it came in, as v1 of the TypeScript SDK reads it. */
  requestInfo?: { headers: Record<string, string | string[] | undefined>; url?: URL }
  /** The HTTP request it came in, as v2 of the TypeScript SDK reads it. Built when read. */
  request?: Request
  /** Ends the stream that answers this request; the client comes back for the rest. */
  closeSSEStream?: () => void
  /** Ends the stream for messages that belong to no request; the client comes back for it. */
  closeStandaloneSSEStream?: () => void
}

/** What TLS established about the other end. */
export interface TlsFacts {
  /** Such as `TLSv1.3`. */
  readonly protocol: string
  readonly cipher: string
  /** Whether the other end's certificate was verified against the configured authorities. */
  readonly authorized: boolean
  /** The subject of its certificate, as one line. Absent where the certificate has none. */
  readonly subject?: string
  /** Its subject alternative names, such as `DNS:agent.example`. */
  readonly altNames?: readonly string[]
  /** SHA-256 of its certificate, in upper-case hexadecimal with colons. */
  readonly fingerprint256?: string
}

/** The other end of a conversation. */
export interface Peer {
  /** What carries the messages: `tcp`, `unix`, `ws`, `http`, `stdio`, `memory`. */
  readonly medium: string
  /** Where the other end is, as a URL or another line a person can read. */
  readonly address: string
  readonly tls?: TlsFacts
  readonly authInfo?: AuthInfo
  /** The process at the other end, where the medium tells. */
  readonly pid?: number
}

/** Stops and continues the arrival of messages. At most what is already decoded still arrives after `pause()`. */
export interface Flow {
  pause(): void
  resume(): void
}

/**
 * The least a transport can be: what `connect()` of either MCP SDK asks for. Accept this everywhere.
 *
 * @see docs/contract.md for the clauses a transport keeps beyond its types.
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
 * Where a transport is in its one life: not started, connecting, usable, ending, ended.
 * `closing` also covers the clean-up after a `start()` that failed.
 */
export type TransportState = 'idle' | 'starting' | 'open' | 'closing' | 'closed'

/** One conversation with one peer. Return this everywhere. */
export interface Transport extends TransportLike, AsyncDisposable {
  /** Where the transport is in its one life. Never moves backwards. */
  readonly state: TransportState
  /** Settles once, with the reason unless the end was orderly. Never rejects. */
  readonly closed: Promise<Error | undefined>
  /** Who is on the other end; known from `open` on, and of a listener's connections before. */
  readonly peer: Peer | undefined
  /** Inbound backpressure, where the medium has it, while open. For `pipe` and `messages`, not for handlers. */
  readonly flow?: Flow | undefined
  /** Called for each message, in order, after `start()` has returned its promise and never inside `send()`. */
  onmessage: ((message: JsonRpcMessage, context?: MessageContext) => void) | undefined
  /** Called for what went wrong but did not end the conversation, and once for what ended it. */
  onerror: ((error: Error) => void) | undefined
  /** Called exactly once, after the last message, however the conversation ended. */
  onclose: (() => void) | undefined
  readonly sessionId?: string | undefined
  /**
   * Connects. Rejects with `ALREADY_STARTED`, `CLOSED`, what the medium says, or `signal.reason` as it is.
   * `onclose` has been called by the time it rejects for any reason but `ALREADY_STARTED` and `CLOSED`.
   */
  start(options?: { signal?: AbortSignal | undefined }): Promise<void>
  /**
   * Resolves when the medium took the message and its buffer is below its high-water mark. Rejects with
   * `NOT_STARTED`, `CLOSED`, `OVERLOADED`, `MESSAGE_TOO_LARGE` or `SEND_FAILED`.
   */
  send(message: JsonRpcMessage, options?: SendOptions): Promise<void>
  /** Ends the conversation. Idempotent, never rejects; `reason` is what `closed` then settles with. */
  close(options?: { reason?: Error | undefined }): Promise<void>
}
