import { isResponse, type JsonRpcMessage, type JsonRpcRequest, type RequestId } from '@mcpwire/core'
import { PROGRESS_METHOD } from '@mcpwire/core/authoring'

/** The most ended requests whose late messages are recognized. */
const MAX_ENDED = 1_000
/** The most late messages of one request that are normal: they were sent before its end was known. */
const MAX_NORMAL = 10

/** One ended request. */
interface Ended {
  lateMessages: number
}

/**
 * The latest requests that were cancelled or got their response. Their late messages are dropped: the response to a
 * cancelled one, and progress of any. A few are normal, and `onExcess` receives each further one.
 */
export class EndedRequests {
  readonly #onExcess: (message: JsonRpcMessage) => void
  /** The cancelled ones. */
  readonly #byId = new Map<RequestId, Ended>()
  readonly #byToken = new Map<unknown, Ended>()
  /** The number of requests in progress with that token. */
  readonly #tokens = new Map<unknown, number>()

  constructor(onExcess: (message: JsonRpcMessage) => void) {
    this.#onExcess = onExcess
  }

  /** A request begins, whose id or token may be that of an ended one. */
  begin({ id, params }: JsonRpcRequest): void {
    this.#byId.delete(id)
    const token = params?._meta?.progressToken
    if (token === undefined) return
    this.#byToken.delete(token)
    this.#tokens.set(token, (this.#tokens.get(token) ?? 0) + 1)
  }

  end({ id, params }: JsonRpcRequest, isCancelled: boolean): void {
    const ended: Ended = { lateMessages: 0 }
    if (isCancelled) add(this.#byId, id, ended)
    const token = params?._meta?.progressToken
    if (token === undefined) return
    const others = (this.#tokens.get(token) ?? 1) - 1
    if (others > 0) this.#tokens.set(token, others)
    else {
      this.#tokens.delete(token)
      add(this.#byToken, token, ended)
    }
  }

  /** Whether the message belongs to such a request. */
  isLate(message: JsonRpcMessage): boolean {
    const ended = this.#endedOf(message)
    if (ended && ++ended.lateMessages > MAX_NORMAL) this.#onExcess(message)
    return ended !== undefined
  }

  #endedOf(message: JsonRpcMessage): Ended | undefined {
    if (isResponse(message)) return message.id === undefined ? undefined : this.#byId.get(message.id)
    return message.method === PROGRESS_METHOD
      ? this.#byToken.get(message.params?.['progressToken'])
      : undefined
  }
}

/** Adds to the map, and removes the oldest over the limit. */
function add<K>(map: Map<K, Ended>, key: K, ended: Ended): void {
  map.set(key, ended)
  for (const oldest of map.keys()) {
    if (map.size <= MAX_ENDED) return
    map.delete(oldest)
  }
}
