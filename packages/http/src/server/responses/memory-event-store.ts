import {
  type BudgetAccount,
  type BudgetHolder,
  type ByteBudget,
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
import { stringBytes } from '../../shared/utf8-length.js'

/** Options of an event store in memory. */
export interface MemoryEventStoreOptions {
  /**
   * Limit for the events of all streams together.
   * @defaultValue 10_000
   */
  maxEvents?: number | undefined
  /**
   * Limit for the memory of all events, in bytes: their JSON text, with two bytes for each UTF-16 unit of a text beyond
   * Latin-1, and 256 bytes for each event. A listener also counts them in its `maxTotalBytes`, and releases them first.
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
 * Event ids have a random part for their stream, and the number of the event in it. They are no secrets: the store checks
 * no permission to replay a stream, and the caller finds the stream with `getStreamIdForEventId`. A replay includes events that are stored while it runs.
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

class MemoryEventStore implements Required<EventStore>, BudgetHolder {
  readonly #limits: Limits
  /** All events, in the order they were stored. */
  readonly #events = new Queue<StoredEvent>()
  readonly #streams = new Map<StreamId, Stream>()
  readonly #streamsByKey = new Map<string, Stream>()
  /** Streams whose events were all dropped, in that order. Clients can still resume after the last one. */
  readonly #empty = new Set<Stream>()
  readonly #shares = new Map<ByteBudget, Share>()
  #bytes = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  async storeEvent(streamId: StreamId, message: JsonRpcMessage): Promise<EventId> {
    const text = toJson(message)
    const stream = this.#streams.get(streamId) ?? this.#create(streamId)
    const id = `${stream.key}_${stream.events.end}`
    const bytes = stringBytes(text) + EVENT_BYTES
    const event = { id, text, bytes, stream, storedAt: this.#limits.clock.now() }
    this.#empty.delete(stream)
    stream.events.push(event)
    this.#events.push(event)
    this.#bytes += bytes
    this.#trim()
    this.#count()
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

  useBudget(budget: ByteBudget): Disposable {
    const share = this.#shares.get(budget) ?? { account: budget.open(this), users: 0 }
    share.users++
    this.#shares.set(budget, share)
    share.account.hold(this.#heldBytes)
    let isOver = false
    return {
      [Symbol.dispose]: () => {
        if (isOver) return
        isOver = true
        share.users--
        if (share.users > 0) return
        share.account.close()
        this.#shares.delete(budget)
      },
    }
  }

  /** A cache: what is dropped is not lost for a client that stays connected. */
  readonly isCache = true

  /** Drops the oldest events for a budget that is exceeded. */
  shed(_error: Error, excessBytes: number): void {
    const rest = Math.max(this.#heldBytes - excessBytes, 0)
    for (let oldest = this.#events.first; oldest && this.#heldBytes > rest; oldest = this.#events.first)
      this.#drop(oldest)
    for (const stream of this.#empty) {
      if (this.#heldBytes <= rest) break
      this.#delete(stream)
    }
    this.#count()
  }

  get #heldBytes(): number {
    return this.#bytes + this.#streams.size * STREAM_BYTES
  }

  #count(): void {
    for (const { account } of this.#shares.values()) account.hold(this.#heldBytes)
  }

  #create(id: StreamId): Stream {
    const stream = { id, key: this.#newKey(), events: new Queue<StoredEvent>() }
    this.#streams.set(id, stream)
    this.#streamsByKey.set(stream.key, stream)
    return stream
  }

  /** Random: a number would show how many streams others have. */
  #newKey(): string {
    for (;;) {
      const key = crypto.randomUUID().slice(0, KEY_LENGTH)
      if (!this.#streamsByKey.has(key)) return key
    }
  }

  #find(eventId: EventId): { readonly stream: Stream; readonly position: number } | undefined {
    this.#trim()
    const [, key = '', position] = EVENT_ID.exec(eventId) ?? []
    const stream = this.#streamsByKey.get(key)
    const at = Number(position)
    // Compared as text, as several texts have the same number.
    if (!stream || eventId !== `${stream.key}_${at}`) return undefined
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

  #drop({ stream, bytes }: StoredEvent): void {
    this.#events.shift()
    this.#bytes -= bytes
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
    this.#streamsByKey.delete(stream.key)
  }
}

const MAX_EMPTY_STREAMS = 10_000
/** The length of `xxxxxxxx-xxxx-xxxx`: 58 random bits. */
const KEY_LENGTH = 18
const EVENT_ID = /^([\da-f-]{18})_(\d{1,15})$/
/** What an event takes besides its text, and a stream besides its events. */
const EVENT_BYTES = 256
const STREAM_BYTES = 512

/** The account in the budget of one or several listeners. */
interface Share {
  readonly account: BudgetAccount
  users: number
}

interface StoredEvent {
  readonly id: EventId
  readonly text: string
  readonly bytes: number
  readonly stream: Stream
  readonly storedAt: number
}

interface Stream {
  readonly id: StreamId
  /** Unique: a deleted stream that continues gets another one. */
  readonly key: string
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
