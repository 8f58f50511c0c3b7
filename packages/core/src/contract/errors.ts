/** What the reader of an error can do about it. Part of the details of every code that has details. */
export interface ErrorAdvice {
  /** The option to change, as in `tls.ca`. The text of the error calls it `option "tls.ca"`. */
  readonly option?: string
  /** What to check or change. The text of the error ends with it. */
  readonly hint?: string
}

/**
 * Facts carried by each code. A new code is a row here; `docs/errors.md` follows by itself.
 */
export interface TransportErrorDetails {
  /**
   * `send()` was called, or the `url` of a listener read, before `start()` had succeeded.
   * @retry no
   */
  NOT_STARTED: undefined
  /**
   * `start()` was called a second time. Make a new transport for a new conversation.
   * @retry no
   */
  ALREADY_STARTED: undefined
  /**
   * The conversation is over, and what was asked for needs one. `cause` says why it ended, unless that was orderly.
   * @retry no
   */
  CLOSED: undefined
  /**
   * An option has a value that cannot work, or two contradict each other. Thrown synchronously by the factory, or
   * by `start()` where only the binding tells.
   * @retry no
   */
  INVALID_OPTION: { readonly option: string; readonly received?: unknown }
  /**
   * The conversation never opened. `cause` is what the medium said.
   * @retry yes
   */
  CONNECT_FAILED: { readonly address: string }
  /**
   * The conversation did not open within `connectTimeoutMs`.
   * @retry yes
   */
  CONNECT_TIMEOUT: { readonly address: string; readonly timeoutMs: number }
  /**
   * The listener could not bind its address. `cause` is what the system said.
   * @retry no
   */
  LISTEN_FAILED: { readonly address: string }
  /**
   * The gate at the other end, or ours, does not admit this caller or no longer does.
   * @retry 429 and 503 only, after `retryAfterMs`
   */
  REFUSED: { readonly status: number; readonly retryAfterMs?: number }
  /**
   * The gate at the other end wants a credential, or another one.
   * @retry no
   */
  AUTH_REQUIRED: { readonly status: number; readonly challenge?: string }
  /**
   * The message could not be sent. `delivery` is `none` where it certainly did not leave, else `unknown`.
   * @retry if `delivery` is `none`
   */
  SEND_FAILED: { readonly delivery: 'none' | 'unknown' }
  /**
   * The outbound queue is full; nothing of the message was sent. Wait for pending sends, or raise `maxQueuedBytes`.
   * @retry yes
   */
  OVERLOADED: { readonly queuedBytes: number; readonly maxQueuedBytes: number }
  /**
   * The connection broke, went silent past a deadline, or ended where an answer was due: any over HTTP, the first one
   * over a stream of bytes. Other ends in order are none of these, whatever was still asked.
   * @retry yes
   */
  PEER_LOST: { readonly address: string }
  /**
   * The server forgot the session, and it could not be renewed. Where it was, `onerror` hears of it: what the server
   * knew besides the beginning is gone.
   * @retry yes
   */
  SESSION_LOST: { readonly sessionId: string }
  /**
   * The child process ended while the conversation was open. `stderrTail` is the last it wrote there.
   * @retry yes
   */
  PROCESS_EXITED: {
    readonly exitCode: number | null
    readonly signal: string | null
    readonly stderrTail: string
  }
  /**
   * No answer came in time. The request was cancelled, yet it may have run.
   * @retry if the request is safe to run twice
   */
  REQUEST_TIMEOUT: { readonly method: string; readonly timeoutMs: number }
  /**
   * The request was sent and may have run; its answer is lost.
   * @retry no
   */
  OUTCOME_UNKNOWN: { readonly method: string }
  /**
   * A message is longer than `maxMessageBytes`. `bytes` is what had been seen of it when it was cut off.
   * @retry no
   */
  MESSAGE_TOO_LARGE: { readonly bytes: number; readonly maxMessageBytes: number }
  /**
   * What arrived is no JSON-RPC message. `preview` is its first 64 bytes.
   * @retry no
   */
  MALFORMED_MESSAGE: { readonly preview: string }
  /**
   * Too many recent failures; not even tried.
   * @retry after `retryAfterMs`
   */
  CIRCUIT_OPEN: { readonly retryAfterMs: number }
  /**
   * The connection was lost and could not be had back.
   * @retry no
   */
  RECONNECT_EXHAUSTED: { readonly attempts: number }
  /**
   * A callback of yours threw or rejected; `cause` is what it threw, `slot` names it.
   * @retry no
   */
  CALLBACK_FAILED: { readonly slot: string }
}

/** The details of one code: its facts, and what to do about it. */
export type ErrorDetails<C extends TransportErrorCode> = TransportErrorDetails[C] extends undefined
  ? undefined
  : TransportErrorDetails[C] & ErrorAdvice

/** The closed set of codes. Branch on these; texts may change in any release. */
export type TransportErrorCode = keyof TransportErrorDetails

const BRAND: unique symbol = Symbol.for('@mcpwire/TransportError') as never

/** Every failure these packages raise on their own account. Branch on `code`; texts may change in any release. */
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

/** Whether it is a `TransportError`, of that code if one is given. Works across duplicate copies of this package. */
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

/** The value as an `Error`: itself if it is one, else an error that has it as `cause`. */
export function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(textOf(value), { cause: value })
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    // Such as an object without prototype: whatever a callback throws, reporting it must not throw again.
    return 'a value without text'
  }
}
