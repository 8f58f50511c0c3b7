import { randomFillSync } from 'node:crypto'

/** A text with its length in UTF-8. */
export interface Text {
  readonly text: string
  readonly bytes: number
}

/** Longest header of a frame (RFC 6455, section 5.2). */
export const MAX_HEADER_BYTES = 14

const FINAL_TEXT = 0x81
const MASKED = 0x80
const MASK_BYTES = 4

/** Encodes text frames into one buffer. Those of a client are masked (RFC 6455, sections 5.2 and 5.3). */
export function textFrames(texts: readonly Text[], isMasked: boolean): Buffer {
  const maskBytes = isMasked ? MASK_BYTES : 0
  let length = 0
  for (const { bytes } of texts) length += headerBytes(bytes) + maskBytes + bytes
  const buffer = Buffer.allocUnsafe(length)
  let at = 0
  for (const { text, bytes } of texts) {
    at = writeLength(buffer, at, bytes, isMasked ? MASKED : 0)
    const maskAt = at
    at += maskBytes
    buffer.write(text, at, bytes, 'utf8')
    if (isMasked) mask(buffer, maskAt, bytes)
    at += bytes
  }
  return buffer
}

/** Bytes of the header in front of the mask. */
function headerBytes(bytes: number): number {
  if (bytes < 126) return 2
  return bytes < 65_536 ? 4 : 10
}

function writeLength(buffer: Buffer, at: number, bytes: number, masked: number): number {
  buffer[at] = FINAL_TEXT
  if (bytes < 126) {
    buffer[at + 1] = masked | bytes
    return at + 2
  }
  if (bytes < 65_536) {
    buffer[at + 1] = masked | 126
    buffer[at + 2] = bytes >>> 8
    buffer[at + 3] = bytes & 0xff
    return at + 4
  }
  buffer[at + 1] = masked | 127
  buffer.writeUIntBE(0, at + 2, 2)
  buffer.writeUIntBE(bytes, at + 4, 6)
  return at + 10
}

/** Unpredictable masking keys, generated in batches. */
const keys = Buffer.alloc(8_192)
let nextKey = keys.length

function mask(buffer: Buffer, maskAt: number, bytes: number): void {
  if (nextKey === keys.length) {
    randomFillSync(keys)
    nextKey = 0
  }
  const a = keys[nextKey] as number
  const b = keys[nextKey + 1] as number
  const c = keys[nextKey + 2] as number
  const d = keys[nextKey + 3] as number
  nextKey += MASK_BYTES
  buffer[maskAt] = a
  buffer[maskAt + 1] = b
  buffer[maskAt + 2] = c
  buffer[maskAt + 3] = d
  let at = maskAt + MASK_BYTES
  const end = at + bytes
  const wordsEnd = end - (bytes & 3)
  while (at < wordsEnd) {
    ;(buffer[at] as number) ^= a
    ;(buffer[at + 1] as number) ^= b
    ;(buffer[at + 2] as number) ^= c
    ;(buffer[at + 3] as number) ^= d
    at += 4
  }
  if (at < end) (buffer[at] as number) ^= a
  if (at + 1 < end) (buffer[at + 1] as number) ^= b
  if (at + 2 < end) (buffer[at + 2] as number) ^= c
}
