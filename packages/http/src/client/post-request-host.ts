import type { JsonRpcErrorResponse, JsonRpcMessage } from '@mcpwire/core'
import type { HeaderRecord } from '@mcpwire/core/authoring'
import type { ClientContext } from './call/client-context.js'
import type { RefusedResponse } from './call/response-errors.js'

/** The channel of POST requests of the type `P`. */
export interface PostRequestHost<P> {
  readonly context: ClientContext
  readonly postUrl: URL
  /** Whether responses arrive on the one stream of HTTP+SSE. */
  readonly isHttpSse: boolean
  /** The headers that mirror the message, where its revision has them. */
  mirroredHeaders(message: JsonRpcMessage): HeaderRecord
  /** The server accepted it. `sessionId` is that of a new session. */
  accepted(post: P, sessionId: string | undefined): void
  /** Reads the text of a message in the response. Returns the fault of a malformed one. */
  readText(text: string, from: P): Error | undefined
  /** Reports a body that is not UTF-8. */
  unreadable(bytes: Uint8Array): void
  /** Delivers a response in place of the server's, which the error is the reason of. */
  respond(response: JsonRpcErrorResponse, from: P, error: Error): void
  /** Sends a refused message again, in the current session. */
  again(post: P): void
  /** Returns whether the channel handles the refusal: it sends the message again, or fails it. */
  recover(post: P, response: RefusedResponse): boolean
  /** Its stream is being resumed. */
  resuming(post: P): void
  report(error: Error): void
  /** `send()` has settled. */
  settled(post: P): void
  /** Nothing more arrives for the request. */
  over(post: P): void
}
