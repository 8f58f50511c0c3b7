import { createGrowingBytes, type GrowingBytes } from './growing-bytes.js'

/** The callbacks of a line decoder. */
export interface LineHandlers {
  /** One line, without its line feed. */
  readonly line: (text: string, encoded: Uint8Array | undefined) => void
  /** A line that is not valid UTF-8. */
  readonly invalid: (encoded: Uint8Array) => void
  /** A line longer than `maxLineBytes`. Called once, after `bytes` of it. The rest of the line is discarded. */
  readonly oversize: (bytes: number, start: Uint8Array) => void
  /** The end of a line that was reported as `oversize`: at most its last 1024 bytes. Valid during the call only. */
  readonly discarded?: ((end: Uint8Array) => void) | undefined
}

/** Splits a byte stream into lines. */
export interface LineDecoder {
  /** Processes the next bytes. Copies what it keeps, so that the caller can reuse the array. */
  push(chunk: Uint8Array): void
  /** Ends the stream. A last line without a line feed is delivered. */
  end(): void
  /** Stops the delivery and releases the buffer. */
  stop(): void
  /** The number of buffered bytes of an incomplete line. At most `maxLineBytes`. */
  readonly bufferedBytes: number
}

/** Options of a line decoder. */
export interface LineDecoderOptions {
  /** Longest line, without its line feed, in bytes. A longer one is reported as `oversize` and not buffered. */
  readonly maxLineBytes: number
  /** Whether `line` also gets a copy of the bytes it was decoded from. */
  readonly keepEncoded?: boolean | undefined
}

const LINE_FEED = 0x0a
/** The part of an oversize line that is kept until its end. */
const KEPT_END_BYTES = 1024
const NO_BYTES = new Uint8Array(0)
/** One for all decoders: it has no state between calls. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Makes a decoder that splits bytes into lines of UTF-8, for any chunk sizes. It does no input or output.
 *
 * The complete lines of a chunk are decoded together. An incomplete line is buffered separately: a line of n bytes
 * needs O(n) time and at most twice its bytes in memory, even when they arrive one at a time.
 *
 * @example
 * ```ts
 * const decoder = createLineDecoder(
 *   { line: (text) => reader.text(text), invalid: () => {}, oversize: () => {} },
 *   { maxLineBytes: 1_048_576 },
 * )
 * socket.on('data', (chunk) => decoder.push(chunk))
 * ```
 */
export function createLineDecoder(handlers: LineHandlers, options: LineDecoderOptions): LineDecoder {
  return new Decoder(handlers, options)
}

// A class that creates its buffer on demand: each connection has a decoder, and most are idle.
class Decoder implements LineDecoder {
  readonly #handlers: LineHandlers
  readonly #maxLineBytes: number
  readonly #keepEncoded: boolean
  #buffer: GrowingBytes | undefined
  #isDiscarding = false
  /** The end of the line that is being discarded. */
  #end: Uint8Array | undefined
  #isStopped = false

  constructor(handlers: LineHandlers, { maxLineBytes, keepEncoded = false }: LineDecoderOptions) {
    this.#handlers = handlers
    this.#maxLineBytes = maxLineBytes
    this.#keepEncoded = keepEncoded
  }

  get bufferedBytes(): number {
    return this.#buffer?.length ?? 0
  }

  push(chunk: Uint8Array): void {
    if (this.#isStopped || chunk.length === 0) return
    let start = 0
    if (this.bufferedBytes > 0 || this.#isDiscarding) {
      const end = chunk.indexOf(LINE_FEED)
      if (end === -1) {
        this.#append(chunk)
        return
      }
      this.#finishLine(chunk.subarray(0, end))
      start = end + 1
    }
    const end = this.#isStopped ? 0 : chunk.lastIndexOf(LINE_FEED) + 1
    if (end > start) this.#deliverLines(end - start === chunk.length ? chunk : chunk.subarray(start, end))
    if (end < chunk.length && !this.#isStopped) this.#append(chunk.subarray(Math.max(start, end)))
  }

  end(): void {
    if (this.bufferedBytes > 0 && !this.#isStopped) this.#finishLine(NO_BYTES)
  }

  stop(): void {
    this.#isStopped = true
    this.#buffer?.clear()
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
      if (!this.#isStopped) this.#handlers.discarded?.(line.subarray(-KEPT_END_BYTES))
      return
    }
    // Not by `slice`, which for a Buffer is a view.
    const encoded = this.#keepEncoded ? new Uint8Array(line) : undefined
    const text = this.#decoded(line)
    // Released before the line is parsed, so that a long line is not in memory twice.
    this.#buffer?.clear()
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

  #append(part: Uint8Array): void {
    if (this.#isDiscarding) {
      this.#keepEnd(part)
      return
    }
    const bytes = this.bufferedBytes + part.length
    if (bytes > this.#maxLineBytes) {
      this.#isDiscarding = true
      const start = this.#buffer && this.bufferedBytes > 0 ? this.#buffer.view() : part
      if (start !== part) this.#keepEnd(start)
      this.#keepEnd(part)
      this.#handlers.oversize(bytes, start)
      this.#buffer?.clear()
      return
    }
    this.#buffer ??= createGrowingBytes(this.#maxLineBytes)
    this.#buffer.append(part)
  }

  #finishLine(rest: Uint8Array): void {
    this.#append(rest)
    if (!this.#isDiscarding) {
      if (this.#buffer) this.#deliver(this.#buffer.view())
      return
    }
    const end = this.#end
    this.#isDiscarding = false
    this.#end = undefined
    if (end && !this.#isStopped) this.#handlers.discarded?.(end)
  }

  #keepEnd(part: Uint8Array): void {
    if (!this.#handlers.discarded) return
    const last = part.subarray(-KEPT_END_BYTES)
    const before = this.#end ?? NO_BYTES
    const kept = before.subarray(Math.max(before.length + last.length - KEPT_END_BYTES, 0))
    const end = new Uint8Array(kept.length + last.length)
    end.set(kept)
    end.set(last, kept.length)
    this.#end = end
  }
}
