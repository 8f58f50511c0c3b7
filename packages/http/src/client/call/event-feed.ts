import { tooLargeToAccept } from '@mcpwire/core/authoring'
import type { EventSourceMessage } from 'eventsource-parser'
import { utf8Length } from '../../shared/utf8-length.js'
import type { ClientContext } from './client-context.js'
import type { EventReader, ReaderTarget } from './event-reader.js'
import type { WatchedStream } from './idle-watch.js'

/** Receives the events of a stream. */
export interface FeedOwner {
  /** An event with data arrived. */
  event(data: string, type: string): void
  /** The stream can be resumed after the event with this id. */
  token(id: string): void
  /** An event is longer than `maxMessageBytes`; the feed is closed. */
  tooLarge(error: Error): void
  /** The stream was silent for too long; the feed is closed. */
  silent(error: Error): void
}

/** Reads events from one event stream, and from the streams that resume it. */
export class EventFeed implements WatchedStream, ReaderTarget {
  /** The id of the last event that had one, over all streams so far. */
  lastEventId: string | undefined
  /** The delay before resuming that the server requested, in milliseconds. */
  retryMs: number | undefined
  /** How many events with data the current stream has carried. */
  events = 0
  /** When the last bytes arrived, by the clock. */
  activeAtMs = 0
  /** Whether the current stream has carried no byte. */
  isSilent = true
  /** Whether it has carried no event, not even one with an id or a delay only. */
  isEmpty = true

  readonly #owner: FeedOwner
  readonly #context: ClientContext
  #reader: EventReader | undefined

  constructor(owner: FeedOwner, context: ClientContext) {
    this.#owner = owner
    this.#context = context
  }

  /** Begins a stream. A partial event of the stream before is dropped. */
  open(): void {
    const { clock, watch, readers } = this.#context
    this.close()
    this.events = 0
    this.isSilent = true
    this.isEmpty = true
    this.activeAtMs = clock.now()
    this.#reader = readers.take(this)
    watch.add(this)
  }

  push(chunk: Uint8Array): void {
    this.activeAtMs = this.#context.clock.now()
    this.isSilent = false
    this.#reader?.push(chunk)
  }

  /** Drops a partial event. No more events follow. */
  close(): void {
    if (!this.#reader) return
    this.#context.watch.delete(this)
    this.#reader.release()
    this.#reader = undefined
  }

  idle(): void {
    const { address, watch } = this.#context
    this.close()
    this.#owner.silent(watch.silence(address))
  }

  retry(retryMs: number): void {
    this.retryMs = retryMs
    this.isEmpty = false
  }

  overflow(bytes: number): void {
    const { maxMessageBytes, address } = this.#context
    this.close()
    this.#owner.tooLarge(tooLargeToAccept(bytes, maxMessageBytes, address))
  }

  read({ id, data, event = 'message' }: EventSourceMessage): void {
    this.isEmpty = false
    if (id !== undefined) {
      this.lastEventId = id === '' ? undefined : id
      if (id !== '') this.#owner.token(id)
    }
    if (data === '') return
    const max = this.#context.maxMessageBytes
    // One UTF-16 unit takes at most three bytes of UTF-8, so most texts need no count.
    if (data.length * 3 > max) {
      const bytes = utf8Length(data)
      if (bytes > max) {
        this.overflow(bytes)
        return
      }
    }
    this.events++
    this.#owner.event(data, event)
  }
}
