import {
  type Clock,
  type EventId,
  type EventStore,
  type JsonRpcMessage,
  type StreamId,
  systemClock,
  TransportError,
} from '@mcpwire/core'
import {
  type KnownOptions,
  requireInRange,
  requireInteger,
  requireKnownOptions,
  resolveOptions,
  toJson,
} from '@mcpwire/core/authoring'

/** What bounds a store of events in memory. */
export interface MemoryEventStoreOptions {
  /**
   * Most events kept, of all streams together.
   * @defaultValue 10_000
   */
  maxEvents?: number | undefined
  /**
   * Most that is kept of all streams together, in UTF-16 units of JSON text, which is bytes where the text is ASCII.
   * @defaultValue 16_777_216
   */
  maxBytes?: number | undefined
  /**
   * How long an event is kept, in milliseconds.
   * @defaultValue 300_000
   */
  maxAgeMs?: number | undefined
  /**
   * Where the age of events comes from.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** What `memoryEventStore` uses for options that are not given. */
export const memoryEventStoreDefaults: {
  readonly maxEvents: 10_000
  readonly maxBytes: 16_777_216
  readonly maxAgeMs: 300_000
  readonly clock: Clock
} = { maxEvents: 10_000, maxBytes: 16_777_216, maxAgeMs: 300_000, clock: systemClock }

const known: KnownOptions<MemoryEventStoreOptions> = memoryEventStoreDefaults

/**
 * Keeps the events of this process in memory: those who lost a stream for a moment can have the rest, those who come
 * after a restart cannot. Beyond a limit the oldest events of all streams go first; a replay that would miss one of
 * them rejects with `SEND_FAILED`. Events too old are let go with the next call, not by a timer.
 *
 * Ids name their stream by number and are no secrets: who may replay a stream is for the caller to decide, who can
 * ask for it with `getStreamIdForEventId`. A replay also sends what is stored while it runs.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function memoryEventStore(options: MemoryEventStoreOptions = {}): Required<EventStore> {
  requireKnownOptions(options, known)
  const settings = resolveOptions(memoryEventStoreDefaults, options)
  requireInteger('maxEvents', settings.maxEvents, 1, Infinity)
  requireInteger('maxBytes', settings.maxBytes, 1024, Infinity)
  requireInRange('maxAgeMs', settings.maxAgeMs, 1, Infinity)
  return new MemoryEventStore(settings)
}

interface Limits {
  readonly maxEvents: number
  readonly maxBytes: number
  readonly maxAgeMs: number
  readonly clock: Clock
}

class MemoryEventStore implements Required<EventStore> {
  readonly #limits: Limits
  /** Every event, in the order it was stored. */
  readonly #events = new Queue<StoredEvent>()
  readonly #streams = new Map<StreamId, Stream>()
  readonly #streamsByNumber = new Map<number, Stream>()
  /** Those without an event, the one that lost its last first: from that they can still be continued. */
  readonly #emptied = new Set<Stream>()
  #lastStreamNumber = 0
  #bytes = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  async storeEvent(streamId: StreamId, message: JsonRpcMessage): Promise<EventId> {
    const text = toJson(message)
    const stream = this.#streams.get(streamId) ?? this.#opened(streamId)
    const id = `${stream.number}-${stream.events.end}`
    const event = { id, text, stream, storedAt: this.#limits.clock.now() }
    this.#emptied.delete(stream)
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

  #opened(id: StreamId): Stream {
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
    // The text is compared, since several spell the same number.
    if (!stream || eventId !== `${stream.number}-${at}`) return undefined
    // Behind the last one that is gone nothing is missing.
    const { start, end } = stream.events
    return at >= start - 1 && at < end ? { stream, position: at } : undefined
  }

  /** Lets go of the oldest events until what is left keeps to the limits. */
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
    // The oldest of all is the oldest of its stream.
    stream.events.shift()
    if (stream.events.size > 0) return
    this.#emptied.add(stream)
    if (this.#emptied.size <= MOST_EMPTIED_STREAMS) return
    const [longest] = this.#emptied
    if (longest) this.#forget(longest)
  }

  #forget(stream: Stream): void {
    this.#emptied.delete(stream)
    this.#streams.delete(stream.id)
    this.#streamsByNumber.delete(stream.number)
  }
}

const MOST_EMPTIED_STREAMS = 10_000
const EVENT_ID = /^(\d{1,15})-(\d{1,15})$/

interface StoredEvent {
  readonly id: EventId
  readonly text: string
  readonly stream: Stream
  readonly storedAt: number
}

interface Stream {
  readonly id: StreamId
  /** Of all streams there ever were: one that was forgotten and goes on is another. */
  readonly number: number
  readonly events: Queue<StoredEvent>
}

function unknownEvent(delivery: 'none' | 'unknown'): TransportError {
  const message = 'the event to continue from, or one after it, is not kept (any more)'
  return new TransportError('SEND_FAILED', message, { delivery })
}

/** First in, first out; members keep their position for as long as they are in. */
class Queue<T> {
  /** Members that left are `undefined` until half of the array is. */
  #members: (T | undefined)[] = []
  /** The position of the first member of the array, and how many in front of the queue have left. */
  #offset = 0
  #left = 0

  get size(): number {
    return this.#members.length - this.#left
  }

  /** The position that the next member will have. */
  get end(): number {
    return this.#offset + this.#members.length
  }

  /** The position of the first that is in. */
  get start(): number {
    return this.#offset + this.#left
  }

  get first(): T | undefined {
    return this.#members[this.#left]
  }

  at(position: number): T | undefined {
    return this.#members[position - this.#offset]
  }

  push(member: T): void {
    this.#members.push(member)
  }

  shift(): void {
    this.#members[this.#left++] = undefined
    if (this.#left < COMPACT_FROM || this.#left * 2 < this.#members.length) return
    this.#members = this.#members.slice(this.#left)
    this.#offset += this.#left
    this.#left = 0
  }
}

const COMPACT_FROM = 16
