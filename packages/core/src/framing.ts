import { createGrowingBytes, type GrowingBytes } from './growing-bytes.js'

/** What a line decoder tells as it reads. */
export interface LineHandlers {
  /** One line, without its line feed. */
  readonly line: (text: string, encoded: Uint8Array | undefined) => void
  /** A line whose bytes are not UTF-8. */
  readonly invalid: (encoded: Uint8Array) => void
  /** A line that is longer than `maxLineBytes`; told once, when `bytes` of it were seen. The rest is discarded. */
  readonly oversize: (bytes: number, start: Uint8Array) => void
}

/** Cuts a stream of bytes into lines. */
export interface LineDecoder {
  /** Takes the next bytes. Keeps none of them by reference: the caller may reuse the array. */
  push(chunk: Uint8Array): void
  /** Says that the stream has ended; a last line without line feed is delivered. */
  end(): void
  /** Delivers nothing any more and lets go of what is held. */
  stop(): void
  /** How many bytes of an unfinished line are held. At most `maxLineBytes`. */
  readonly heldBytes: number
}

/** How to cut. */
export interface LineDecoderOptions {
  /** A longer line is reported as `oversize`, before more of it is held. The line feed does not count. */
  readonly maxLineBytes: number
  /** Whether `line` also gets a copy of the bytes it was decoded from. */
  readonly keepEncoded?: boolean | undefined
}

const LINE_FEED = 0x0a
/** One for all: it keeps nothing from one call to the next. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Cuts bytes into lines of UTF-8, whatever the chunks they come in. Does no input or output.
 *
 * Complete lines of one chunk are decoded together. An unfinished line is collected apart, so that a line of n bytes
 * costs O(n) time and at most twice its bytes in memory, even when they come one at a time.
 */
export function createLineDecoder(handlers: LineHandlers, options: LineDecoderOptions): LineDecoder {
  const { maxLineBytes, keepEncoded = false } = options
  const held = createGrowingBytes(maxLineBytes)
  let isDiscarding = false
  let isStopped = false

  function push(chunk: Uint8Array): void {
    if (isStopped || chunk.length === 0) return
    let start = 0
    if (held.length > 0 || isDiscarding) {
      const end = chunk.indexOf(LINE_FEED)
      if (end === -1) {
        hold(chunk)
        return
      }
      finishHeld(chunk.subarray(0, end))
      start = end + 1
    }
    const end = isStopped ? 0 : chunk.lastIndexOf(LINE_FEED) + 1
    if (end > start) deliverLines(end - start === chunk.length ? chunk : chunk.subarray(start, end))
    if (end < chunk.length && !isStopped) hold(end > start ? chunk.subarray(end) : chunk.subarray(start))
  }

  /** `lines` ends with a line feed. */
  function deliverLines(lines: Uint8Array): void {
    if (lines.length > maxLineBytes || keepEncoded) {
      deliverEach(lines)
      return
    }
    let text: string
    try {
      text = utf8.decode(lines)
    } catch {
      deliverEach(lines)
      return
    }
    let start = 0
    while (start < text.length && !isStopped) {
      const end = text.indexOf('\n', start)
      if (end > start) handlers.line(text.slice(start, end), undefined)
      start = end + 1
    }
  }

  function deliverEach(lines: Uint8Array): void {
    let start = 0
    while (start < lines.length && !isStopped) {
      const end = lines.indexOf(LINE_FEED, start)
      deliver(lines.subarray(start, end))
      start = end + 1
    }
  }

  function deliver(line: Uint8Array): void {
    if (line.length === 0) return
    if (line.length > maxLineBytes) {
      handlers.oversize(line.length, line)
      return
    }
    const encoded = keepEncoded ? line.slice() : undefined
    const text = decoded(line)
    // Let go of before the line is parsed: the bytes of a long one would only crowd the heap meanwhile.
    held.clear()
    if (text !== undefined) handlers.line(text, encoded)
  }

  function decoded(line: Uint8Array): string | undefined {
    try {
      return utf8.decode(line)
    } catch {
      handlers.invalid(line)
      return undefined
    }
  }

  function hold(part: Uint8Array): void {
    if (isDiscarding) return
    const bytes = held.length + part.length
    if (bytes > maxLineBytes) {
      isDiscarding = true
      handlers.oversize(bytes, held.length > 0 ? held.view() : part)
      held.clear()
      return
    }
    held.append(part)
  }

  function finishHeld(rest: Uint8Array): void {
    if (isDiscarding) {
      isDiscarding = false
      return
    }
    hold(rest)
    if (isDiscarding) {
      isDiscarding = false
      return
    }
    deliver(held.view())
  }

  function end(): void {
    if (held.length > 0 && !isStopped) finishHeld(new Uint8Array(0))
  }

  function stop(): void {
    isStopped = true
    held.clear()
  }

  return new Decoder(held, push, end, stop)
}

// A class, as one is there for each connection: an object with an accessor of its own costs a hidden class each.
class Decoder implements LineDecoder {
  readonly push: LineDecoder['push']
  readonly end: LineDecoder['end']
  readonly stop: LineDecoder['stop']
  readonly #held: GrowingBytes

  constructor(
    held: GrowingBytes,
    push: LineDecoder['push'],
    end: LineDecoder['end'],
    stop: LineDecoder['stop'],
  ) {
    this.#held = held
    this.push = push
    this.end = end
    this.stop = stop
  }

  get heldBytes(): number {
    return this.#held.length
  }
}
