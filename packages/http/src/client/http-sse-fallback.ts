import type { ClientContext } from './call/client-context.js'
import {
  errorInText,
  isModernError,
  isNoMcpServer,
  neitherTransport,
  type RefusedResponse,
} from './call/response-errors.js'
import { HttpSse } from './http-sse.js'
import type { PostRequest } from './post-request.js'

/** The channel of a fallback. */
export interface FallbackOwner {
  /** The server supports HTTP+SSE, and receives messages at this URL. */
  moved(url: URL): void
  message(text: string): void
  /** The stream ended, and the session with it. */
  ended(error: Error): void
}

/** Tries HTTP+SSE, the transport of 2024-11-05: servers that support nothing else refuse the first POST. */
export class HttpSseFallback {
  readonly #context: ClientContext
  readonly #owner: FallbackOwner
  readonly #messageUrl: URL | undefined
  #stream: HttpSse | undefined

  constructor(context: ClientContext, owner: FallbackOwner, messageUrl: URL | undefined) {
    this.#context = context
    this.#owner = owner
    this.#messageUrl = messageUrl
  }

  /** Tries HTTP+SSE where the refusal permits it. Returns whether it does: the message is then sent again, or failed. */
  recover(post: PostRequest, response: RefusedResponse): boolean {
    if (!post.isInitialize || !post.isOpening || !isHttpSseStatus(response.status)) return false
    const error = errorInText(response.text, post.id ?? '')
    if (error && isModernError(error, response.status)) return false
    this.#begin(post, response)
    return true
  }

  pause(): void {
    this.#stream?.pause()
  }

  resume(): void {
    this.#stream?.resume()
  }

  stop(): void {
    this.#stream?.stop()
  }

  #begin(post: PostRequest, response: RefusedResponse): void {
    this.stop()
    const stream = {
      endpoint: (url: URL) => {
        this.#owner.moved(url)
        post.moveTo(url)
        post.start()
      },
      message: (text: string) => this.#owner.message(text),
      ended: (error: Error) => this.#owner.ended(error),
      unavailable: (error: Error) => {
        // A refusal in JSON-RPC is from an MCP server, and stands.
        if (isNoMcpServer(response, errorInText(response.text, post.id ?? '')))
          post.fail(neitherTransport(this.#context, response, error))
        else post.refuse(response)
      },
    }
    this.#stream = new HttpSse(this.#context, stream, this.#messageUrl)
    this.#stream.begin()
  }
}

/** Whether a server of HTTP+SSE refuses a POST with this status (2025-11-25, Backwards Compatibility). */
function isHttpSseStatus(status: number): boolean {
  return status === 400 || status === 404 || status === 405
}
