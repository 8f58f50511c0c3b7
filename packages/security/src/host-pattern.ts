import { invalidOption } from '@mcpwire/core/authoring'

/** A host and its port, in normal form: lower case, Punycode, compressed IPv6 in brackets. */
export interface HostAndPort {
  readonly name: string
  readonly port: number | undefined
}

/** A pattern for hosts. */
export interface HostPattern extends HostAndPort {
  /** Whether the name is a suffix, before which at least one label is required. */
  readonly isWildcard: boolean
}

/** Labels of ASCII without a trailing dot, or an IPv6 address in brackets; then a port. No user, path or blank. */
const HOST = /^(?:([a-z\d_-]+(?:\.[a-z\d_-]+)*)|(\[[\da-f:.]+\]))(?::(0|[1-9]\d{0,4}))?$/i

/** The longest name in the DNS, in characters (RFC 1035, section 2.3.4). */
const MAX_NAME_LENGTH = 253
const MAX_PORT = 65_535
const WILDCARD = '*.'

/** The host that a caller has sent. `undefined` for a text that is no host, or that only a lenient parser accepts. */
export function parseHost(text: string): HostAndPort | undefined {
  const [, label, ipv6, digits] = HOST.exec(text) ?? []
  const given = (label ?? ipv6)?.toLowerCase()
  if (given === undefined || given.length > MAX_NAME_LENGTH) return undefined
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && port > MAX_PORT) return undefined
  const name = hostnameOf(given)
  // The URL parser turns 0x7f.1 and 2130706433 into 127.0.0.1. No client sends a Host in such a form.
  if (name === undefined || (label !== undefined && name !== given)) return undefined
  return { name, port }
}

/**
 * The pattern in an option: a host, or `*.` and a host, with a port or without. Letters beyond ASCII become Punycode.
 * Throws `INVALID_OPTION` for a text that is no such pattern.
 */
export function parseHostPattern(
  option: string,
  text: string,
  received: string,
  needed: string,
): HostPattern {
  const isWildcard = text.startsWith(WILDCARD)
  const [, host = '', port = ''] =
    /^(.*?)(:\d+)?$/s.exec(isWildcard ? text.slice(WILDCARD.length) : text) ?? []
  const parsed = parseHost(`${toAscii(host)}${port}`)
  if (!parsed || (isWildcard && isAddress(parsed.name))) invalidOption(option, received, needed)
  return { ...parsed, isWildcard }
}

/** Whether the name of a host is the one of the pattern, or below it. The port is not compared. */
export function matchesName({ name, isWildcard }: HostPattern, given: string): boolean {
  return isWildcard ? given.endsWith(`.${name}`) && !isAddress(given) : given === name
}

function toAscii(host: string): string {
  // Only letters beyond ASCII are converted: all else must be valid as it is.
  return /\P{ASCII}/u.test(host) && !/[\s/?#@:\\%[\]]/.test(host) ? (hostnameOf(host) ?? '') : host
}

function isAddress(name: string): boolean {
  return name.startsWith('[') || /^[\d.]+$/.test(name)
}

function hostnameOf(host: string): string | undefined {
  try {
    return new URL(`http://${host}`).hostname
  } catch {
    return undefined
  }
}
