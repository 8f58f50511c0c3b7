/** The advice of an error. Part of the details of each code that has details. */
export interface ErrorAdvice {
  /** The option to change, such as `tls.ca`. The text of the error calls it `option "tls.ca"`. */
  readonly option?: string
  /** An instruction: the thing to check or to change. The text of the error ends with it. */
  readonly hint?: string
}

/**
 * The details of each code. A new code is a row here; `docs/errors.md` is generated from it.
 */
export interface TransportErrorDetails {
  /**
   * `send()` was called, or the `url` of a listener was read, before `start()` had succeeded.
   * @retry no
   */
  NOT_STARTED: undefined
  /**
   * `start()` was called a second time. Create a new transport for a new conversation.
   * @retry no
   */
  ALREADY_STARTED: undefined
  /**
   * The transport or listener is closed. `cause` is the reason, unless the end was orderly.
   * @retry no
   */
  CLOSED: undefined
  /**
   * An option has an invalid value, or two options contradict each other. The factory throws it synchronously. If only
   * the bind can detect the error, `start()` rejects with it.
   * @retry no
   */
  INVALID_OPTION: { readonly option: string; readonly received?: unknown }
  /**
   * The connection could not be opened. `cause` is the error of the medium.
   * @retry yes
   */
  CONNECT_FAILED: { readonly address: string }
  /**
   * The connection did not open within `connectTimeoutMs`.
   * @retry yes
   */
  CONNECT_TIMEOUT: { readonly address: string; readonly timeoutMs: number }
  /**
   * The listener could not bind its address. `cause` is the error of the system.
   * @retry no
   */
  LISTEN_FAILED: { readonly address: string }
  /**
   * A gate, at either end, does not admit this caller, or the admission has ended.
   * @retry 429 and 503 only, after `retryAfterMs`
   */
  REFUSED: { readonly status: number; readonly retryAfterMs?: number }
  /**
   * The gate of the server requires a credential, or another one.
   * @retry no
   */
  AUTH_REQUIRED: { readonly status: number; readonly challenge?: string }
  /**
   * The message could not be sent. `delivery` is `none` if it certainly was not sent. Otherwise it is `unknown`.
   * `isSerializable` is `false` if the message has no JSON text, such as for a value that is nested too deeply.
   * @retry if `delivery` is `none` and the message has a JSON text
   */
  SEND_FAILED: { readonly delivery: 'none' | 'unknown'; readonly isSerializable?: false }
  /**
   * The send queue is full, and nothing of the message was sent. Wait for pending sends, or raise `maxQueuedBytes`.
   * @retry yes
   */
  OVERLOADED: { readonly queuedBytes: number; readonly maxQueuedBytes: number }
  /**
   * The connection broke or exceeded an idle timeout. An orderly end is `PEER_LOST` only in the middle of a message, after
   * `bytes` of it, or if a response was due: any response over HTTP, the first one over a byte stream. A later orderly end
   * has no reason, even with pending requests.
   * @retry yes
   */
  PEER_LOST: { readonly address: string; readonly bytes?: number }
  /**
   * The server no longer has the session, and it could not be renewed. `onerror` also receives it after a renewal,
   * because the rest of the server's session state is lost.
   * @retry yes
   */
  SESSION_LOST: { readonly sessionId: string }
  /**
   * The child process exited while the conversation was open. `stderrTail` is the end of its standard error.
   * @retry yes
   */
  PROCESS_EXITED: {
    readonly exitCode: number | null
    readonly signal: string | null
    readonly stderrTail: string
  }
  /**
   * No response arrived in time. The request was cancelled, but it may have run.
   * @retry if the request is safe to run twice
   */
  REQUEST_TIMEOUT: { readonly method: string; readonly timeoutMs: number }
  /**
   * The request was sent and may have run; its response is lost.
   * @retry no
   */
  OUTCOME_UNKNOWN: { readonly method: string }
  /**
   * A message is longer than `maxMessageBytes`. `bytes` is the length that was read before it was rejected.
   * @retry no
   */
  MESSAGE_TOO_LARGE: { readonly bytes: number; readonly maxMessageBytes: number }
  /**
   * The received data is no JSON-RPC message. `preview` is its first 64 bytes. `count` is the number of such messages,
   * where the report stands for several.
   * @retry no
   */
  MALFORMED_MESSAGE: { readonly preview: string; readonly count?: number }
  /**
   * Too many recent failures: no attempt was made.
   * @retry after `retryAfterMs`
   */
  CIRCUIT_OPEN: { readonly retryAfterMs: number }
  /**
   * The connection was lost, and every attempt to reconnect failed.
   * @retry no
   */
  RECONNECT_EXHAUSTED: { readonly attempts: number }
  /**
   * A callback of the application threw or rejected. `cause` is its error, `slot` its name.
   * @retry no
   */
  CALLBACK_FAILED: { readonly slot: string }
}

/** The details of one code, with its advice. */
export type ErrorDetails<C extends TransportErrorCode> = TransportErrorDetails[C] extends undefined
  ? undefined
  : TransportErrorDetails[C] & ErrorAdvice

/** All codes. Branch on these; texts may change in any release. */
export type TransportErrorCode = keyof TransportErrorDetails

const BRAND: unique symbol = Symbol.for('@mcpwire/TransportError') as never

/** The error of these packages. Branch on `code`; texts may change in any release. */
export class TransportError<C extends TransportErrorCode = TransportErrorCode> extends Error {
  override readonly name = 'TransportError'
  readonly code: C
  readonly details: ErrorDetails<C>

  constructor(code: C, message: string, details: ErrorDetails<C>, options?: ErrorOptions) {
    const { hint } = (details ?? {}) as ErrorAdvice
    // An explicit undefined would show as `[cause]: undefined`.
    super(
      hint === undefined ? message : `${message}; ${hint}`,
      options?.cause === undefined ? undefined : options,
    )
    this.code = code
    this.details = details
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** Whether the value is a `TransportError`, with that code if one is given. Works across copies of this package. */
export function isTransportError<C extends TransportErrorCode>(
  error: unknown,
  code?: C,
): error is TransportError<C> {
  return (
    error instanceof Error &&
    BRAND in error &&
    (code === undefined || (error as unknown as TransportError).code === code)
  )
}

/** The value itself where it is an `Error`, else an `Error` with it as `cause`. */
export function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(textOf(value), { cause: value })
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    // Such as an object without a prototype. The report of an error must not throw.
    return 'a value that cannot be converted to a string'
  }
}
