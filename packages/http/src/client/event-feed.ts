import { TransportError, tooLargeToAccept } from '@mcpwire/core'
import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser'
import type { WatchedStream } from './idle-watch.js'
import type { Link } from './link.js'

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

/** Other fields of an event, and names of fields, that may wait with the longest message. */
const ROOM_FOR_FIELDS = 1_024
const encoder = new TextEncoder()

/** Takes the bytes of one event stream, and of those that resume it, apart into events. */
export class EventFeed implements WatchedStream {
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
  #decoder: TextDecoder | undefined
  #parser: EventSourceParser | undefined

  constructor(owner: FeedOwner, link: Link) {
    this.#owner = owner
    this.#link = link
  }

  /** Begins a stream: what was left of the one before is forgotten. */
  open(): void {
    const { clock, watch, maxMessageBytes } = this.#link
    this.events = 0
    this.heardAtMs = clock.now()
    watch.add(this)
    this.#decoder = new TextDecoder()
    this.#parser = createParser({
      maxBufferSize: maxMessageBytes + ROOM_FOR_FIELDS,
      onEvent: (event) => this.#event(event),
      onRetry: (retryMs) => {
        this.retryMs = retryMs
      },
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.#overlong(maxMessageBytes + ROOM_FOR_FIELDS)
      },
    })
  }

  push(chunk: Uint8Array): void {
    this.heardAtMs = this.#link.clock.now()
    const text = this.#decoder?.decode(chunk, { stream: true })
    if (text !== undefined && text !== '') this.#parser?.feed(text)
  }

  /** Gives up what is half read; nothing more comes out. */
  close(): void {
    if (!this.#parser) return
    this.#link.watch.delete(this)
    this.#parser = undefined
    this.#decoder = undefined
  }

  idle(): void {
    const { address, watch } = this.#link
    const message = `${address} sent nothing on a stream for ${watch.timeoutMs} ms (streamIdleTimeoutMs)`
    this.close()
    this.#owner.silent(new TransportError('PEER_LOST', message, { address }))
  }

  #event({ id, data, event = 'message' }: EventSourceMessage): void {
    // The parser goes on with the rest of a chunk, whatever its events led to.
    if (!this.#parser) return
    if (id !== undefined) {
      this.lastEventId = id === '' ? undefined : id
      if (id !== '') this.#owner.token(id)
    }
    if (data === '') return
    const max = this.#link.maxMessageBytes
    // UTF-8 takes at most three bytes for one UTF-16 unit, so most texts need no second look.
    if (data.length * 3 > max) {
      const bytes = encoder.encode(data).length
      if (bytes > max) {
        this.#overlong(bytes)
        return
      }
    }
    this.events++
    this.#owner.event(data, event)
  }

  #overlong(bytes: number): void {
    const { maxMessageBytes, address } = this.#link
    this.close()
    this.#owner.overlong(tooLargeToAccept(bytes, maxMessageBytes, address))
  }
}
