import type { CallerResolver, Gate, Handshake, Refusal } from '@mcpwire/core'
import { boolean, defaultsOf, type OptionDefaults, oneOf, options } from '@mcpwire/core/authoring'
import { type AddressRange, contains, parseAddress, parseRange } from '../address-ranges.js'
import { headerOf, refusal } from '../handshake-headers.js'
import { parseHost } from '../host-pattern.js'
import { requireList } from '../string-lists.js'
import { type Hop, parseForwarded, parseList, parseNode } from './forwarded.js'
import { type IdentityOptions, identityGate } from './identity.js'

/** Options of `trustedProxies`. */
export interface TrustedProxiesOptions {
  /**
   * The headers that the proxies set: `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, or `Forwarded` (RFC 7239). Only
   * these are read. The others come from the caller.
   * @defaultValue 'x-forwarded'
   */
  header?: 'x-forwarded' | 'forwarded' | undefined
  /**
   * Whether callers on a Unix socket, which have no address, are trusted proxies.
   * @defaultValue false
   */
  unixSockets?: boolean | undefined
}

/** The callers behind trusted proxies. */
export interface TrustedProxies {
  /** For the option `resolveCaller` of a server. */
  readonly resolveCaller: CallerResolver
  /** A gate that admits the users that an authenticating proxy names. See `IdentityOptions`. */
  identity(options: IdentityOptions): Gate
}

const table = options<TrustedProxiesOptions>({
  header: oneOf(['x-forwarded', 'forwarded'], 'x-forwarded'),
  unixSockets: boolean(false),
})

/** Defaults of the options of `trustedProxies`. */
export const trustedProxiesDefaults: OptionDefaults<TrustedProxiesOptions> = /* @__PURE__ */ defaultsOf(table)

/**
 * Finds callers behind proxies. Of a connection from one of the addresses, the headers are read from the right: the first
 * address that is no trusted proxy is the caller. Gates, `peer.address`, limits, hooks and logs then see this caller, with
 * the scheme and the host that it used, and without the TLS facts of the proxy's connection. Headers of all other
 * connections are ignored. A header that is malformed refuses the caller with 400.
 *
 * The proxy must set every header of the chosen kind, since it passes on what its caller has sent otherwise.
 *
 * @param addresses the addresses of the proxies, or ranges in CIDR notation
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const { resolveCaller } = trustedProxies(['10.0.0.0/8'])
 * const listener = httpServer({ host: '0.0.0.0', port: 8080, resolveCaller, gate })
 * ```
 */
export function trustedProxies(
  addresses: readonly string[],
  given: TrustedProxiesOptions = {},
): TrustedProxies {
  const { header, unixSockets } = table.read(given)
  const ranges = requireList('addresses', addresses).map((each, index) =>
    parseRange(`addresses[${index}]`, each),
  )
  const resolved = new WeakSet<Handshake>()
  const isTrusted = (address: string | undefined): boolean => {
    if (address === undefined) return unixSockets
    return isIn(ranges, address)
  }
  const read = header === 'forwarded' ? readForwarded : readXForwarded
  return {
    resolveCaller(handshake) {
      if (!isTrusted(handshake.remote.address)) return handshake
      const hops = read(handshake)
      if (!hops) return refusal(400, `the headers of the proxy (${header}) are malformed`)
      const caller = callerIn(handshake, hops, (address) => isIn(ranges, address))
      if (!('admit' in caller)) resolved.add(caller)
      return caller
    },
    identity: (identityOptions) => identityGate(identityOptions, (handshake) => resolved.has(handshake)),
  }
}

function isIn(ranges: readonly AddressRange[], text: string): boolean {
  const address = parseAddress(text)
  return address !== undefined && ranges.some((range) => contains(range, address))
}

/** The hops by `Forwarded`, or `undefined` if it is malformed. */
function readForwarded(handshake: Handshake): readonly Hop[] | undefined {
  const text = headerOf(handshake, 'forwarded')
  return text === undefined ? [] : parseForwarded(text)
}

/** The hops by `X-Forwarded-*`. The last proxy has set the scheme and the host, which all hops share. */
function readXForwarded(handshake: Handshake): readonly Hop[] | undefined {
  const lists = ['for', 'proto', 'host', 'port'].map((name) => {
    const text = headerOf(handshake, `x-forwarded-${name}`)
    return text === undefined ? [] : parseList(text)
  })
  const [addresses, protos, hosts, ports] = lists
  if (!addresses || !protos || !hosts || !ports) return undefined
  const host = withPort(hosts.at(-1), ports.at(-1))
  if (host === 'malformed') return undefined
  const shared = { proto: protos.at(-1), host }
  if (addresses.length === 0) return [{ for: undefined, ...shared }]
  return addresses.map((each) => ({ for: each, ...shared }))
}

function withPort(host: string | undefined, port: string | undefined): string | undefined {
  if (port !== undefined && !/^\d{1,5}$/.test(port)) return 'malformed'
  return host === undefined || port === undefined || parseHost(host)?.port !== undefined
    ? host
    : `${host}:${port}`
}

/** The caller: the last address that is no trusted proxy, or the first one if all are. */
function callerIn(
  handshake: Handshake,
  hops: readonly Hop[],
  isTrusted: (address: string) => boolean,
): Handshake | Refusal {
  let remote: Handshake['remote'] = handshake.remote
  let found: Hop | undefined
  for (const hop of [...hops].reverse()) {
    found = hop
    if (hop.for === undefined) break
    const node = parseNode(hop.for)
    if (!node || (node.address !== 'unknown' && !parseAddress(node.address)))
      return refusal(400, 'the proxy names a caller that is no IP address')
    remote = node
    if (!isTrusted(node.address)) break
  }
  const scheme = schemeOf(handshake, found?.proto)
  if (scheme === undefined) return refusal(400, 'the proxy names a scheme that is neither http nor https')
  const host = found?.host ?? handshake.host
  if (host !== undefined && !parseHost(host)) return refusal(400, 'the proxy names a host that is malformed')
  const { tls: _ofProxy, ...rest } = handshake
  return { ...rest, remote, scheme, ...(host !== undefined && { host }) }
}

const SECURE: Readonly<Record<string, string>> = { http: 'https', ws: 'wss' }
const PLAIN: Readonly<Record<string, string>> = { https: 'http', wss: 'ws' }

/** The scheme of the caller, in the terms of the medium: `wss` over WebSocket where the proxy has received `https`. */
function schemeOf({ scheme = 'http' }: Handshake, proto: string | undefined): string | undefined {
  switch (proto?.toLowerCase()) {
    case undefined:
      return scheme
    case 'https':
    case 'wss':
      return SECURE[scheme] ?? scheme
    case 'http':
    case 'ws':
      return PLAIN[scheme] ?? scheme
    default:
      return undefined
  }
}
