import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser'

/** Receives the contents of an event stream. */
export interface ReaderTarget {
  read(event: EventSourceMessage): void
  /** The delay that the server requests. It may be repeated at the end of its event. */
  retry(retryMs: number): void
  /** An unfinished line or event holds more than it may. The target releases its reader. */
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

const LF = '\n'
const BLANK_LINE = '\n\n'
/** What a line of an event costs besides its characters, in bytes: the parser concatenates lines, an object for each. */
const LINE_COST = 32

/**
 * Reads events from the bytes of one stream at a time, with a limit on what it holds. Bytes become text (`Utf8Chunks`),
 * and line ends become LF (`LineEnds`). The parser gets whole events and holds nothing between two chunks: an unfinished
 * event is held here as plain text, whose size is known.
 */
export class EventReader {
  target: ReaderTarget | undefined
  readonly #readers: EventReaders
  readonly #maxLine: number
  readonly #parser: EventSourceParser
  readonly #bytes = new Utf8Chunks()
  readonly #lineEnds = new LineEnds()
  /** The whole lines of the unfinished event. */
  readonly #event = new HeldText()
  #eventLines = 0
  /** The unfinished line. */
  readonly #line = new HeldText()
  #isFeeding = false

  constructor(readers: EventReaders, maxLine: number) {
    this.#readers = readers
    this.#maxLine = maxLine
    this.#parser = createParser({
      onEvent: (event) => this.target?.read(withUsableId(event)),
      onRetry: (retryMs) => this.target?.retry(retryMs),
    })
  }

  push(chunk: Uint8Array): void {
    const text = this.#lineEnds.toLineFeeds(this.#bytes.decode(chunk))
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
    if (this.#line.length + this.#event.length === 0 && text.endsWith(BLANK_LINE)) {
      this.#readEvents(text)
      return
    }
    // Most pieces of a long line have no line feed, and `includes` is faster than `lastIndexOf`.
    const end = text.includes(LF) ? text.lastIndexOf(LF) + 1 : 0
    if (end > 0) {
      this.#line.add(text.slice(0, end))
      this.#readLines(this.#line.take())
      if (!this.target) return
    }
    if (end < text.length) this.#line.add(detached(text, end))
    this.#checkSize()
  }

  #checkSize(): void {
    const line = this.#line.length
    const held = this.#event.length + line + this.#eventLines * LINE_COST
    if (line > this.#maxLine) this.target?.overflow(line)
    else if (held > 2 * this.#maxLine) this.target?.overflow(held)
  }

  #readLines(lines: string): void {
    const end = lastEventEnd(lines)
    if (end > 0) {
      this.#event.add(lines.slice(0, end))
      this.#eventLines = 0
      this.#readEvents(this.#event.take())
      if (!this.target) return
    }
    const begin = this.#scanLines(lines, end)
    if (begin < lines.length) this.#event.add(detached(lines, begin))
  }

  /**
   * Scans lines after the last whole event. Returns where the unfinished event begins. Comments and unknown fields before
   * it add nothing to an event: a connection may be kept alive with them for hours.
   */
  #scanLines(lines: string, from: number): number {
    let begin = this.#event.length > 0 ? from : lines.length
    for (let at = from; at < lines.length; ) {
      const end = lines.indexOf(LF, at) + 1
      if (at < begin && isEventField(lines, at)) begin = at
      // A delay applies even if the stream ends before the event does.
      if (lines.startsWith('retry:', at)) this.#parser.feed(lines.slice(at, end))
      if (at >= begin) this.#eventLines++
      at = end
    }
    return begin
  }

  /**
   * Reads whole events. Those with an id and no data count for resuming (HTML, Server-sent events: dispatching sets the
   * last event id first), but the parser skips them.
   */
  #readEvents(text: string): void {
    let from = 0
    if (text.startsWith('id') || text.includes('\nid')) {
      let at = 0
      for (let end = eventEnd(text, at); end !== 0; end = eventEnd(text, at)) {
        const id = idWithoutData(text.slice(at, end))
        at = end
        if (id === undefined) continue
        this.#parser.feed(text.slice(from, end))
        from = end
        this.target?.read({ id, event: undefined, data: '' })
        if (!this.target) return
      }
    }
    if (from < text.length) this.#parser.feed(text.slice(from))
  }

  #reset(): void {
    this.#parser.reset()
    this.#event.clear()
    this.#eventLines = 0
    this.#line.clear()
    this.#lineEnds.reset()
    this.#bytes.reset()
    this.#readers.put(this)
  }
}

/** Where the last event in these whole lines ends, or 0. A blank line at the start ends the event before. */
function lastEventEnd(lines: string): number {
  const blank = lines.lastIndexOf(BLANK_LINE)
  if (blank !== -1) return blank + BLANK_LINE.length
  return lines.startsWith(LF) ? 1 : 0
}

/** Where the event that begins there ends, or 0. */
function eventEnd(text: string, at: number): number {
  const blank = text.indexOf(BLANK_LINE, at)
  return blank === -1 ? 0 : blank + BLANK_LINE.length
}

const EVENT_FIELD = /(?:data|id|event)[:\n]/y

/** Whether the line there belongs to an event: not a comment, a delay or an unknown field. */
function isEventField(lines: string, at: number): boolean {
  EVENT_FIELD.lastIndex = at
  return EVENT_FIELD.test(lines)
}

/** A longer id cannot be sent back: its UTF-8 would exceed the headers that servers accept, mostly 16 KiB. */
const MAX_ID_CHARACTERS = 4_096

/** Whether a stream can be resumed after an event with that id. */
function isUsableId(id: string): boolean {
  return id.length <= MAX_ID_CHARACTERS && !id.includes('\0')
}

/** The event, without an id that cannot be sent back. */
function withUsableId(event: EventSourceMessage): EventSourceMessage {
  return event.id === undefined || isUsableId(event.id) ? event : { ...event, id: undefined }
}

/** The id of an event without data. */
function idWithoutData(event: string): string | undefined {
  if (hasLine(event, 'data:') || hasLine(event, 'data\n')) return undefined
  let id: string | undefined
  for (const line of event.split(LF)) {
    if (line === 'id') id = ''
    if (!line.startsWith('id:')) continue
    const value = line.slice(line[3] === ' ' ? 4 : 3)
    if (isUsableId(value)) id = value
  }
  return id
}

function hasLine(event: string, start: string): boolean {
  return event.startsWith(start) || event.includes(LF + start)
}

/** The end of a text. A short one is copied, because a slice keeps the whole text in memory. */
function detached(text: string, from: number): string {
  const end = text.slice(from)
  return end.length * 2 < text.length ? [end.slice(0, 1), end.slice(1)].join('') : end
}

/** How many pieces are held before they are joined. */
const MAX_PIECES = 1_024

/** Text that arrives in pieces. Joined with `+`, each piece would cost a node of a tree. */
class HeldText {
  length = 0
  readonly #blocks: string[] = []
  readonly #pieces: string[] = []

  add(piece: string): void {
    this.length += piece.length
    this.#pieces.push(piece)
    if (this.#pieces.length < MAX_PIECES) return
    this.#blocks.push(this.#pieces.join(''))
    this.#pieces.length = 0
  }

  /** Returns the text, and begins another one. */
  take(): string {
    const [first = ''] = this.#pieces
    const text = first.length === this.length ? first : [...this.#blocks, ...this.#pieces].join('')
    this.clear()
    return text
  }

  clear(): void {
    this.length = 0
    this.#blocks.length = 0
    this.#pieces.length = 0
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
