import { invalidOption } from '@mcpwire/core/authoring'
import {
  type HostAndPort,
  type HostPattern,
  matchesName,
  parseHost,
  parseHostPattern,
} from './host-pattern.js'

/** An origin that a caller has sent, in normal form. */
export interface Origin extends HostAndPort {
  readonly scheme: string
}

/** A pattern for origins. */
export interface OriginPattern extends HostPattern {
  readonly scheme: string
}

const NEEDED = 'an origin without a path, such as "https://app.example.com" or "https://*.example.com"'

/** A scheme and the rest (RFC 6454, section 6.2). */
const ORIGIN = /^([a-z][a-z\d+.-]*):\/\/(.+)$/is

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
])

/** The origin that a caller has sent. `undefined` for a text that is none, such as `null`. */
export function parseOrigin(text: string): Origin | undefined {
  const [, scheme, rest] = ORIGIN.exec(text) ?? []
  const host = rest === undefined ? undefined : parseHost(rest)
  return scheme === undefined || !host ? undefined : withScheme(scheme, host)
}

/** The pattern in an option. Throws `INVALID_OPTION` for a text that is none. */
export function parseOriginPattern(option: string, text: string): OriginPattern {
  const [, scheme, rest] = ORIGIN.exec(text) ?? []
  if (scheme === undefined || rest === undefined) invalidOption(option, text, NEEDED)
  return withScheme(scheme, parseHostPattern(option, rest, text, NEEDED))
}

/** Whether the origin has the scheme, the host and the port of the pattern. */
export function matchesOrigin(pattern: OriginPattern, { scheme, name, port }: Origin): boolean {
  return pattern.scheme === scheme && pattern.port === port && matchesName(pattern, name)
}

function withScheme<T extends HostAndPort>(given: string, host: T): T & { readonly scheme: string } {
  const scheme = given.toLowerCase()
  return { ...host, scheme, port: host.port ?? DEFAULT_PORTS.get(scheme) }
}
