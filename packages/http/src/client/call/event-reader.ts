import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser'

/** Receives the contents of an event stream. */
export interface ReaderTarget {
  read(event: EventSourceMessage): void
  retry(retryMs: number): void
  overflow(bytes: number): void
}

/** Space beside the longest message for field names and other fields of its event, in characters. */
const MAX_FIELD_CHARACTERS = 1_024
/** How many idle readers are kept: making one costs more than reading most streams. */
const MAX_POOLED = 16

/** The pool of readers of one client. */
export class EventReaders {
  readonly #maxMessageBytes: number
  readonly #pool: EventReader[] = []

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes
  }

  /** A reader for one stream from its beginning. */
  take(target: ReaderTarget): EventReader {
    const reader = this.#pool.pop() ?? new EventReader(this, this.#maxMessageBytes + MAX_FIELD_CHARACTERS)
    reader.target = target
    return reader
  }

  /** Returns a reader whose stream is over. */
  put(reader: EventReader): void {
    if (this.#pool.length < MAX_POOLED) this.#pool.push(reader)
  }
}

/**
 * Reads events from the bytes of one stream at a time, with a limit on what it buffers. Bytes become text (`Utf8Chunks`),
 * line ends become LF (`LineEnds`), events with only an id are found (`IdOnlyEvents`), and the parser reads the rest.
 */
export class EventReader {
  target: ReaderTarget | undefined
  readonly #readers: EventReaders
  readonly #parser: EventSourceParser
  readonly #text = new Utf8Chunks()
  readonly #lineEnds = new LineEnds()
  readonly #idOnlyEvents = new IdOnlyEvents()
  #isFeeding = false

  constructor(readers: EventReaders, maxBufferSize: number) {
    this.#readers = readers
    this.#parser = createParser({
      maxBufferSize,
      onEvent: (event) => this.target?.read(withUsableId(event)),
      onRetry: (retryMs) => this.target?.retry(retryMs),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.target?.overflow(maxBufferSize)
      },
    })
  }

  push(chunk: Uint8Array): void {
    const text = this.#lineEnds.toLineFeeds(this.#text.decode(chunk))
    if (text === '') return
    this.#isFeeding = true
    try {
      this.#feed(text)
    } finally {
      this.#isFeeding = false
      if (!this.target) this.#reset()
    }
  }

  /** Detaches the target and drops a partial event. */
  release(): void {
    this.target = undefined
    // The parser reads the rest of its chunk before it can be reset.
    if (!this.#isFeeding) this.#reset()
  }

  #feed(text: string): void {
    let rest = text
    if (this.#idOnlyEvents.mayBeIn(text)) {
      let from = 0
      for (let found = this.#idOnlyEvents.next(text, 0); found; found = this.#idOnlyEvents.next(text, from)) {
        this.#parser.feed(text.slice(from, found.end))
        from = found.end
        this.target?.read({ id: found.id, event: undefined, data: '' })
        if (!this.target) return
      }
      rest = text.slice(from)
    }
    if (rest !== '') this.#parser.feed(rest)
  }

  #reset(): void {
    this.#parser.reset()
    this.#lineEnds.reset()
    this.#idOnlyEvents.reset()
    this.#text.reset()
    this.#readers.put(this)
  }
}

const LF = '\n'
/** The length of `data:`: with it, a line of data or of an id is recognized. */
const NAME_CHARACTERS = 5
/** A longer id cannot be sent back: its UTF-8 would exceed the headers that servers accept, mostly 16 KiB. */
const MAX_ID_CHARACTERS = 4_096
const STARTS_AS_ID = /^(?:i|id|id:.*)$/s

/** Whether a stream can be resumed after an event with that id. */
function isUsableId(id: string): boolean {
  return id.length <= MAX_ID_CHARACTERS && !id.includes('\0')
}

/** The event, without an id that cannot be sent back. */
function withUsableId(event: EventSourceMessage): EventSourceMessage {
  return event.id === undefined || isUsableId(event.id) ? event : { ...event, id: undefined }
}

/**
 * Finds events with an id and no data. They count for resuming (HTML, Server-sent events: dispatching sets the last
 * event id first), but the parser skips them. Reads text whose lines end in LF.
 */
class IdOnlyEvents {
  /** The id in the current event. */
  #id: string | undefined
  #hasData = false
  /** The start of an unfinished line: enough to recognize its field, and all of it where it is an id. */
  #partialLine = ''
  #isPartialId = false

  /** Whether the text needs a search. One of whole events without ids does not. */
  mayBeIn(text: string): boolean {
    const isBetween = this.#id === undefined && !this.#hasData && this.#partialLine === ''
    return !isBetween || !text.endsWith('\n\n') || text.startsWith('id') || text.includes('\nid')
  }

  /** The next such event from there, and where it ends. After the last one, the next text starts at 0. */
  next(text: string, from: number): { readonly id: string; readonly end: number } | undefined {
    let at = from
    while (at < text.length) {
      const end = text.indexOf(LF, at)
      if (end === -1) {
        this.#addPartial(text.slice(at))
        return undefined
      }
      const line = this.#partialLine + text.slice(at, end)
      this.#partialLine = ''
      at = end + 1
      if (line !== '') {
        this.#field(line)
        continue
      }
      const id = this.#endEvent()
      if (id !== undefined) return { id, end: at }
    }
    return undefined
  }

  reset(): void {
    this.#endEvent()
    this.#partialLine = ''
  }

  #addPartial(rest: string): void {
    if (this.#partialLine.length < NAME_CHARACTERS) {
      const line = this.#partialLine + rest.slice(0, MAX_ID_CHARACTERS + NAME_CHARACTERS)
      this.#isPartialId = STARTS_AS_ID.test(line)
      this.#partialLine = this.#isPartialId ? line : line.slice(0, NAME_CHARACTERS)
    } else if (this.#isPartialId && this.#partialLine.length <= MAX_ID_CHARACTERS + NAME_CHARACTERS) {
      this.#partialLine += rest.slice(0, MAX_ID_CHARACTERS)
    }
  }

  #field(line: string): void {
    if (line === 'data' || line.startsWith('data:')) this.#hasData = true
    else if (line === 'id') this.#id = ''
    else if (line.startsWith('id:')) {
      const value = line.slice(line[3] === ' ' ? 4 : 3)
      if (isUsableId(value)) this.#id = value
    }
  }

  /** Ends the current event. Returns its id where it had no data. */
  #endEvent(): string | undefined {
    const id = this.#hasData ? undefined : this.#id
    this.#id = undefined
    this.#hasData = false
    return id
  }
}

/** Turns each CR and CRLF of a chunked text into LF: an event stream may use any of them (HTML, Server-sent events). */
class LineEnds {
  /** Whether a line feed at the start of the next chunk belongs to the last line end. */
  #endedInCr = false

  toLineFeeds(text: string): string {
    const rest = this.#endedInCr && text.startsWith('\n') ? text.slice(1) : text
    if (text !== '') this.#endedInCr = text.endsWith('\r')
    return rest.includes('\r') ? rest.replaceAll(/\r\n?/g, '\n') : rest
  }

  reset(): void {
    this.#endedInCr = false
  }
}

// Shared and without state: a decoder in stream mode costs a native converter for each stream.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
const BYTE_ORDER_MARK = 0xfeff
/** The most bytes of a character after its first. */
const MAX_TRAILING = 3

/** Decodes UTF-8 in chunks, which may split a character. */
class Utf8Chunks {
  /** The first bytes of a split character. */
  #partial: Uint8Array | undefined
  #isFirst = true

  /** Begins another text. */
  reset(): void {
    this.#partial = undefined
    this.#isFirst = true
  }

  decode(chunk: Uint8Array): string {
    const bytes = this.#partial ? concat(this.#partial, chunk) : chunk
    const end = bytes.length - partialBytes(bytes)
    // A copy: the sender of the chunk may reuse it.
    this.#partial = end === bytes.length ? undefined : bytes.slice(end)
    const text = utf8.decode(end === bytes.length ? bytes : bytes.subarray(0, end))
    if (!this.#isFirst || text === '') return text
    this.#isFirst = false
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
  }
}

/** How many bytes at the end belong to a character that is incomplete. */
function partialBytes(bytes: Uint8Array): number {
  const { length } = bytes
  for (let back = 1; back <= MAX_TRAILING && back <= length; back++) {
    const byte = bytes[length - back] as number
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < characterBytes(byte) ? back : 0
  }
  return 0
}

/** The length of the character that begins with this byte. */
function characterBytes(lead: number): number {
  if (lead >= 0xf0) return 4
  return lead >= 0xe0 ? 3 : 2
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
