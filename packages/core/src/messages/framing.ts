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
  return new Decoder(handlers, options)
}

// A class that makes its store when it needs one: there is one for each connection, and most are idle.
class Decoder implements LineDecoder {
  readonly #handlers: LineHandlers
  readonly #maxLineBytes: number
  readonly #keepEncoded: boolean
  #held: GrowingBytes | undefined
  #isDiscarding = false
  #isStopped = false

  constructor(handlers: LineHandlers, { maxLineBytes, keepEncoded = false }: LineDecoderOptions) {
    this.#handlers = handlers
    this.#maxLineBytes = maxLineBytes
    this.#keepEncoded = keepEncoded
  }

  get heldBytes(): number {
    return this.#held?.length ?? 0
  }

  push(chunk: Uint8Array): void {
    if (this.#isStopped || chunk.length === 0) return
    let start = 0
    if (this.heldBytes > 0 || this.#isDiscarding) {
      const end = chunk.indexOf(LINE_FEED)
      if (end === -1) {
        this.#hold(chunk)
        return
      }
      this.#finishHeld(chunk.subarray(0, end))
      start = end + 1
    }
    const end = this.#isStopped ? 0 : chunk.lastIndexOf(LINE_FEED) + 1
    if (end > start) this.#deliverLines(end - start === chunk.length ? chunk : chunk.subarray(start, end))
    if (end < chunk.length && !this.#isStopped) this.#hold(chunk.subarray(Math.max(start, end)))
  }

  end(): void {
    if (this.heldBytes > 0 && !this.#isStopped) this.#finishHeld(new Uint8Array(0))
  }

  stop(): void {
    this.#isStopped = true
    this.#held?.clear()
  }

  /** `lines` ends with a line feed. */
  #deliverLines(lines: Uint8Array): void {
    if (lines.length > this.#maxLineBytes || this.#keepEncoded) {
      this.#deliverEach(lines)
      return
    }
    let text: string
    try {
      text = utf8.decode(lines)
    } catch {
      this.#deliverEach(lines)
      return
    }
    let start = 0
    while (start < text.length && !this.#isStopped) {
      const end = text.indexOf('\n', start)
      if (end > start) this.#handlers.line(text.slice(start, end), undefined)
      start = end + 1
    }
  }

  #deliverEach(lines: Uint8Array): void {
    let start = 0
    while (start < lines.length && !this.#isStopped) {
      const end = lines.indexOf(LINE_FEED, start)
      this.#deliver(lines.subarray(start, end))
      start = end + 1
    }
  }

  #deliver(line: Uint8Array): void {
    if (line.length === 0) return
    if (line.length > this.#maxLineBytes) {
      this.#handlers.oversize(line.length, line)
      return
    }
    // Not by `slice`, which for a Buffer is a view.
    const encoded = this.#keepEncoded ? new Uint8Array(line) : undefined
    const text = this.#decoded(line)
    // Let go of before the line is parsed: the bytes of a long one would only crowd the heap meanwhile.
    this.#held?.clear()
    if (text !== undefined) this.#handlers.line(text, encoded)
  }

  #decoded(line: Uint8Array): string | undefined {
    try {
      return utf8.decode(line)
    } catch {
      this.#handlers.invalid(line)
      return undefined
    }
  }

  #hold(part: Uint8Array): void {
    if (this.#isDiscarding) return
    const bytes = this.heldBytes + part.length
    if (bytes > this.#maxLineBytes) {
      this.#isDiscarding = true
      this.#handlers.oversize(bytes, this.#held && this.heldBytes > 0 ? this.#held.view() : part)
      this.#held?.clear()
      return
    }
    this.#held ??= createGrowingBytes(this.#maxLineBytes)
    this.#held.append(part)
  }

  #finishHeld(rest: Uint8Array): void {
    if (!this.#isDiscarding) this.#hold(rest)
    if (this.#isDiscarding) this.#isDiscarding = false
    else if (this.#held) this.#deliver(this.#held.view())
  }
}
