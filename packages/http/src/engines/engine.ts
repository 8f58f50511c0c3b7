/** One HTTP request of the client. */
export interface EngineRequest {
  readonly method: 'POST' | 'GET' | 'DELETE'
  readonly url: URL
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /**
   * Whether the other end waits for it, as for an answer to one of its requests. Such never wait for a socket until
   * a request of this end is over: some sockets are kept for them.
   */
  readonly isReply?: boolean | undefined
  /**
   * Whether it opens the conversation. Where the platform does not tell connecting from waiting for an answer, the
   * answer of such a request has to begin within the time for connecting.
   */
  readonly isOpening?: boolean | undefined
}

/** The start of an answer. */
export interface AnswerHead {
  readonly status: number
  /** Where the platform tells. */
  readonly statusText: string
  /** The value of a header, asked for by lower-case name. */
  readonly header: (name: string) => string | undefined
}

/**
 * What an engine tells of the answer to one request: `head`, then any number of `data`, then `end`; or `failed` at
 * any moment. Nothing is called after `end`, `failed` or `abort()`, and nothing inside `send()`.
 */
export interface EngineHandlers {
  readonly head: (head: AnswerHead) => void
  /** Bytes of the body. The engine may reuse the array afterwards. */
  readonly data: (chunk: Uint8Array) => void
  readonly end: () => void
  /** `delivery` is `none` only where nothing of the request can have reached the server. */
  readonly failed: (cause: Error, delivery: 'none' | 'unknown') => void
}

/** One request under way. */
export interface EngineCall {
  /** Gives it up and closes its stream. Idempotent; harmless once it is over. */
  readonly abort: () => void
  /** Stops and continues the arrival of `data`, where the platform can. */
  readonly pause: () => void
  readonly resume: () => void
}

/** Carries HTTP requests. Follows no redirect, keeps no cookies, adds no listener to a signal of anyone's. */
export interface Engine {
  readonly send: (request: EngineRequest, handlers: EngineHandlers) => EngineCall
  /** Gives up what is under way and releases every socket. Idempotent, never rejects. */
  readonly close: () => Promise<void>
}
