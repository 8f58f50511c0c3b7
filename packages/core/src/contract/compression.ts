/** One compression algorithm. */
export interface Compression {
  /** The name in the negotiation: the registered content coding, where there is one (RFC 9110, section 8.4.1). */
  readonly name: string
  compress(bytes: Uint8Array): Uint8Array
  /** Throws `MESSAGE_TOO_LARGE` before the output exceeds `maxBytes`, and `MALFORMED_MESSAGE` for other bad input. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
  /** The same as `compress`, outside the event loop, for large messages. */
  compressAsync?(bytes: Uint8Array): Promise<Uint8Array>
  /** The same as `decompress`, outside the event loop, for large messages. */
  decompressAsync?(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array>
}
