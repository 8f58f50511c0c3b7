import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser'
import { isUsableId, LoneIds } from './id-only-events.js'
import { LineEnds } from './line-ends.js'
import { Utf8Chunks } from './utf8-chunks.js'

/** Who hears what is read. */
export interface ReaderTarget {
  read(event: EventSourceMessage): void
  retry(retryMs: number): void
  overflow(bytes: number): void
}

/** Other fields of an event, and names of fields, that may wait with the longest message. */
const ROOM_FOR_FIELDS = 1_024
/** How many readers without a stream are kept: making one costs more than most streams take. */
const MOST_KEPT = 16

/** The readers of one client. */
export class EventReaders {
  readonly #maxMessageBytes: number
  readonly #kept: EventReader[] = []

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes
  }

  /** A reader for one stream from its beginning. */
  take(target: ReaderTarget): EventReader {
    const reader = this.#kept.pop() ?? new EventReader(this, this.#maxMessageBytes + ROOM_FOR_FIELDS)
    reader.target = target
    return reader
  }

  /** Keeps one whose stream is over. */
  keep(reader: EventReader): void {
    if (this.#kept.length < MOST_KEPT) this.#kept.push(reader)
  }
}

/** Takes the bytes of one stream at a time apart into events, never holding more than its limit. */
export class EventReader {
  target: ReaderTarget | undefined
  readonly #readers: EventReaders
  readonly #parser: EventSourceParser
  readonly #text = new Utf8Chunks()
  readonly #lineEnds = new LineEnds()
  readonly #loneIds = new LoneIds()
  #isFeeding = false

  constructor(readers: EventReaders, maxBufferSize: number) {
    this.#readers = readers
    this.#parser = createParser({
      maxBufferSize,
      onEvent: (event) => this.target?.read(resumable(event)),
      onRetry: (retryMs) => this.target?.retry(retryMs),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.target?.overflow(maxBufferSize)
      },
    })
  }

  push(chunk: Uint8Array): void {
    const text = this.#lineEnds.asLineFeeds(this.#text.decode(chunk))
    if (text === '') return
    this.#isFeeding = true
    try {
      this.#feed(text)
    } finally {
      this.#isFeeding = false
      if (!this.target) this.#reset()
    }
  }

  /** Tells nothing more. What is half read is forgotten. */
  release(): void {
    this.target = undefined
    // The parser goes on with the rest of a chunk, whatever its events led to.
    if (!this.#isFeeding) this.#reset()
  }

  #feed(text: string): void {
    let rest = text
    if (this.#loneIds.mayBeIn(text)) {
      let from = 0
      for (let lone = this.#loneIds.next(text, 0); lone; lone = this.#loneIds.next(text, from)) {
        this.#parser.feed(text.slice(from, lone.end))
        from = lone.end
        this.target?.read({ id: lone.id, event: undefined, data: '' })
        if (!this.target) return
      }
      rest = text.slice(from)
    }
    if (rest !== '') this.#parser.feed(rest)
  }

  #reset(): void {
    this.#parser.reset()
    this.#lineEnds.reset()
    this.#loneIds.reset()
    this.#text.reset()
    this.#readers.keep(this)
  }
}

/** The event, without an id that cannot be sent back. */
function resumable(event: EventSourceMessage): EventSourceMessage {
  return event.id === undefined || isUsableId(event.id) ? event : { ...event, id: undefined }
}
