import {
  type Clock,
  type EventId,
  type EventStore,
  type JsonRpcMessage,
  type StreamId,
  TransportError,
} from '@mcpwire/core'
import {
  clock,
  defaultsOf,
  inRange,
  integer,
  type OptionDefaults,
  options,
  toJson,
} from '@mcpwire/core/authoring'

/** Options of an event store in memory. */
export interface MemoryEventStoreOptions {
  /**
   * Limit for the events of all streams together.
   * @defaultValue 10_000
   */
  maxEvents?: number | undefined
  /**
   * Limit for the JSON text of all events, in UTF-16 units, which are bytes for ASCII text.
   * @defaultValue 16_777_216
   */
  maxBytes?: number | undefined
  /**
   * Time an event is kept, in milliseconds.
   * @defaultValue 300_000
   */
  maxAgeMs?: number | undefined
  /**
   * Clock for the age of events.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

const table = options<MemoryEventStoreOptions>({
  maxEvents: integer(1, Infinity, 10_000),
  maxBytes: integer(1024, Infinity, 16_777_216),
  maxAgeMs: inRange(1, Infinity, 300_000),
  clock: clock(),
})

/** What `memoryEventStore` uses for options that are not given. */
export const memoryEventStoreDefaults: OptionDefaults<MemoryEventStoreOptions> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * An event store in the memory of this process. Clients can resume after a lost connection, and not after a restart of
 * the server. Over a limit the oldest events of all streams are dropped. A replay that would miss one of them rejects
 * with `SEND_FAILED`. Expired events are dropped with the next call, not by a timer.
 *
 * Event ids contain the number of their stream and are no secrets. The store checks no permission to replay a stream;
 * the caller finds the stream with `getStreamIdForEventId`. A replay includes events that are stored while it runs.
 *
 * @throws TransportError `INVALID_OPTION`
 * @example
 * ```ts
 * const listener = httpServer({ port: 8080, eventStore: memoryEventStore({ maxAgeMs: 60_000 }) })
 * ```
 */
export function memoryEventStore(given: MemoryEventStoreOptions = {}): Required<EventStore> {
  return new MemoryEventStore(table.read(given))
}

interface Limits {
  readonly maxEvents: number
  readonly maxBytes: number
  readonly maxAgeMs: number
  readonly clock: Clock
}

class MemoryEventStore implements Required<EventStore> {
  readonly #limits: Limits
  /** All events, in the order they were stored. */
  readonly #events = new Queue<StoredEvent>()
  readonly #streams = new Map<StreamId, Stream>()
  readonly #streamsByNumber = new Map<number, Stream>()
  /** Streams whose events were all dropped, in that order. Clients can still resume after the last one. */
  readonly #empty = new Set<Stream>()
  #lastStreamNumber = 0
  #bytes = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  async storeEvent(streamId: StreamId, message: JsonRpcMessage): Promise<EventId> {
    const text = toJson(message)
    const stream = this.#streams.get(streamId) ?? this.#create(streamId)
    const id = `${stream.number}-${stream.events.end}`
    const event = { id, text, stream, storedAt: this.#limits.clock.now() }
    this.#empty.delete(stream)
    stream.events.push(event)
    this.#events.push(event)
    this.#bytes += text.length
    this.#trim()
    return id
  }

  async getStreamIdForEventId(eventId: EventId): Promise<StreamId | undefined> {
    return this.#find(eventId)?.stream.id
  }

  async replayEventsAfter(
    lastEventId: EventId,
    { send }: { send: (eventId: EventId, message: JsonRpcMessage) => Promise<void> },
  ): Promise<StreamId> {
    const last = this.#find(lastEventId)
    if (!last) throw unknownEvent('none')
    const { events, id } = last.stream
    for (let next = last.position + 1; next < events.end; next++) {
      const event = events.at(next)
      if (!event) throw unknownEvent('unknown')
      await send(event.id, JSON.parse(event.text))
    }
    return id
  }

  #create(id: StreamId): Stream {
    const stream = { id, number: ++this.#lastStreamNumber, events: new Queue<StoredEvent>() }
    this.#streams.set(id, stream)
    this.#streamsByNumber.set(stream.number, stream)
    return stream
  }

  #find(eventId: EventId): { readonly stream: Stream; readonly position: number } | undefined {
    this.#trim()
    const [, number, position] = EVENT_ID.exec(eventId) ?? []
    const stream = this.#streamsByNumber.get(Number(number))
    const at = Number(position)
    // Compared as text, as several texts have the same number.
    if (!stream || eventId !== `${stream.number}-${at}`) return undefined
    // After the last dropped event, none is missing.
    const { start, end } = stream.events
    return at >= start - 1 && at < end ? { stream, position: at } : undefined
  }

  /** Drops the oldest events until the rest is within the limits. */
  #trim(): void {
    const { maxEvents, maxBytes, maxAgeMs, clock } = this.#limits
    const oldestAllowed = clock.now() - maxAgeMs
    for (let oldest = this.#events.first; oldest; oldest = this.#events.first) {
      const isWithin = this.#events.size <= maxEvents && this.#bytes <= maxBytes
      if (isWithin && oldest.storedAt > oldestAllowed) return
      this.#drop(oldest)
    }
  }

  #drop({ stream, text }: StoredEvent): void {
    this.#events.shift()
    this.#bytes -= text.length
    // The oldest of all events is also the oldest of its stream.
    stream.events.shift()
    if (stream.events.size > 0) return
    this.#empty.add(stream)
    if (this.#empty.size <= MAX_EMPTY_STREAMS) return
    const [oldest] = this.#empty
    if (oldest) this.#delete(oldest)
  }

  #delete(stream: Stream): void {
    this.#empty.delete(stream)
    this.#streams.delete(stream.id)
    this.#streamsByNumber.delete(stream.number)
  }
}

const MAX_EMPTY_STREAMS = 10_000
const EVENT_ID = /^(\d{1,15})-(\d{1,15})$/

interface StoredEvent {
  readonly id: EventId
  readonly text: string
  readonly stream: Stream
  readonly storedAt: number
}

interface Stream {
  readonly id: StreamId
  /** Unique: a deleted stream that continues gets another one. */
  readonly number: number
  readonly events: Queue<StoredEvent>
}

function unknownEvent(delivery: 'none' | 'unknown'): TransportError {
  const message = 'cannot resume: Last-Event-ID is unknown or has expired'
  return new TransportError('SEND_FAILED', message, { delivery })
}

/** A queue whose members keep their position until they are removed. */
class Queue<T> {
  /** Removed members are `undefined` until they are half of the array. */
  #members: (T | undefined)[] = []
  /** The position of the first member of the array. */
  #offset = 0
  #removed = 0

  get size(): number {
    return this.#members.length - this.#removed
  }

  /** The position of the next member to be added. */
  get end(): number {
    return this.#offset + this.#members.length
  }

  /** The position of the first member. */
  get start(): number {
    return this.#offset + this.#removed
  }

  get first(): T | undefined {
    return this.#members[this.#removed]
  }

  at(position: number): T | undefined {
    return this.#members[position - this.#offset]
  }

  push(member: T): void {
    this.#members.push(member)
  }

  shift(): void {
    this.#members[this.#removed++] = undefined
    if (this.#removed < COMPACT_FROM || this.#removed * 2 < this.#members.length) return
    this.#members = this.#members.slice(this.#removed)
    this.#offset += this.#removed
    this.#removed = 0
  }
}

const COMPACT_FROM = 16
