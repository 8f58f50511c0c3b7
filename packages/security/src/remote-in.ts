import type { Gate } from '@mcpwire/core'
import { contains, parseAddress, parseRange } from './address-ranges.js'
import { refusal } from './handshake-headers.js'
import { requireList } from './string-lists.js'

/**
 * Makes a gate that admits callers with an address in these ranges. Others, and callers without an address such as those
 * of Unix sockets, get 403.
 *
 * An IPv4 address that is mapped into IPv6 counts as IPv4: `::/0` does not contain it. The address is that of the
 * connection, or the one that the option `resolveCaller` of the listener has found behind a proxy.
 *
 * @param cidrs addresses, and ranges in CIDR notation, at least one
 * @throws TransportError `INVALID_OPTION`, also for a range with bits beyond its prefix, such as `10.1.2.3/8`
 *
 * @example
 * ```ts
 * const gate = remoteIn(['10.0.0.0/8', 'fd00::/8', '192.0.2.7'])
 * ```
 */
export function remoteIn(cidrs: readonly string[]): Gate {
  const ranges = requireList('cidrs', cidrs).map((cidr, index) => parseRange(`cidrs[${index}]`, cidr))
  return {
    admit({ remote }) {
      const address = parseAddress(remote.address)
      if (!address) return refusal(403, 'the address of the caller is unknown')
      if (ranges.some((range) => contains(range, address))) return { admit: true }
      return refusal(403, 'the address of the caller is not allowed')
    },
  }
}
