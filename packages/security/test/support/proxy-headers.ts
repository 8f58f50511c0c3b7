/** The signature of version 2. */
export const SIGNATURE: Buffer = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

/** A header of version 2 from its parts. */
export function version2(
  versionAndCommand: number,
  family: number,
  content: Uint8Array = Buffer.alloc(0),
  length = content.length,
): Buffer {
  return Buffer.concat([
    SIGNATURE,
    Buffer.of(versionAndCommand, family, (length >> 8) & 0xff, length & 0xff),
    content,
  ])
}

/** The addresses and ports of an IPv4 connection. */
export function ipv4Ends(source: string, sourcePort: number): Buffer {
  const ends = Buffer.alloc(12)
  ends.set(source.split('.').map(Number), 0)
  ends.set([10, 0, 0, 1], 4)
  ends.writeUInt16BE(sourcePort, 8)
  ends.writeUInt16BE(7_000, 10)
  return ends
}

/** The addresses and ports of an IPv6 connection. */
export function ipv6Ends(source: readonly number[], sourcePort: number): Buffer {
  const ends = Buffer.alloc(36)
  for (const [index, group] of source.entries()) ends.writeUInt16BE(group, index * 2)
  ends.writeUInt16BE(sourcePort, 32)
  return ends
}

/** An extension. */
export function extension(type: number, value: Uint8Array, length = value.length): Buffer {
  return Buffer.concat([Buffer.of(type, (length >> 8) & 0xff, length & 0xff), value])
}
