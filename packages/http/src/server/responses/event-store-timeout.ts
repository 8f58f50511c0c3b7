import {
  type Clock,
  type EventId,
  type EventStore,
  type JsonRpcMessage,
  type StreamId,
  TransportError,
} from '@mcpwire/core'
import { callbackFailed, toError } from '@mcpwire/core/authoring'

/** How long a store may take. */
export interface StoreLimit {
  readonly clock: Clock
  readonly eventStoreTimeoutMs: number
}

type Replay = Parameters<EventStore['replayEventsAfter']>[1]

/** The store, whose every call settles in time; not at all where there is none. */
export function timelyStore(store: EventStore | undefined, limit: StoreLimit): EventStore | undefined {
  if (!store || limit.eventStoreTimeoutMs === Infinity) return store
  return new TimelyStore(store, limit)
}

/**
 * Gives up calls that take too long. While the store hangs nobody else waits for it: calls fail at once until, some
 * time later, one is tried again.
 */
class TimelyStore implements EventStore {
  readonly #store: EventStore
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly getStreamIdForEventId?: (eventId: EventId) => Promise<StreamId | undefined>
  /** When it is asked again after it took too long. */
  #retryAt = -Infinity
  #isHanging = false

  constructor(store: EventStore, { clock, eventStoreTimeoutMs }: StoreLimit) {
    this.#store = store
    this.#clock = clock
    this.#timeoutMs = eventStoreTimeoutMs
    if (!store.getStreamIdForEventId) return
    this.getStreamIdForEventId = (eventId) =>
      this.#inTime('getStreamIdForEventId', async () => await store.getStreamIdForEventId?.(eventId))
  }

  storeEvent(streamId: StreamId, message: JsonRpcMessage): Promise<EventId> {
    return this.#inTime('storeEvent', async () => await this.#store.storeEvent(streamId, message))
  }

  replayEventsAfter(lastEventId: EventId, { send }: Replay): Promise<StreamId> {
    return this.#inTime('replayEventsAfter', async (sending) => {
      return await this.#store.replayEventsAfter(lastEventId, {
        send: (eventId, message) => sending(() => send(eventId, message)),
      })
    })
  }

  /** What is done in `sending` takes as long as it takes: it is not the store that is slow. */
  #inTime<T>(
    method: keyof EventStore,
    call: (sending: (work: () => Promise<void>) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    if (this.#isHanging && this.#clock.now() < this.#retryAt) {
      return Promise.reject(failed(method, new Error('it has not answered an earlier call')))
    }
    // Of those that come until this one is answered, none is to wait as well.
    if (this.#isHanging) this.#retryAt = this.#clock.now() + this.#timeoutMs
    return new Promise((resolve, reject) => {
      let isOver = false
      const deadline = (): Disposable =>
        this.#clock.deadline(this.#timeoutMs, () => {
          isOver = true
          this.#isHanging = true
          this.#retryAt = this.#clock.now() + this.#timeoutMs
          reject(failed(method, new Error(`it took longer than eventStoreTimeoutMs (${this.#timeoutMs} ms)`)))
        })
      let late = deadline()
      const settled = (): void => {
        isOver = true
        late[Symbol.dispose]()
        this.#isHanging = false
      }
      let underWay = 0
      const sending = (work: () => Promise<void>): Promise<void> => {
        underWay++
        late[Symbol.dispose]()
        const sent = new Promise<void>((resolve) => resolve(work())).finally(() => {
          if (--underWay === 0 && !isOver) late = deadline()
        })
        // Not every store waits for it.
        sent.catch(ignore)
        return sent
      }
      call(sending).then(
        (value) => {
          settled()
          resolve(value)
        },
        (error: unknown) => {
          settled()
          reject(error)
        },
      )
    })
  }
}

function failed(method: keyof EventStore, cause: Error): Error {
  return callbackFailed(`eventStore.${method}`, cause)
}

/** What a store failed with, as an error that names it. */
export function storeFailure(method: keyof EventStore, cause: unknown): Error {
  return cause instanceof TransportError ? cause : failed(method, toError(cause))
}

function ignore(): void {}
