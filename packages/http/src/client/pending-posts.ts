import { isRequest, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { cancelledBy } from '@mcpwire/core/authoring'
import { CancelledRequests } from './call/cancelled-requests.js'
import type { PostRequest } from './post-request.js'

/** The messages of a channel that are in progress, and the requests among them by id. */
export class PendingPosts {
  /** The bytes of messages that the server has not accepted. */
  queuedBytes = 0
  readonly all: Set<PostRequest> = new Set()
  readonly #requests: Map<RequestId, PostRequest> = new Map()
  readonly #cancelled = new CancelledRequests()

  add(post: PostRequest): PostRequest {
    this.queuedBytes += post.bytes
    this.all.add(post)
    if (post.id !== undefined) this.#requests.set(post.id, post)
    if (isRequest(post.message)) this.#cancelled.reuse(post.message)
    return post
  }

  /** The request with that id that is in progress. */
  request(id: RequestId | undefined): PostRequest | undefined {
    return id === undefined ? undefined : this.#requests.get(id)
  }

  /** Removes a message that is over. Returns the id of a request without a successor. */
  over(post: PostRequest): RequestId | undefined {
    const { id, message } = post
    this.all.delete(post)
    if (post.isUnwanted && isRequest(message)) this.#cancelled.add(message)
    if (id === undefined || this.#requests.get(id) !== post) return undefined
    this.#requests.delete(id)
    return id
  }

  /** A request is cancelled as soon as its cancellation is sent, and ends when the server has accepted that. */
  observeCancellation(cancellation: PostRequest): void {
    const post = this.request(cancelledBy(cancellation.message))
    if (!post) return
    const drop = (): void => post.drop()
    post.isUnwanted = true
    cancellation.sent.then(drop, drop)
  }

  /** Whether the message belongs to a request that was cancelled. */
  isLate(message: JsonRpcMessage): boolean {
    return this.#cancelled.isLate(message)
  }
}
