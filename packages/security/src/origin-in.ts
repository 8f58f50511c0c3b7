import type { Gate } from '@mcpwire/core'
import { boolean, defaultsOf, invalidOption, type OptionDefaults, options } from '@mcpwire/core/authoring'
import { headerOf, refusal } from './handshake-headers.js'
import {
  type HostAndPort,
  type HostPattern,
  matchesName,
  parseHost,
  parseHostPattern,
} from './host-pattern.js'
import { requireList } from './string-lists.js'

/** Options of `originIn`. */
export interface OriginInOptions {
  /**
   * Whether callers without an `Origin` header are refused. Only pages send one: other programs then need it too.
   * @defaultValue false
   */
  requireOrigin?: boolean | undefined
}

const table = options<OriginInOptions>({ requireOrigin: boolean(false) })

/** Defaults of the options of `originIn`. */
export const originInDefaults: OptionDefaults<OriginInOptions> = /* @__PURE__ */ defaultsOf(table)

const NEEDED = 'an origin without a path, such as "https://app.example.com" or "https://*.example.com"'

/** A scheme and the rest (RFC 6454, section 6.2). */
const ORIGIN = /^([a-z][a-z\d+.-]*):\/\/(.+)$/is

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
])

/**
 * Makes a gate that admits pages of these origins, and callers without an `Origin`, which are no pages. Others get 403, as
 * MCP requires.
 *
 * An origin is compared by its parts: scheme, host and port must be the same. A default port can be left out.
 * `https://*.example.com` stands for all hosts below `example.com`, not for `example.com` itself. The origin `null` of
 * sandboxed pages and files is always refused, and so is a host with a trailing dot or a user.
 *
 * @param origins the origins, at least one; letters beyond ASCII in a host become Punycode
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const gate = originIn(['https://app.example.com', 'http://localhost:5173'])
 * ```
 */
export function originIn(origins: readonly string[], given: OriginInOptions = {}): Gate {
  const { requireOrigin } = table.read(given)
  const patterns = requireList('origins', origins).map((origin, index) =>
    parsePattern(`origins[${index}]`, origin),
  )
  /** Most callers of a server are the same few pages. */
  let lastAdmitted: string | undefined
  return {
    admit(handshake) {
      const text = headerOf(handshake, 'origin')
      if (text === undefined)
        return requireOrigin ? refusal(403, 'an Origin header is required') : { admit: true }
      if (text === lastAdmitted) return { admit: true }
      if (text === 'null') return refusal(403, 'the origin "null" is not allowed')
      const origin = parseOrigin(text)
      if (!origin) return refusal(403, 'the Origin header is malformed')
      if (!patterns.some((pattern) => matches(pattern, origin)))
        return refusal(403, `the origin ${text.toLowerCase()} is not allowed`)
      lastAdmitted = text
      return { admit: true }
    },
  }
}

interface Origin extends HostAndPort {
  readonly scheme: string
}

interface OriginPattern extends HostPattern {
  readonly scheme: string
}

function parseOrigin(text: string): Origin | undefined {
  const [, scheme, rest] = ORIGIN.exec(text) ?? []
  const host = rest === undefined ? undefined : parseHost(rest)
  return scheme === undefined || !host ? undefined : withScheme(scheme, host)
}

function parsePattern(option: string, text: string): OriginPattern {
  const [, scheme, rest] = ORIGIN.exec(text) ?? []
  if (scheme === undefined || rest === undefined) invalidOption(option, text, NEEDED)
  return withScheme(scheme, parseHostPattern(option, rest, text, NEEDED))
}

function withScheme<T extends HostAndPort>(given: string, host: T): T & { readonly scheme: string } {
  const scheme = given.toLowerCase()
  return { ...host, scheme, port: host.port ?? DEFAULT_PORTS.get(scheme) }
}

function matches(pattern: OriginPattern, { scheme, name, port }: Origin): boolean {
  return pattern.scheme === scheme && pattern.port === port && matchesName(pattern, name)
}
