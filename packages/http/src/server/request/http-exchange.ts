import type { Handshake } from '@mcpwire/core'

/** Headers as names and values in turn. */
export type HeaderLines = readonly string[]

/** What became of the body of a request. */
export type Body =
  | { readonly kind: 'text'; readonly text: string }
  /** Somebody in front of us has parsed it. */
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'not-utf-8' }
  /** It has a content coding, such as `gzip`, and was not read. */
  | { readonly kind: 'coded' }
  | { readonly kind: 'too-slow' }
  /** The caller left before it was complete. */
  | { readonly kind: 'gone' }

/** One HTTP request and the way to answer it: what a front end supplies for each caller of the endpoint. */
export interface Exchange {
  readonly method: string
  readonly handshake: Handshake
  /** Where it was sent. */
  readonly url: URL
  /** The request as a web-standard object without its body. Built when read. */
  readonly request: Request
  /** Whether the caller left before it had the whole answer. */
  readonly hasLeft: boolean
  /** Added to the answer, whatever it is. */
  extraHeaders: HeaderLines
  /**
   * Calls back, once, when the caller leaves before it had the whole answer: at once where it has left. The last one
   * given counts.
   */
  whenLeft(left: () => void): void
  /** Reads the body, holding at most `maxBytes` of it. Called at most once. Throws where somebody has read it. */
  readBody(maxBytes: number, done: (body: Body) => void): void
  /** Gives up reading: `done` is called with `too-slow`, unless it was called before. */
  stopReading(): void
  /** Sends a whole answer. An exchange is answered once, by this or by `stream`. */
  answer(status: number, headers: HeaderLines, body?: string): void
  /** Answers with 500, or cuts off what was answered so far: something of ours failed. */
  fail(): void
  /** Sends the head of an answer whose body is a stream of events. */
  stream(headers: HeaderLines): EventStream
}

/** The body of an answer, written bit by bit. */
export interface EventStream {
  /** Whether what was written waits for the caller to read. */
  readonly isBlocked: boolean
  /** How much more it takes before it is overloaded. */
  readonly freeBytes: number
  /**
   * Takes a text. Resolves when it was taken and more is wanted; rejects with `OVERLOADED` where there is no room, and
   * with `SEND_FAILED` when the caller leaves before.
   */
  write(text: string): Promise<void>
  /** Writes what is left and ends the body properly. Resolves once that is done or the caller left. */
  end(): Promise<void>
  /** Cuts the answer off. */
  destroy(): void
}
