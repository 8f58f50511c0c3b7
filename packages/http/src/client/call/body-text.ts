const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Collects the text of one body, up to a limit. Throws where it is not UTF-8. */
export class BodyText {
  /** What has arrived so far, the part over the limit included. */
  bytes = 0
  readonly #maxBytes: number
  readonly #announcedBytes: number
  #decoder: TextDecoder | undefined
  #text = ''

  /** `announced` is the length the sender gave, if it gave one. */
  constructor(maxBytes: number, announced?: string | undefined) {
    this.#maxBytes = maxBytes
    this.#announcedBytes = announced === undefined ? Number.NaN : Number(announced)
    if (this.#announcedBytes > maxBytes) this.bytes = this.#announcedBytes
  }

  get isTooLong(): boolean {
    return this.bytes > this.#maxBytes
  }

  /** Adds what arrived, unless that is too much. */
  add(chunk: Uint8Array): void {
    this.bytes += chunk.length
    if (this.isTooLong) return
    // Longer than announced is what a platform has decompressed, of which this need not be all.
    if (this.bytes === this.#announcedBytes && chunk.length === this.bytes) {
      try {
        this.#text = utf8.decode(chunk)
        return
      } catch {
        // Of a character, perhaps, whose rest is in the next chunk.
      }
    }
    this.#decoder ??= new TextDecoder('utf-8', { fatal: true })
    this.#text += this.#decoder.decode(chunk, { stream: true })
  }

  /** All of it, once it has ended. */
  text(): string {
    return this.#decoder ? this.#text + this.#decoder.decode() : this.#text
  }
}
