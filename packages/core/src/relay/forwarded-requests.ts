import type { JsonRpcRequest, ProgressToken, RequestId } from '../contract/message.js'

/** A request that was passed on and awaits its response. */
export interface ForwardedRequest {
  readonly id: RequestId
  readonly method: string
  readonly progressToken: ProgressToken | undefined
  /** Aborting it cancels the request, where it has a stream of its own. */
  readonly stream: AbortController | undefined
}

/** The requests of one side that await their response. */
export class ForwardedRequests {
  readonly #calls = new Map<RequestId, ForwardedRequest>()
  readonly #byToken = new Map<ProgressToken, RequestId>()

  add({ id, method, params }: JsonRpcRequest, stream: AbortController | undefined): void {
    const progressToken = params?._meta?.progressToken
    this.take(id)
    this.#calls.set(id, { id, method, progressToken, stream })
    if (progressToken !== undefined) this.#byToken.set(progressToken, id)
  }

  get(id: RequestId): ForwardedRequest | undefined {
    return this.#calls.get(id)
  }

  /** The request with this id, which from now on awaits nothing. */
  take(id: RequestId): ForwardedRequest | undefined {
    const call = this.#calls.get(id)
    if (!call) return undefined
    this.#calls.delete(id)
    if (call.progressToken !== undefined) this.#byToken.delete(call.progressToken)
    return call
  }

  takeAll(): ForwardedRequest[] {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    this.#byToken.clear()
    return calls
  }

  /** The request that asked for progress under this token. */
  idOf(progressToken: unknown): RequestId | undefined {
    return this.#byToken.get(progressToken as ProgressToken)
  }
}
