/** One way to make messages smaller, and back. */
export interface Compression {
  /** The name it is negotiated by: a content coding where one is registered (RFC 9110, section 8.4.1). */
  readonly name: string
  compress(bytes: Uint8Array): Uint8Array
  /** Throws `MESSAGE_TOO_LARGE` before more than `maxBytes` have been produced, `MALFORMED_MESSAGE` for other bad input. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
  /** As `compress`, away from the event loop, for large messages. */
  compressAsync?(bytes: Uint8Array): Promise<Uint8Array>
  /** As `decompress`, away from the event loop, for large messages. */
  decompressAsync?(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array>
}
