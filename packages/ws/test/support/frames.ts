/** The fields of a frame (RFC 6455, section 5.2). */
export interface FrameParts {
  readonly opcode?: number
  readonly isFinal?: boolean
  readonly rsv?: number
  readonly isMasked?: boolean
  /** The length in the header, where it differs from that of the payload. */
  readonly announcedBytes?: number
}

export const CONTINUATION = 0
export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

/** A frame as bytes. The mask is zero, so that the payload stays readable. */
export function frame(payload: Uint8Array | string, parts: FrameParts = {}): Buffer {
  const { opcode = TEXT, isFinal = true, rsv = 0, isMasked = true } = parts
  const body = Buffer.from(payload as string)
  const { announcedBytes = body.length } = parts
  const mask = isMasked ? 0x80 : 0
  const head = [(isFinal ? 0x80 : 0) | (rsv << 4) | opcode]
  if (announcedBytes < 126) head.push(mask | announcedBytes)
  else if (announcedBytes < 65_536) head.push(mask | 126, announcedBytes >> 8, announcedBytes & 0xff)
  else {
    const length = Buffer.alloc(8)
    length.writeBigUInt64BE(BigInt(announcedBytes))
    head.push(mask | 127, ...length)
  }
  return Buffer.concat([Buffer.from(head), Buffer.alloc(isMasked ? 4 : 0), body])
}

/** A close frame. */
export function closeFrame(code: number, reason = '', isMasked = true): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason))
  payload.writeUInt16BE(code)
  payload.write(reason, 2)
  return frame(payload, { opcode: CLOSE, isMasked })
}

/** A received frame. */
export interface ReadFrame {
  readonly opcode: number
  readonly isFinal: boolean
  readonly payload: Buffer
}

/** Parses complete, unmasked frames at the start of the bytes. */
export function readFrames(bytes: Buffer): { frames: ReadFrame[]; rest: Buffer } {
  const frames: ReadFrame[] = []
  let at = 0
  while (bytes.length - at >= 2) {
    const first = bytes.readUInt8(at)
    let length = bytes.readUInt8(at + 1) & 0x7f
    let start = at + 2
    if (length === 126 && bytes.length - at >= 4) {
      length = bytes.readUInt16BE(at + 2)
      start += 2
    } else if (length === 127 && bytes.length - at >= 10) {
      length = Number(bytes.readBigUInt64BE(at + 2))
      start += 8
    } else if (length >= 126) break
    if (bytes.length < start + length) break
    const payload = bytes.subarray(start, start + length)
    frames.push({ opcode: first & 0x0f, isFinal: first >= 0x80, payload })
    at = start + length
  }
  return { frames, rest: bytes.subarray(at) }
}
