import type { Gate, Handshake } from '@mcpwire/core'
import { refusal } from './handshake-headers.js'
import {
  type HostAndPort,
  type HostPattern,
  matchesName,
  parseHost,
  parseHostPattern,
} from './host-pattern.js'
import { requireList } from './string-lists.js'

const NEEDED = 'a host without scheme and path, such as "mcp.example.com", "*.example.com" or "[::1]:8080"'

/** The media whose callers name a host. */
const MEDIA_WITH_HOST: readonly string[] = ['http', 'ws']

const DEFAULT_PORTS: ReadonlyMap<string | undefined, number> = new Map([
  ['http', 80],
  ['ws', 80],
  ['https', 443],
  ['wss', 443],
])

/**
 * Makes a gate that admits callers that name one of these hosts in `Host`. It protects from DNS rebinding, where a page of
 * another site reaches this server under the name of that site.
 *
 * A host without a port stands for all its ports. `*.example.com` stands for all hosts below `example.com`, not for
 * `example.com` itself. Another host gets 421 (Misdirected Request, RFC 9110, section 15.5.20), a missing or malformed one
 * 400. A host with a trailing dot or a user is malformed. Callers over TCP and Unix sockets name no host: they get 403.
 *
 * @param hosts the hosts, at least one; letters beyond ASCII become Punycode
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const gate = hostIn(['mcp.example.com', 'localhost:8080'])
 * ```
 */
export function hostIn(hosts: readonly string[]): Gate {
  const patterns = requireList('hosts', hosts).map((host, index) =>
    parseHostPattern(`hosts[${index}]`, host, host, NEEDED),
  )
  return {
    admit(handshake) {
      const { medium, host } = handshake
      if (host === undefined) {
        return MEDIA_WITH_HOST.includes(medium)
          ? refusal(400, 'the Host header is missing')
          : refusal(403, `hostIn() requires HTTP or WebSocket: callers over ${medium} name no host`)
      }
      const parsed = parseHost(host)
      if (!parsed) return refusal(400, 'the Host header is malformed')
      if (patterns.some((pattern) => matches(pattern, parsed, handshake))) return { admit: true }
      return refusal(421, `this server is not responsible for the host ${host.toLowerCase()}`)
    },
  }
}

function matches(pattern: HostPattern, { name, port }: HostAndPort, { scheme }: Handshake): boolean {
  const isPort = pattern.port === undefined || pattern.port === (port ?? DEFAULT_PORTS.get(scheme))
  return isPort && matchesName(pattern, name)
}
