import { invalidOption, optionError } from '@mcpwire/core/authoring'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Addresses in a range, of one family. */
export interface AddressRange {
  readonly address: Address
  readonly prefixLength: number
}

const NEEDED = 'an IP address or a range in CIDR notation, such as "10.0.0.0/8" or "2001:db8::/32"'

/** The number of bits before an IPv4 address that is mapped into IPv6 (RFC 4291, section 2.5.5.2). */
const MAPPED_BITS = 96

/** The range in an option: an address, or an address and the length of the prefix. Throws `INVALID_OPTION`. */
export function parseRange(option: string, text: string): AddressRange {
  const [, base = '', length] = /^([^/]*)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const given = base.includes('%') ? undefined : parseStrictly(base)
  if (!given) invalidOption(option, text, NEEDED)
  const bits = given.kind() === 'ipv4' ? 32 : 128
  const givenLength = length === undefined ? bits : Number(length)
  if (givenLength > bits) invalidOption(option, text, NEEDED)
  const isMapped = bits === 128 && (given as ipaddr.IPv6).isIPv4MappedAddress()
  const address = isMapped && givenLength >= MAPPED_BITS ? toIpv4(given) : given
  const prefixLength = address === given ? givenLength : givenLength - MAPPED_BITS
  const network = networkOf(address, prefixLength)
  if (network.toString() !== address.toString()) {
    throw optionError(option, `has bits beyond the prefix: ${JSON.stringify(text)}`, {
      hint: `use "${network}/${prefixLength}" for the range, or "${address}" for the address`,
      received: text,
    })
  }
  return { address, prefixLength }
}

/** The address of a caller, as IPv4 where it is mapped into IPv6. `undefined` for a text that is none. */
export function parseAddress(text: string | undefined): Address | undefined {
  const address = text === undefined ? undefined : parseStrictly(text)
  if (address?.kind() !== 'ipv6') return address
  return (address as ipaddr.IPv6).isIPv4MappedAddress() ? toIpv4(address) : address
}

/** Whether the range contains the address. */
export function contains({ address, prefixLength }: AddressRange, given: Address): boolean {
  return (
    address.kind() === given.kind() &&
    (given.match as (range: [Address, number]) => boolean)([address, prefixLength])
  )
}

/** Not the short, octal and hexadecimal forms of IPv4, which programs read differently. A zone is ignored. */
function parseStrictly(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  const [, ipv6 = '', ipv4] = /^([\da-f:]*:(\d[\d.]*\.[\d.]*)?[\da-f:]*)(?:%\w+)?$/i.exec(text) ?? []
  if (!ipaddr.IPv6.isValid(ipv6) || (ipv4 !== undefined && !ipaddr.IPv4.isValidFourPartDecimal(ipv4)))
    return undefined
  return ipaddr.IPv6.parse(ipv6)
}

function toIpv4(address: Address): Address {
  return (address as ipaddr.IPv6).toIPv4Address()
}

/** The first address of the range. */
function networkOf(address: Address, prefixLength: number): Address {
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8))
    return byte & ~(0xff >> kept)
  })
  return ipaddr.fromByteArray(bytes)
}
