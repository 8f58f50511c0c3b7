import { type Gate, type Handshake, localOnly } from '@mcpwire/core'
import { hostIn, originIn } from '@mcpwire/security'

/** The names that clients of HTTP and WebSocket may use besides those of this host. */
export interface WebNames {
  /** Values of `Host`; `undefined` admits every `Host`. */
  readonly hosts?: readonly string[] | undefined
  /** Origins of pages. */
  readonly origins: readonly string[]
}

/**
 * Admits requests by their `Host` and their `Origin`: names of this host, of the listener, and the given ones. Any other
 * page would connect through the browser of its reader (MCP, Transports: Security Warning). Programs send no origin.
 * `address` is the address of the listener.
 *
 * @throws TransportError `INVALID_OPTION` for a host or an origin that is none
 * @example
 * ```ts
 * const names = { hosts: ['mcp.example'], origins: ['https://app.example'] }
 * const gate = webGate(names, () => listener.address)
 * ```
 */
export function webGate({ hosts, origins }: WebNames, address: () => string | undefined): Gate {
  const local = localOnly()
  const hostGate = hosts && (hosts.length > 0 ? hostIn(hosts) : local)
  const originGate = origins.length > 0 ? originIn(origins) : local
  return {
    async admit({ medium, host, headers: { origin } }, signal) {
      const admits = async (gate: Gate, part: Partial<Handshake>) =>
        await gate.admit({ medium, remote: {}, headers: {}, ...part }, signal)
      if (hostGate && host !== undefined && !(await admits(local, { host })).admit) {
        const verdict = await admits(hostGate, { host })
        if (!verdict.admit) return verdict
      }
      if (origin === undefined || origin === originAt(address())) return { admit: true }
      const verdict = await admits(local, { headers: { origin } })
      return verdict.admit ? verdict : await admits(originGate, { headers: { origin } })
    },
  }
}

/** The origin of the pages at that address. */
function originAt(address: string | undefined): string | undefined {
  return address !== undefined && URL.canParse(address)
    ? new URL(address.replace(/^ws/, 'http')).origin
    : undefined
}
