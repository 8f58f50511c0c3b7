import {
  type EventId,
  type EventStore,
  isTransportError,
  type JsonRpcMessage,
  TransportError,
} from '@mcpwire/core'
import { attempt, toError } from '@mcpwire/core/authoring'
import type { EventStream } from '../request/http-exchange.js'
import type { Outgoing } from '../request/message-body.js'
import { storeFailure } from './event-store-timeout.js'
import { eventBytes, overloadError } from './event-text.js'

/** Stored for an event without data. Stores of the SDKs' shape skip it in a replay. */
const PRIMING = {} as JsonRpcMessage

/** These would end the `id` field (WHATWG, Server-sent events). */
const INVALID_IN_ID = /[\r\n\0]/

/** Whether a replayed event is one without data. */
export function isPriming(message: JsonRpcMessage): boolean {
  return Object.keys(message).length === 0
}

interface LogSettings {
  readonly maxQueuedBytes: number
  readonly report: (error: Error) => void
}

/** One stream in an event store: stores each event and then writes it, in the order of the calls. */
export class EventLog {
  readonly streamId: string
  /** The id of the last event that was written, or is in the store alone. A client at this id has missed nothing. */
  lastId: EventId | undefined
  readonly #store: EventStore
  readonly #maxQueuedBytes: number
  readonly #report: (error: Error) => void
  #last: Promise<unknown> = Promise.resolve()
  /** The bytes of events that wait to be stored. */
  #queuedBytes = 0

  constructor(store: EventStore, streamId: string, { maxQueuedBytes, report }: LogSettings) {
    this.streamId = streamId
    this.#store = store
    this.#maxQueuedBytes = maxQueuedBytes
    this.#report = report
  }

  /**
   * Stores a message, then calls `write` with its id. If the store fails, the error is reported and `write` gets no
   * id. A message that exceeds `freeBytes` is rejected before it is stored.
   */
  append(
    { message, json }: Outgoing,
    freeBytes: number,
    write: (id: EventId | undefined) => Promise<void> | undefined,
  ): Promise<void> {
    const error = overloadError(json, freeBytes - this.#queuedBytes, this.#maxQueuedBytes)
    if (error) return Promise.reject(error)
    const bytes = eventBytes(json)
    this.#queuedBytes += bytes
    return new Promise((resolve, reject) => {
      this.enqueue(async () => {
        const id = await this.#storeEvent(message)
        this.#queuedBytes -= bytes
        // Not awaited: the next event may be stored while this one waits for the client to read.
        attempt<void>(() => write(id)).then(resolve, reject)
      })
    })
  }

  /** Stores an event without data, then calls `write` with its id, unless the store failed. */
  prime(write: (id: EventId) => void): void {
    this.enqueue(async () => {
      const id = await this.#storeEvent(PRIMING)
      if (id === undefined) return
      this.lastId = id
      write(id)
    })
  }

  /** Runs `work` after everything before it is stored and written. Later calls wait for it. */
  enqueue(work: () => Promise<void> | void): void {
    this.#last = this.#last.then(work).catch((error: unknown) => this.#report(toError(error)))
  }

  async #storeEvent(message: JsonRpcMessage): Promise<EventId | undefined> {
    try {
      const id = await this.#store.storeEvent(this.streamId, message)
      if (!INVALID_IN_ID.test(id)) return id
      throw new TransportError('CALLBACK_FAILED', 'eventStore.storeEvent returned an id with a line break', {
        slot: 'eventStore.storeEvent',
      })
    } catch (error) {
      this.#report(storeFailure('storeEvent', error))
      return undefined
    }
  }
}

/**
 * Handles the write of a stored event. If the client disconnects, the event is not lost: it can be replayed. A client
 * that exceeds the queue is cut off, so that it resumes.
 */
export function settleStored(stream: EventStream, written: Promise<void>): Promise<void> {
  return written.catch((error: unknown) => {
    if (isTransportError(error, 'OVERLOADED')) stream.destroy()
    else if (!isTransportError(error, 'SEND_FAILED')) throw error
  })
}
