import type { Gate } from '@mcpwire/core'
import { boolean, defaultsOf, type OptionDefaults, options } from '@mcpwire/core/authoring'
import { headerOf, refusal } from './handshake-headers.js'
import { matchesOrigin, parseOrigin, parseOriginPattern } from './origin-pattern.js'
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
    parseOriginPattern(`origins[${index}]`, origin),
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
      if (!patterns.some((pattern) => matchesOrigin(pattern, origin)))
        return refusal(403, `the origin ${text.toLowerCase()} is not allowed`)
      lastAdmitted = text
      return { admit: true }
    },
  }
}
