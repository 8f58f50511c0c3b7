import { tooLargeToAccept } from '@mcpwire/core/authoring'
import type { EventSourceMessage } from 'eventsource-parser'
import { utf8Length } from '../../shared/utf8-length.js'
import type { Link } from './client-context.js'
import type { EventReader, ReaderTarget } from './event-reader.js'
import type { WatchedStream } from './idle-watch.js'

/** What is done with what comes out of an event stream. */
export interface FeedOwner {
  /** One event with data arrived. */
  event(data: string, type: string): void
  /** The stream can from now on be resumed behind this event. */
  token(id: string): void
  /** An event is longer than allowed; the stream is of no more use. */
  overlong(error: Error): void
  /** Nothing was heard for too long; neither is it then. */
  silent(error: Error): void
}

/** Takes the bytes of one event stream, and of those that resume it, apart into events. */
export class EventFeed implements WatchedStream, ReaderTarget {
  /** The id of the last event that had one, over all streams so far. */
  lastEventId: string | undefined
  /** How long the server wants to be left alone before the stream is resumed, in milliseconds. */
  retryMs: number | undefined
  /** How many events with data the present stream has carried. */
  events = 0
  /** When anything was last heard, by the clock. */
  heardAtMs = 0

  readonly #owner: FeedOwner
  readonly #link: Link
  #reader: EventReader | undefined

  constructor(owner: FeedOwner, link: Link) {
    this.#owner = owner
    this.#link = link
  }

  /** Begins a stream: what was left of the one before is forgotten. */
  open(): void {
    const { clock, watch, readers } = this.#link
    this.close()
    this.events = 0
    this.heardAtMs = clock.now()
    this.#reader = readers.take(this)
    watch.add(this)
  }

  push(chunk: Uint8Array): void {
    this.heardAtMs = this.#link.clock.now()
    this.#reader?.push(chunk)
  }

  /** Gives up what is half read; nothing more comes out. */
  close(): void {
    if (!this.#reader) return
    this.#link.watch.delete(this)
    this.#reader.release()
    this.#reader = undefined
  }

  idle(): void {
    const { address, watch } = this.#link
    this.close()
    this.#owner.silent(watch.silence(address))
  }

  retry(retryMs: number): void {
    this.retryMs = retryMs
  }

  overflow(bytes: number): void {
    const { maxMessageBytes, address } = this.#link
    this.close()
    this.#owner.overlong(tooLargeToAccept(bytes, maxMessageBytes, address))
  }

  read({ id, data, event = 'message' }: EventSourceMessage): void {
    if (id !== undefined) {
      this.lastEventId = id === '' ? undefined : id
      if (id !== '') this.#owner.token(id)
    }
    if (data === '') return
    const max = this.#link.maxMessageBytes
    // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts need no second look.
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
