import {
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from '@mcpwire/core'
import { PROGRESS_METHOD } from '@mcpwire/core/authoring'

/** The fewest ended requests whose late messages are recognized. */
const MIN_KEPT = 500
/** The most late messages of one request that are normal: they were sent before its end was known. */
const MAX_NORMAL = 10

/** The number of late messages for each key. Keeps the latest keys: at least `MIN_KEPT`, at most twice as many. */
class LatestCounts<K> {
  #latest = new Map<K, number>()
  #earlier = new Map<K, number>()

  add(key: K): void {
    if (this.#latest.size >= MIN_KEPT) {
      this.#earlier = this.#latest
      this.#latest = new Map()
    }
    this.#latest.set(key, 0)
  }

  has(key: K): boolean {
    return this.#latest.has(key) || this.#earlier.has(key)
  }

  /** Counts one more for a key. */
  count(key: K): number {
    const counts = this.#latest.has(key) ? this.#latest : this.#earlier
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    return count
  }
}

/**
 * The latest requests that were cancelled or got their response. Their late messages are dropped: the response to a
 * cancelled one, and progress of any. A few are normal, and `onExcess` receives each further one.
 *
 * The progress of a task goes on after the response to its request (revision 2025-11-25, tasks).
 */
export class EndedRequests {
  readonly #onExcess: (message: JsonRpcMessage) => void
  /** The cancelled ones. */
  readonly #ids = new LatestCounts<RequestId>()
  readonly #tokens = new LatestCounts<unknown>()

  constructor(onExcess: (message: JsonRpcMessage) => void) {
    this.#onExcess = onExcess
  }

  end({ id, params }: JsonRpcRequest, isCancelled: boolean): void {
    if (isCancelled) this.#ids.add(id)
    const token = params?._meta?.progressToken
    if (token !== undefined && (isCancelled || params?.['task'] === undefined)) this.#tokens.add(token)
  }

  /**
   * Whether the message belongs to such a request.
   *
   * @param pending the messages in progress, of which one may have the same id or token
   */
  isLate(message: JsonRpcMessage, pending: () => Iterable<JsonRpcMessage>): boolean {
    const late = isResponse(message)
      ? this.#lateResponse(message, pending)
      : this.#lateProgress(message, pending)
    if (late > MAX_NORMAL) this.#onExcess(message)
    return late > 0
  }

  #lateResponse({ id }: JsonRpcResponse, pending: () => Iterable<JsonRpcMessage>): number {
    if (id === undefined || !this.#ids.has(id)) return 0
    for (const message of pending()) if (isRequest(message) && message.id === id) return 0
    return this.#ids.count(id)
  }

  #lateProgress(
    { method, params }: JsonRpcRequest | JsonRpcNotification,
    pending: () => Iterable<JsonRpcMessage>,
  ): number {
    const token = params?.['progressToken']
    if (method !== PROGRESS_METHOD || !this.#tokens.has(token)) return 0
    for (const message of pending()) if (isRequest(message) && tokenOf(message) === token) return 0
    return this.#tokens.count(token)
  }
}

function tokenOf({ params }: JsonRpcRequest): unknown {
  return params?._meta?.progressToken
}
