// Without state: one that decodes a stream costs a converter of the platform each.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

const BYTE_ORDER_MARK = 0xfeff
const MOST_TRAILING = 3

/** Decodes text that arrives in pieces, which may cut a character anywhere. */
export class Utf8Chunks {
  /** The start of a character whose rest is yet to come. */
  #started: Uint8Array | undefined
  #isFirst = true

  /** Begins another text. */
  reset(): void {
    this.#started = undefined
    this.#isFirst = true
  }

  decode(chunk: Uint8Array): string {
    const bytes = this.#started ? joined(this.#started, chunk) : chunk
    const cut = bytes.length - startedAtEnd(bytes)
    // A copy: whoever gave the bytes may use them again.
    this.#started = cut === bytes.length ? undefined : bytes.slice(cut)
    const text = utf8.decode(cut === bytes.length ? bytes : bytes.subarray(0, cut))
    if (!this.#isFirst || text === '') return text
    this.#isFirst = false
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
  }
}

/** How many bytes at the end are the start of a character that is longer. */
function startedAtEnd(bytes: Uint8Array): number {
  const { length } = bytes
  for (let back = 1; back <= MOST_TRAILING && back <= length; back++) {
    const byte = bytes[length - back] as number
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < lengthOf(byte) ? back : 0
  }
  return 0
}

/** How long the character is that begins with this byte. */
function lengthOf(lead: number): number {
  if (lead >= 0xf0) return 4
  return lead >= 0xe0 ? 3 : 2
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
