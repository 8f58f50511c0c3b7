import type { ProxyHeader } from '@mcpwire/core/authoring'
import { parseAddress } from '../address-ranges.js'

// The PROXY protocol, versions 1 and 2, as specified by HAProxy (proxy-protocol.txt, 2020/03/05).

/** The longest header of version 1, with its line end (section 2.1). */
const MAX_V1_BYTES = 107
const V1_START = toBytes('PROXY ')
const V2_START = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
/** The signature, version, command, family and length. */
const V2_FIXED_BYTES = 16

const V1 =
  /^PROXY (TCP4|TCP6) ([\d.]+|[\da-fA-F:.]+) ([\d.]+|[\da-fA-F:.]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})\r\n$/
const V1_UNKNOWN = /^PROXY UNKNOWN(?: [ -~]*)?\r\n$/
const MAX_PORT = 65_535

/** In place of an address that the proxy does not know. No gate for addresses admits it. */
const unknown = Object.freeze({ address: 'unknown' })

const incomplete: ProxyHeader = { kind: 'incomplete' }

/** Reads a header of either version. */
export function readProxyHeader(start: Uint8Array, maxBytes: number): ProxyHeader {
  if (hasStart(start, V1_START)) return readVersion1(start)
  if (hasStart(start, V2_START)) return readVersion2(start, maxBytes)
  return malformed('a header of the PROXY protocol is required before the first byte of the caller')
}

/** Whether the bytes are the beginning of the signature, or begin with it. */
function hasStart(bytes: Uint8Array, signature: Uint8Array): boolean {
  const length = Math.min(bytes.length, signature.length)
  for (let at = 0; at < length; at++) if (bytes[at] !== signature[at]) return false
  return true
}

function readVersion1(start: Uint8Array): ProxyHeader {
  const end = start.subarray(0, MAX_V1_BYTES).indexOf(0x0a)
  if (end < 0) {
    if (start.length >= MAX_V1_BYTES) return malformed('its line is too long')
    return isPrintable(start) ? incomplete : malformed('its line has invalid characters')
  }
  const line = String.fromCharCode(...start.subarray(0, end + 1))
  const length = end + 1
  if (V1_UNKNOWN.test(line)) return { kind: 'complete', length, remote: unknown }
  const [, family, source = '', destination = '', sourcePort, destinationPort] = V1.exec(line) ?? []
  if (family === undefined) return malformed('its line is invalid')
  const isIpv6 = family === 'TCP6'
  const address = parseAddress(source)
  if (
    !address ||
    !parseAddress(destination) ||
    source.includes(':') !== isIpv6 ||
    destination.includes(':') !== isIpv6
  )
    return malformed('an address is invalid')
  const port = Number(sourcePort)
  if (port > MAX_PORT || Number(destinationPort) > MAX_PORT) return malformed('a port is invalid')
  return { kind: 'complete', length, remote: { address: address.toString(), port } }
}

/** Printable ASCII, with a carriage return at the end at most. */
function isPrintable(bytes: Uint8Array): boolean {
  return bytes.every(
    (byte, at) => (byte >= 0x20 && byte <= 0x7e) || (byte === 0x0d && at === bytes.length - 1),
  )
}

const LOCAL = 0
const PROXY = 1
const STREAM = 1

/** The families of addresses, by their number, with the bytes of both ends and ports (section 2.2). */
const FAMILIES: readonly { readonly name: 'none' | 'ipv4' | 'ipv6' | 'unix'; readonly bytes: number }[] = [
  { name: 'none', bytes: 0 },
  { name: 'ipv4', bytes: 12 },
  { name: 'ipv6', bytes: 36 },
  { name: 'unix', bytes: 216 },
]

function readVersion2(start: Uint8Array, maxBytes: number): ProxyHeader {
  const [versionAndCommand, familyAndTransport] = start.subarray(12, 14)
  if (versionAndCommand === undefined) return incomplete
  const command = versionAndCommand & 0x0f
  if (versionAndCommand >> 4 !== 2) return malformed('its version is not 2')
  if (command !== LOCAL && command !== PROXY) return malformed('its command is unknown')
  if (familyAndTransport === undefined) return incomplete
  const family = FAMILIES[familyAndTransport >> 4]
  const transport = familyAndTransport & 0x0f
  if (!family || transport > 2) return malformed('its family is unknown')
  if (start.length < V2_FIXED_BYTES) return incomplete
  const length = V2_FIXED_BYTES + uint16(start, 14)
  if (length > maxBytes) return malformed('it is too long')
  const isAddressed = command === PROXY && family.name !== 'none' && transport !== 0
  // A connection over TCP is a stream.
  if (isAddressed && transport !== STREAM) return malformed('its transport is not a stream')
  const addressBytes = command === LOCAL && length < V2_FIXED_BYTES + family.bytes ? 0 : family.bytes
  if (length < V2_FIXED_BYTES + addressBytes) return malformed('its addresses are cut off')
  if (start.length < length) return incomplete
  const header = start.subarray(0, length)
  const fault = extensionFault(header, V2_FIXED_BYTES + addressBytes)
  if (fault !== undefined) return malformed(fault)
  if (command === LOCAL) return { kind: 'complete', length, remote: undefined }
  return { kind: 'complete', length, remote: isAddressed ? remoteIn(header, family.name) : unknown }
}

function remoteIn(header: Uint8Array, family: string): { readonly address: string; readonly port?: number } {
  if (family === 'unix') return unknown
  const isIpv4 = family === 'ipv4'
  const bytes = header.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + (isIpv4 ? 4 : 16))
  const text = isIpv4 ? bytes.join('.') : groupsOf(bytes)
  const address = parseAddress(text)?.toString() ?? unknown.address
  return { address, port: uint16(header, V2_FIXED_BYTES + (isIpv4 ? 8 : 32)) }
}

function groupsOf(bytes: Uint8Array): string {
  const groups: string[] = []
  for (let at = 0; at < bytes.length; at += 2) groups.push(uint16(bytes, at).toString(16))
  return groups.join(':')
}

const CRC32C_TYPE = 0x03
const CRC32C_BYTES = 4
const EXTENSION_BYTES = 3

/** The fault of the extensions (TLVs), which are otherwise ignored. A checksum must be right (section 2.2.3). */
function extensionFault(header: Uint8Array, first: number): string | undefined {
  for (let at = first; at < header.length; ) {
    if (at + EXTENSION_BYTES > header.length) return 'an extension is cut off'
    const start = at + EXTENSION_BYTES
    const end = start + uint16(header, at + 1)
    if (end > header.length) return 'an extension is cut off'
    if (header[at] === CRC32C_TYPE) {
      if (end - start !== CRC32C_BYTES) return 'its checksum is malformed'
      const expected = ((uint16(header, start) << 16) | uint16(header, start + 2)) >>> 0
      const zeroed = header.slice().fill(0, start, end)
      if (crc32c(zeroed) !== expected) return 'its checksum is wrong'
    }
    at = end
  }
  return undefined
}

/** The polynomial of CRC-32C, bits reversed (RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  }
  return (crc ^ 0xffff_ffff) >>> 0
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

function toBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function malformed(reason: string): ProxyHeader {
  return { kind: 'malformed', reason: `the header of the PROXY protocol: ${reason}` }
}
