import type { EventId, EventStore, JsonRpcMessage } from '@mcpwire/core'
import { overloaded, TransportError, toError } from '@mcpwire/core'

/** What stands in a store for an event without data. Stores of both SDKs' shape leave it out of a replay. */
const PRIMING = {} as JsonRpcMessage

/** It would end the field, and what follows be read as another (WHATWG, Server-sent events). */
const UNSENDABLE = /[\r\n\0]/

/** Whether a replayed event is one without data. */
export function isPriming(message: JsonRpcMessage): boolean {
  return Object.keys(message).length === 0
}

/** One stream in an event store: stores and then writes, strictly in the order of the calls. */
export class EventLog {
  readonly streamId: string
  readonly #store: EventStore
  readonly #report: (error: Error) => void
  readonly #maxQueuedBytes: number
  #last: Promise<unknown> = Promise.resolve()
  /** The length of the texts that wait to be stored. */
  #waiting = 0

  constructor(
    store: EventStore,
    streamId: string,
    options: { readonly report: (error: Error) => void; readonly maxQueuedBytes: number },
  ) {
    this.streamId = streamId
    this.#store = store
    this.#report = options.report
    this.#maxQueuedBytes = options.maxQueuedBytes
  }

  /** Stores a message, then calls `write` with its id; without one where the store failed, which is reported. */
  append(
    message: JsonRpcMessage,
    json: string,
    write: (id: EventId | undefined) => Promise<void> | undefined,
  ): Promise<void> {
    const queued = this.#waiting + json.length
    if (queued > this.#maxQueuedBytes) {
      return Promise.reject(overloaded('the event store', queued, this.#maxQueuedBytes))
    }
    this.#waiting = queued
    return new Promise((resolve, reject) => {
      this.inTurn(async () => {
        const id = await this.#stored(message)
        this.#waiting -= json.length
        // The next may be stored while this one waits for the caller to read.
        attempt(() => write(id)).then(resolve, reject)
      })
    })
  }

  /** Stores an event without data, then calls `write` with its id, unless the store failed. */
  prime(write: (id: EventId) => void): void {
    this.inTurn(async () => {
      const id = await this.#stored(PRIMING)
      if (id !== undefined) write(id)
    })
  }

  /** Does something once everything before is stored and written; what comes later waits for it. */
  inTurn(work: () => Promise<void> | void): void {
    this.#last = this.#last.then(work).catch((error: unknown) => this.#report(toError(error)))
  }

  async #stored(message: JsonRpcMessage): Promise<EventId | undefined> {
    try {
      const id = await this.#store.storeEvent(this.streamId, message)
      if (!UNSENDABLE.test(id)) return id
      throw new TransportError('CALLBACK_FAILED', 'the event store gave an id with a line break in it', {
        slot: 'eventStore.storeEvent',
      })
    } catch (error) {
      this.#report(toError(error))
      return undefined
    }
  }
}

/** What `work` yields, or throws, as a promise. */
async function attempt(work: () => Promise<void> | undefined): Promise<void> {
  await work()
}
