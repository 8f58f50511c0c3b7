/** One event of a stream. */
export interface StreamEvent {
  /** The id to resume the stream after. Empty where the server resets it. */
  readonly id: string | undefined
  /** The type, unless it is `message`. */
  readonly event: string | undefined
  readonly data: string
}

/** Receives the contents of an event stream. */
export interface ReaderTarget {
  read(event: StreamEvent): void
  retry(retryMs: number): void
  /** An event has more data than `maxMessageBytes`, or a line is even longer. The target releases its reader. */
  overflow(characters: number): void
}

/** Space beside the longest message for the name of its field, in characters. */
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
    const reader = this.#pool.pop() ?? new EventReader(this, this.#maxMessageBytes)
    reader.target = target
    return reader
  }

  /** Returns a reader whose stream is over. */
  put(reader: EventReader): void {
    if (this.#pool.length < MAX_POOLED) this.#pool.push(reader)
  }
}

const LF = '\n'
const SPACE = 0x20
/** The length of `retry: `, the longest start of a line that has a meaning. */
const LONGEST_START = 7
/** A longer id cannot be sent back: its UTF-8 would exceed the headers that servers accept, mostly 16 KiB. */
const MAX_ID_CHARACTERS = 4_096

/** The field of an unfinished line. `start`: its name is incomplete. `ignored`: a comment, or an unknown field. */
type LineKind = 'none' | 'start' | 'data' | 'id' | 'event' | 'retry' | 'ignored'

/**
 * Reads events from the bytes of one stream at a time (HTML, Server-sent events), with a limit on what it holds. Bytes
 * become text (`Utf8Chunks`), line ends become LF (`LineEnds`), and lines become fields of the current event. Of an
 * unfinished event it holds the data (`HeldText`) and the last id and type; of an unfinished line, the value of its field.
 */
export class EventReader {
  target: ReaderTarget | undefined
  readonly #readers: EventReaders
  readonly #maxCharacters: number
  readonly #bytes = new Utf8Chunks()
  readonly #lineEnds = new LineEnds()
  readonly #data = new HeldText()
  #hasData = false
  #id: string | undefined
  #type: string | undefined
  #line: LineKind = 'none'
  #lineLength = 0
  /** The unfinished line where its kind is `start`, else the value of its field, unless that is data. */
  #value = ''
  #isFeeding = false

  constructor(readers: EventReaders, maxCharacters: number) {
    this.#readers = readers
    this.#maxCharacters = maxCharacters
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
    // The rest of the chunk is dropped before another stream uses this reader.
    if (!this.#isFeeding) this.#reset()
  }

  #feed(text: string): void {
    let at = 0
    for (let end = text.indexOf(LF); end !== -1; end = text.indexOf(LF, at)) {
      if (this.#line !== 'none') this.#endLine(text.slice(at, end))
      else if (end === at) this.#endEvent()
      else this.#field(text, at, end)
      at = end + 1
      this.#checkLength()
      if (!this.target) return
    }
    if (at < text.length) this.#addToLine(text.slice(at))
    this.#data.endChunk(text.length)
    this.#checkLength()
  }

  #checkLength(): void {
    const { length } = this.#data
    if (length > this.#maxCharacters) this.target?.overflow(length)
    else if (this.#lineLength > this.#maxCharacters + MAX_FIELD_CHARACTERS)
      this.target?.overflow(this.#lineLength)
  }

  /** Reads a whole line, which is not empty. */
  #field(text: string, from: number, end: number): void {
    const kind = kindOf(text, from)
    if (kind !== 'ignored') this.#set(kind, text.slice(valueStart(text, from, kind), end))
    else if (end - from < LONGEST_START) {
      const name = text.slice(from, end)
      if (name === 'data' || name === 'id' || name === 'event') this.#set(name, '')
    }
  }

  #set(kind: LineKind, value: string): void {
    if (kind === 'data') {
      this.#beginData()
      this.#data.add(value)
    } else if (kind === 'id') {
      if (value.length <= MAX_ID_CHARACTERS && !value.includes('\0')) this.#id = value
    } else if (kind === 'event') this.#type = value === '' ? undefined : value
    else if (kind === 'retry' && /^\d+$/.test(value)) this.target?.retry(Number(value))
  }

  #beginData(): void {
    if (this.#hasData) this.#data.add(LF)
    this.#hasData = true
  }

  /** Adds text to the unfinished line. */
  #addToLine(text: string): void {
    this.#lineLength += text.length
    let rest = text
    if (this.#line === 'none' || this.#line === 'start') {
      const line = this.#value + text
      this.#line = line.length < LONGEST_START ? 'start' : kindOf(line, 0)
      this.#value = this.#line === 'start' ? line : ''
      if (this.#line === 'start') return
      rest = this.#line === 'ignored' ? '' : line.slice(valueStart(line, 0, this.#line))
      if (this.#line === 'data') this.#beginData()
    }
    this.#addToValue(rest)
  }

  #addToValue(text: string): void {
    if (this.#line === 'data') this.#data.add(text)
    // One character over the limit shows that it is too long.
    else if (this.#line !== 'ignored' && this.#value.length <= MAX_ID_CHARACTERS)
      this.#value += text.slice(0, MAX_ID_CHARACTERS + 1)
  }

  #endLine(rest: string): void {
    if (this.#line === 'start') {
      const line = this.#value + rest
      this.#field(line, 0, line.length)
    } else {
      this.#addToValue(rest)
      if (this.#line !== 'data') this.#set(this.#line, this.#value)
    }
    this.#dropLine()
  }

  #dropLine(): void {
    this.#line = 'none'
    this.#lineLength = 0
    this.#value = ''
  }

  /** An event with only an id counts for resuming: dispatching sets the last event id first. */
  #endEvent(): void {
    const id = this.#id
    const event = this.#type
    const isEvent = this.#hasData || id !== undefined
    this.#id = undefined
    this.#type = undefined
    this.#hasData = false
    if (isEvent) this.target?.read({ id, event, data: this.#data.take() })
  }

  #reset(): void {
    this.#data.take()
    this.#hasData = false
    this.#id = undefined
    this.#type = undefined
    this.#dropLine()
    this.#lineEnds.reset()
    this.#bytes.reset()
    this.#readers.put(this)
  }
}

/** The field of a line that starts there. `ignored` also where the name ends the line. */
function kindOf(text: string, from: number): LineKind {
  if (text.startsWith('data:', from)) return 'data'
  if (text.startsWith('id:', from)) return 'id'
  if (text.startsWith('event:', from)) return 'event'
  return text.startsWith('retry:', from) ? 'retry' : 'ignored'
}

/** The start of the value of a field: one space after the colon does not count. */
function valueStart(text: string, from: number, { length }: string): number {
  const afterColon = from + length + 1
  return text.charCodeAt(afterColon) === SPACE ? afterColon + 1 : afterColon
}

/** The memory that a piece of text takes besides its characters, in bytes: its slot in a list, and its header. */
const PIECE_COST = 48
/** Less than that is not worth joining, in bytes. */
const MIN_OVERHEAD = 65_536

/**
 * Text that arrives in pieces. A piece takes memory of its own, and keeps the whole chunk that it is part of. Before
 * this takes more than half of what the text itself takes, the pieces are joined to one text.
 */
class HeldText {
  length = 0
  #text = ''
  readonly #pieces: string[] = []
  #overhead = 0
  #lengthBefore = 0

  add(piece: string): void {
    if (piece === '') return
    if (this.length === 0) this.#text = piece
    else this.#pieces.push(piece)
    this.length += piece.length
    this.#addOverhead(PIECE_COST)
  }

  /** Ends the chunk, of that length, which the latest pieces are part of. */
  endChunk(length: number): void {
    const added = this.length - this.#lengthBefore
    if (added > 0) this.#addOverhead(Math.max(length - added, 0))
    this.#lengthBefore = this.length
  }

  /** Returns the text, and begins another one. */
  take(): string {
    this.#join()
    const text = this.#text
    this.#text = ''
    this.length = 0
    this.#lengthBefore = 0
    return text
  }

  #addOverhead(bytes: number): void {
    this.#overhead += bytes
    if (this.#overhead > this.length / 2 + MIN_OVERHEAD) this.#join()
  }

  #join(): void {
    this.#overhead = 0
    if (this.#pieces.length === 0) return
    this.#pieces.unshift(this.#text)
    this.#text = this.#pieces.join('')
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
