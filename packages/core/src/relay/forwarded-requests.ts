import type { JsonRpcRequest, ProgressToken, RequestId } from '../contract/message.js'

/** A forwarded request without a response. */
export interface ForwardedRequest {
  readonly id: RequestId
  readonly method: string
  readonly progressToken: ProgressToken | undefined
  /** Cancels the request when it aborts, where the request has a stream of its own. */
  readonly stream: AbortController | undefined
}

/** The forwarded requests of one side without a response. */
export class ForwardedRequests {
  readonly #requests = new Map<RequestId, ForwardedRequest>()
  readonly #byToken = new Map<ProgressToken, RequestId>()

  add({ id, method, params }: JsonRpcRequest, stream: AbortController | undefined): void {
    const progressToken = params?._meta?.progressToken
    this.take(id)
    this.#requests.set(id, { id, method, progressToken, stream })
    if (progressToken !== undefined) this.#byToken.set(progressToken, id)
  }

  get(id: RequestId): ForwardedRequest | undefined {
    return this.#requests.get(id)
  }

  /** Removes and returns the request with this id. */
  take(id: RequestId): ForwardedRequest | undefined {
    const request = this.#requests.get(id)
    if (!request) return undefined
    this.#requests.delete(id)
    if (request.progressToken !== undefined) this.#byToken.delete(request.progressToken)
    return request
  }

  takeAll(): ForwardedRequest[] {
    const requests = [...this.#requests.values()]
    this.#requests.clear()
    this.#byToken.clear()
    return requests
  }

  /** The request with this progress token. */
  idOf(progressToken: unknown): RequestId | undefined {
    return this.#byToken.get(progressToken as ProgressToken)
  }
}
