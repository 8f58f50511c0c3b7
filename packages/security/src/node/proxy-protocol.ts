import {
  boolean,
  defaultsOf,
  inRange,
  integer,
  type OptionDefaults,
  options,
  type ProxyProtocol,
} from '@mcpwire/core/authoring'
import { contains, parseAddress, parseRange } from '../address-ranges.js'
import { refusal } from '../handshake-headers.js'
import { requireList } from '../string-lists.js'
import { readProxyHeader } from './proxy-header.js'

/** Options of `proxyProtocol`. */
export interface ProxyProtocolOptions {
  /**
   * Whether connections from other addresses are refused, with 403. If `false`, they are served as callers of their own,
   * under the address of the connection; a header that they send is not believed.
   * @defaultValue true
   */
  refuseOthers?: boolean | undefined
  /**
   * Longest time until the header is complete, in milliseconds.
   * @defaultValue 5_000
   */
  timeoutMs?: number | undefined
  /**
   * Longest header of version 2, in bytes. That of version 1 has at most 107.
   * @defaultValue 4_096
   */
  maxBytes?: number | undefined
}

const table = options<ProxyProtocolOptions>({
  refuseOthers: boolean(true),
  timeoutMs: inRange(1, Infinity, 5_000),
  // Every receiver accepts 536 bytes (section 2.2 of the specification).
  maxBytes: integer(536, 16_384, 4_096),
})

/** Defaults of the options of `proxyProtocol`. */
export const proxyProtocolDefaults: OptionDefaults<ProxyProtocolOptions> = /* @__PURE__ */ defaultsOf(table)

/**
 * Reads the PROXY protocol, versions 1 and 2, of load balancers at these addresses, such as HAProxy and those of clouds.
 * Gates, `peer.address`, limits and reports of refused callers then see the caller instead of the load balancer.
 *
 * The header is believed only from these addresses, and required from them: otherwise a caller could choose its own address.
 * A missing, late, malformed or too long header is refused with 400. Extensions are skipped, except that a checksum must be
 * right. A caller whose address the load balancer does not know has the address `unknown`. A connection of the load balancer
 * itself (command `LOCAL`) has its own address.
 *
 * @param cidrs the addresses of the load balancers, also as ranges in CIDR notation, at least one
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const listener = tcpServer({
 *   host: '0.0.0.0',
 *   port: 7000,
 *   proxyProtocol: proxyProtocol(['10.0.0.0/8']),
 *   gate: remoteIn(['192.0.2.0/24']),
 * })
 * ```
 */
export function proxyProtocol(cidrs: readonly string[], given: ProxyProtocolOptions = {}): ProxyProtocol {
  const { refuseOthers, timeoutMs, maxBytes } = table.read(given)
  const ranges = requireList('cidrs', cidrs).map((cidr, index) => parseRange(`cidrs[${index}]`, cidr))
  return {
    timeoutMs,
    expect: (text) => {
      const address = parseAddress(text)
      if (address && ranges.some((range) => contains(range, address))) return 'header'
      return refuseOthers ? refusal(403, 'connections are accepted from the load balancer only') : 'caller'
    },
    read: (start) => readProxyHeader(start, maxBytes),
  }
}
