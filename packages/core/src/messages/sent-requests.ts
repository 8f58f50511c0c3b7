import { isRequest, type JsonRpcMessage, type RequestId } from '../contract/message.js'
import { CANCELLED_METHOD } from '../contract/protocol.js'
import { cancelledBy } from './era.js'
import { SmallIdMap } from './small-id-map.js'

/** The most pending requests that are tracked. Beyond it, the oldest waits for its timeout if its response is malformed. */
const MAX_TRACKED = 10_000

/** The ids of the requests that were sent and have no response yet. */
export class SentRequests {
  readonly #ids = new SmallIdMap()

  get isEmpty(): boolean {
    return this.#ids.isEmpty
  }

  add(id: RequestId): void {
    this.#ids.add(id, undefined)
    if (this.#ids.size > MAX_TRACKED) this.#ids.deleteOldest()
  }

  /** Removes the request. Returns whether it was pending. */
  delete(id: RequestId): boolean {
    return this.#ids.delete(id)
  }

  /**
   * The pending id that an id in a response stands for. The decimal text of a pending integer stands for that integer,
   * unless the text is an id itself: some servers convert ids to strings.
   */
  match(id: RequestId): RequestId | undefined {
    if (this.#ids.has(id)) return id
    if (typeof id !== 'string' || !DECIMAL.test(id)) return undefined
    const integer = Number(id)
    return this.#ids.has(integer) ? integer : undefined
  }
}

const DECIMAL = /^(?:0|-?[1-9]\d{0,15})$/

/** Updates the sent requests with a sent message. Returns them, created for the first request. */
export function trackSent(
  requests: SentRequests | undefined,
  message: JsonRpcMessage,
): SentRequests | undefined {
  if (isRequest(message)) {
    const tracked = requests ?? new SentRequests()
    tracked.add(message.id)
    return tracked
  }
  if (requests && 'method' in message && message.method === CANCELLED_METHOD) {
    const id = cancelledBy(message)
    if (id !== undefined) requests.delete(id)
  }
  return requests
}
