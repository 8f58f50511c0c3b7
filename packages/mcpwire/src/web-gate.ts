import { type Gate, type Handshake, localOnly } from '@mcpwire/core'
import { hostIn, originIn } from '@mcpwire/security'

/** The names that clients of HTTP and WebSocket may use besides those of this host. */
export interface WebNames {
  /** Values of `Host`; `undefined` admits every `Host`. */
  readonly hosts: readonly string[] | undefined
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
  const hostGate = hosts && hostIn(hosts)
  const originGate = originIn(origins)
  return {
    async admit({ medium, host, headers: { origin } }, signal) {
      const withHost: Handshake = { medium, remote: {}, headers: {}, ...(host !== undefined && { host }) }
      const isLocalHost = (await local.admit(withHost, signal)).admit
      if (hostGate && !isLocalHost) {
        const verdict = await hostGate.admit(withHost, signal)
        if (!verdict.admit) return verdict
      }
      if (origin === undefined || origin === originAt(address())) return { admit: true }
      const withOrigin: Handshake = { medium, remote: {}, headers: { origin } }
      const isLocalOrigin = (await local.admit(withOrigin, signal)).admit
      return isLocalOrigin ? { admit: true } : await originGate.admit(withOrigin, signal)
    },
  }
}

/** The origin of the pages at that address. */
function originAt(address: string | undefined): string | undefined {
  return address !== undefined && URL.canParse(address)
    ? new URL(address.replace(/^ws/, 'http')).origin
    : undefined
}
