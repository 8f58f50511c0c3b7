import { type Clock, isRequest, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { Burst, cancelledBy } from '@mcpwire/core/authoring'
import { EndedRequests } from './call/ended-requests.js'
import { lateMessages, unexpectedResponse } from './call/response-errors.js'
import type { PostRequest } from './post-request.js'

/** Where the posts are: the names for errors. */
export interface PostsContext {
  readonly address: string
  readonly clock: Clock
}

/** The messages of a channel that are in progress, and the requests among them by id. */
export class PendingPosts {
  /** The bytes of messages that the server has not accepted. */
  queuedBytes = 0
  readonly all: Set<PostRequest> = new Set()
  readonly #address: string
  readonly #requests: Map<RequestId, PostRequest> = new Map()
  readonly #ended: EndedRequests
  readonly #late: Burst
  readonly #unexpected: Burst
  #lastLate: JsonRpcMessage | undefined
  #lastUnexpected: RequestId = ''

  constructor({ address, clock }: PostsContext, report: (error: Error) => void) {
    this.#address = address
    this.#late = new Burst(clock, (count) => report(lateMessages(address, this.#lastLate, count)))
    this.#unexpected = new Burst(clock, (count) =>
      report(unexpectedResponse(address, this.#lastUnexpected, count)),
    )
    this.#ended = new EndedRequests((message) => {
      this.#lastLate = message
      this.#late.add()
    })
  }

  add(post: PostRequest): PostRequest {
    this.queuedBytes += post.bytes
    this.all.add(post)
    if (post.id !== undefined) this.#requests.set(post.id, post)
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
    if (isRequest(message)) this.#ended.end(message, post.isUnwanted)
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

  /** Whether the message belongs to a request that is cancelled or over. Many of one request are reported. */
  isLate(message: JsonRpcMessage): boolean {
    return this.#ended.isLate(message, () => this.#messages())
  }

  /** Reports a response without a pending request, unless it is on the stream of a cancelled one. Returns its fault. */
  unexpected(id: RequestId, from: PostRequest | undefined): Error {
    if (!from?.isUnwanted) {
      this.#lastUnexpected = id
      this.#unexpected.add()
    }
    return unexpectedResponse(this.#address, id, 1)
  }

  /** Reports what is not reported yet. */
  stop(): void {
    this.#late.stop()
    this.#unexpected.stop()
  }

  *#messages(): Iterable<JsonRpcMessage> {
    for (const { message } of this.all) yield message
  }
}
