import {
  type Clock,
  type EventId,
  type EventStore,
  type JsonRpcMessage,
  type StreamId,
  TransportError,
} from '@mcpwire/core'
import { callbackFailed, ignore, toError } from '@mcpwire/core/authoring'

/** How long one call of a store may take. */
export interface StoreLimit {
  readonly clock: Clock
  readonly eventStoreTimeoutMs: number
}

type Replay = Parameters<EventStore['replayEventsAfter']>[1]

/** The store with a timeout for each call. */
export function withStoreTimeout(store: EventStore | undefined, limit: StoreLimit): EventStore | undefined {
  if (!store || limit.eventStoreTimeoutMs === Infinity) return store
  return new TimedEventStore(store, limit)
}

/**
 * Rejects calls that take too long. While the store does not respond, further calls fail at once. After the timeout
 * one call is tried again.
 */
class TimedEventStore implements EventStore {
  readonly #store: EventStore
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly getStreamIdForEventId?: (eventId: EventId) => Promise<StreamId | undefined>
  /** When the next call is tried after a timeout. */
  #retryAt = -Infinity
  #hasTimedOut = false

  constructor(store: EventStore, { clock, eventStoreTimeoutMs }: StoreLimit) {
    this.#store = store
    this.#clock = clock
    this.#timeoutMs = eventStoreTimeoutMs
    if (!store.getStreamIdForEventId) return
    this.getStreamIdForEventId = (eventId) =>
      this.#withTimeout('getStreamIdForEventId', async () => await store.getStreamIdForEventId?.(eventId))
  }

  storeEvent(streamId: StreamId, message: JsonRpcMessage): Promise<EventId> {
    return this.#withTimeout('storeEvent', async () => await this.#store.storeEvent(streamId, message))
  }

  replayEventsAfter(lastEventId: EventId, { send }: Replay): Promise<StreamId> {
    return this.#withTimeout('replayEventsAfter', async (untimed) => {
      return await this.#store.replayEventsAfter(lastEventId, {
        send: (eventId, message) => untimed(() => send(eventId, message)),
      })
    })
  }

  /** The timeout does not run during `untimed`: there the client is slow, not the store. */
  #withTimeout<T>(
    method: keyof EventStore,
    call: (untimed: (work: () => Promise<void>) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    if (this.#hasTimedOut && this.#clock.now() < this.#retryAt) {
      return Promise.reject(failed(method, new Error('an earlier call has not settled')))
    }
    // Only this call is tried. Others fail until it settles.
    if (this.#hasTimedOut) this.#retryAt = this.#clock.now() + this.#timeoutMs
    return new Promise((resolve, reject) => {
      let isSettled = false
      const deadline = (): Disposable =>
        this.#clock.deadline(this.#timeoutMs, () => {
          isSettled = true
          this.#hasTimedOut = true
          this.#retryAt = this.#clock.now() + this.#timeoutMs
          reject(failed(method, new Error(`it took longer than eventStoreTimeoutMs (${this.#timeoutMs} ms)`)))
        })
      let timeout = deadline()
      const settle = (): void => {
        isSettled = true
        timeout[Symbol.dispose]()
        this.#hasTimedOut = false
      }
      let pendingSends = 0
      const untimed = (work: () => Promise<void>): Promise<void> => {
        pendingSends++
        timeout[Symbol.dispose]()
        const sent = new Promise<void>((resolve) => resolve(work())).finally(() => {
          if (--pendingSends === 0 && !isSettled) timeout = deadline()
        })
        // Not every store awaits it.
        sent.catch(ignore)
        return sent
      }
      call(untimed).then(
        (value) => {
          settle()
          resolve(value)
        },
        (error: unknown) => {
          settle()
          reject(error)
        },
      )
    })
  }
}

function failed(method: keyof EventStore, cause: Error): Error {
  return callbackFailed(`eventStore.${method}`, cause)
}

/** The failure of a store as an error that names the method. */
export function storeFailure(method: keyof EventStore, cause: unknown): Error {
  return cause instanceof TransportError ? cause : failed(method, toError(cause))
}
