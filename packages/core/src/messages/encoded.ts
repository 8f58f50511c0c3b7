const encodings = new WeakMap<object, Uint8Array>()

/**
 * The bytes a received message came as, where its transport was asked to keep them (`keepEncoded`).
 * They belong to that very object: a copy of the message has none. Do not change them.
 */
export function encodedOf(message: object): Uint8Array | undefined {
  return encodings.get(message)
}

/** Notes the bytes a message came as. For channels that were asked to keep them. */
export function rememberEncoded(message: object, encoded: Uint8Array): void {
  encodings.set(message, encoded)
}
