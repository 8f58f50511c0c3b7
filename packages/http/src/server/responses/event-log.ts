import type { EventId, EventStore, JsonRpcMessage } from '@mcpwire/core'
import { isTransportError, TransportError } from '@mcpwire/core'
import { toError } from '@mcpwire/core/authoring'
import { eventBytes, overload } from '../request/event-size.js'
import type { EventStream } from '../request/http-exchange.js'
import type { Outgoing } from '../request/message-text.js'
import { storeFailure } from './event-store-timeout.js'

/** What stands in a store for an event without data. Stores of both SDKs' shape leave it out of a replay. */
const PRIMING = {} as JsonRpcMessage

/** It would end the field, and what follows be read as another (WHATWG, Server-sent events). */
const UNSENDABLE = /[\r\n\0]/

/** Whether a replayed event is one without data. */
export function isPriming(message: JsonRpcMessage): boolean {
  return Object.keys(message).length === 0
}

/** What the log of a stream needs to know besides its store. */
interface LogSettings {
  readonly maxQueuedBytes: number
  readonly report: (error: Error) => void
}

/** One stream in an event store: stores and then writes, strictly in the order of the calls. */
export class EventLog {
  readonly streamId: string
  /** Of the last event that a stream had, or that is in the store alone: who has heard it has missed nothing else. */
  lastId: EventId | undefined
  readonly #store: EventStore
  readonly #maxQueuedBytes: number
  readonly #report: (error: Error) => void
  #last: Promise<unknown> = Promise.resolve()
  /** The bytes of what waits to be stored. */
  #waiting = 0

  constructor(store: EventStore, streamId: string, { maxQueuedBytes, report }: LogSettings) {
    this.streamId = streamId
    this.#store = store
    this.#maxQueuedBytes = maxQueuedBytes
    this.#report = report
  }

  /**
   * Stores a message, then calls `write` with its id; without one where the store failed, which is reported. What has
   * no room among `freeBytes` is rejected before it is stored: what was stored reaches the client, now or later.
   */
  append(
    { message, json }: Outgoing,
    freeBytes: number,
    write: (id: EventId | undefined) => Promise<void> | undefined,
  ): Promise<void> {
    const error = overload(json, freeBytes - this.#waiting, this.#maxQueuedBytes)
    if (error) return Promise.reject(error)
    const bytes = eventBytes(json)
    this.#waiting += bytes
    return new Promise((resolve, reject) => {
      this.inTurn(async () => {
        const id = await this.#stored(message)
        this.#waiting -= bytes
        // The next may be stored while this one waits for the caller to read.
        attempt(() => write(id)).then(resolve, reject)
      })
    })
  }

  /** Stores an event without data, then calls `write` with its id, unless the store failed. */
  prime(write: (id: EventId) => void): void {
    this.inTurn(async () => {
      const id = await this.#stored(PRIMING)
      if (id === undefined) return
      this.lastId = id
      write(id)
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
      this.#report(storeFailure('storeEvent', error))
      return undefined
    }
  }
}

/**
 * Settles for what was stored before it was written. It is not lost when the client leaves: it comes back for it. One
 * that is further behind than was to be expected is cut off, for it to do that.
 */
export function stored(stream: EventStream, written: Promise<void>): Promise<void> {
  return written.catch((error: unknown) => {
    if (isTransportError(error, 'OVERLOADED')) stream.destroy()
    else if (!isTransportError(error, 'SEND_FAILED')) throw error
  })
}

/** What `work` yields, or throws, as a promise. */
async function attempt(work: () => Promise<void> | undefined): Promise<void> {
  await work()
}
