import type { Admission, AuthInfo, ByteBudget, Handshake } from '@mcpwire/core'

/** Header names and values in turn. */
export type HeaderLines = readonly string[]

/** The body of a request, or why there is none. */
export type Body =
  | { readonly kind: 'text'; readonly text: string }
  /** A framework has parsed it. */
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'not-utf-8' }
  /** It has a content coding, such as `gzip`, and was not read. */
  | { readonly kind: 'coded' }
  | { readonly kind: 'too-slow' }
  /** It was dropped, as the budget of the listener was exceeded. */
  | { readonly kind: 'overloaded' }
  /** It was not read, as the application accepted no messages. */
  | { readonly kind: 'paused' }
  /** The client disconnected before it was complete. */
  | { readonly kind: 'disconnected' }

/** One HTTP request and its response. Each host implements it for its kind of request. */
export interface HttpExchange {
  readonly method: string
  /** The caller. The endpoint replaces it by the one behind a proxy. */
  handshake: Handshake
  readonly url: URL
  /** The request as a web-standard object without its body. Built when read. */
  readonly request: Request
  /** Whether the client disconnected before it had the whole response. */
  readonly isDisconnected: boolean
  /** Added to the response, whatever it is. */
  extraHeaders: HeaderLines
  /**
   * Sets the callback for a client that disconnects before it has the whole response. It runs once, or at once where
   * the client has disconnected already. A later callback replaces it.
   */
  whenDisconnected(callback: () => void): void
  /** The failure for a request whose headers contradict HTTP. The connection then closes after the response. */
  checkFraming?(): FramingFault | undefined
  /**
   * Counts the connection for a principal, where the host limits the connections of each. Returns false, and closes the
   * connection after the response, if the principal has too many.
   */
  claimConnection?(principal: string): boolean
  /** Reads the body within the limits. Called at most once. Throws where the body was read before. */
  readBody(limits: BodyLimits, done: (body: Body) => void): void
  /** Reads no more of the body until `resumeReading`. */
  pauseReading(): void
  resumeReading(): void
  /** Stops reading: `done` is called with `body`, unless it was called before. */
  stopReading(body: Body): void
  /** Sends a whole response. An exchange is completed once, by this or by `openStream`. */
  respond(status: number, headers: HeaderLines, body?: string): void
  /** Responds with 500 after an internal error, or cuts off a response that has begun. */
  fail(): void
  /** Sends the head of a response whose body is an event stream. */
  openStream(headers: HeaderLines): EventStream
}

/** Why the headers of a request contradict HTTP. */
export interface FramingFault {
  readonly status: 400 | 501
  readonly reason: string
}

/** The limits of a body. */
export interface BodyLimits {
  readonly maxBytes: number
  /** Counts what is held until the body is complete. */
  readonly budget: ByteBudget | undefined
}

/** The body of a response, written event by event. */
export interface EventStream {
  /** Whether written text waits for the client to read. */
  readonly isBlocked: boolean
  /** The bytes it accepts before it is overloaded. */
  readonly freeBytes: number
  /**
   * Writes a text. Resolves when the stream accepts more. Rejects with `OVERLOADED` when the queue is full, and with
   * `SEND_FAILED` when the client disconnects first.
   */
  write(text: string): Promise<void>
  /** Writes the rest and ends the body. Resolves once that is done or the client has disconnected. */
  end(): Promise<void>
  /** Cuts the response off. */
  destroy(): void
}

/** The handlers of one path. */
export interface Routes {
  readonly methods: Readonly<Record<string, (exchange: HttpExchange, caller: Caller) => void>>
  /** Whether a request may open a session, and so needs a free place for one. */
  mayOpen(exchange: HttpExchange): boolean
}

/** The sender of a request, as the gate identified it. */
export interface Caller {
  readonly admission: Admission
  readonly authInfo: AuthInfo | undefined
  /** The key of a connection of 2026-07-28: by default the client, the user and the rights. */
  readonly principal: string
  /** The owner of a session: by default the client and the user, as rights and credentials may change. */
  readonly owner: string
}
