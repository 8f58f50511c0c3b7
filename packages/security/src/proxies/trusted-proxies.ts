import type { CallerResolver, Gate, Handshake, Refusal } from '@mcpwire/core'
import {
  boolean,
  defaultsOf,
  integer,
  list,
  type OptionDefaults,
  type OptionSettings,
  oneOf,
  options,
  text,
} from '@mcpwire/core/authoring'
import { contains, parseAddress, parseRange } from '../address-ranges.js'
import { headerOf, refusal } from '../handshake-headers.js'
import { parseHost } from '../host-pattern.js'
import { requireList } from '../string-lists.js'
import { parseForwarded } from './forwarded.js'
import { type ProxyIdentityOptions, proxyIdentity } from './proxy-identity.js'
import { lastValueOf, parseForwardedFor } from './x-forwarded.js'

/** Options of `trustedProxies`. */
export interface TrustedProxiesOptions {
  /**
   * The headers that the proxies set. Those of the other kind are ignored: a client can send them through a proxy that
   * does not know them. `x-forwarded` stands for `X-Forwarded-For` and `X-Forwarded-Proto`, `forwarded` for `Forwarded`
   * (RFC 7239).
   * @defaultValue 'x-forwarded'
   */
  header?: 'forwarded' | 'x-forwarded' | undefined
  /**
   * Whether `X-Forwarded-Host` and `X-Forwarded-Port` replace the `Host`. Only for proxies that set or remove both. Others
   * pass on what the client sends, and a page could then name a host that `hostIn()` or `localOnly()` admits.
   * @defaultValue false
   */
  xForwardedHost?: boolean | undefined
  /**
   * Most proxies in a header. A longer one is refused.
   * @defaultValue 16
   */
  maxHops?: number | undefined
  /**
   * Longest header, in characters. A longer one is refused.
   * @defaultValue 4_096
   */
  maxHeaderLength?: number | undefined
  /**
   * Whether callers without an address are trusted proxies, such as an nginx that connects over a Unix socket. Not for an
   * `httpHandler` that gets no `remoteAddress`: there no caller has an address.
   * @defaultValue false
   */
  unixSockets?: boolean | undefined
}

/** Trusted proxies in front of a server. */
export interface TrustedProxies {
  /** For the option `resolveCaller` of a listener over HTTP or WebSocket. Bound. */
  readonly resolveCaller: CallerResolver
  /**
   * Makes a gate that admits the users whom an authenticating proxy has identified in headers. Callers that
   * `resolveCaller` has not found behind a trusted proxy get 401, whatever headers they send, and so do callers without
   * the header of the user. A header that occurs twice, or that has commas or control characters, gets 400.
   *
   * The proxy must remove these headers from what clients send.
   *
   * @throws TransportError `INVALID_OPTION`
   *
   * @example
   * ```ts
   * const proxies = trustedProxies(['127.0.0.1'])
   * const gate = proxies.identity({ userHeader: 'x-auth-request-user' })
   * const listener = httpServer({ port: 8080, resolveCaller: proxies.resolveCaller, gate })
   * ```
   */
  readonly identity: (options?: ProxyIdentityOptions) => Gate
}

const table = options<TrustedProxiesOptions>({
  header: oneOf(['forwarded', 'x-forwarded'], 'x-forwarded'),
  xForwardedHost: boolean(false),
  maxHops: integer(1, 1_000, 16),
  maxHeaderLength: integer(16, 65_536, 4_096),
  unixSockets: boolean(false),
})

/** Defaults of the options of `trustedProxies`. */
export const trustedProxiesDefaults: OptionDefaults<TrustedProxiesOptions> = /* @__PURE__ */ defaultsOf(table)

const ranges = list(text())

/** The media whose headers a proxy can set. Those in the preamble of a byte stream come from the client itself. */
const MEDIA: readonly string[] = ['http', 'ws']

/** In place of an address that the proxies do not name. No gate for addresses admits it, `localOnly()` included. */
const UNKNOWN = 'unknown'

/**
 * Finds the callers behind trusted proxies by the headers of these: the address, the `Host` and the scheme. Gates,
 * `peer.address`, limits and reports of refused callers then see the caller instead of the proxy.
 *
 * Only a connection from an address in `cidrs` is a proxy. The headers of others are ignored. The addresses in a header
 * are read from the right: trusted ones are skipped, the first other one is the caller, and what is left of it came from
 * the caller. The scheme is the one that the last proxy has set. With `Forwarded`, scheme and `Host` are those in the
 * element of the caller. The proxies must set or extend these headers: otherwise they pass on those of the client.
 *
 * A malformed header is refused with 400. If the header is missing or the address is hidden, the caller has the
 * address `unknown`. The TLS facts of the proxy are removed: its certificate does not identify the caller.
 *
 * @param cidrs the addresses of the proxies, also as ranges in CIDR notation; none only with `unixSockets`
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const { resolveCaller } = trustedProxies(['10.0.0.0/8'])
 * const listener = httpServer({ port: 8080, resolveCaller, gate: remoteIn(['192.0.2.0/24']) })
 * ```
 */
export function trustedProxies(cidrs: readonly string[], given: TrustedProxiesOptions = {}): TrustedProxies {
  const settings = table.read(given)
  const { header, unixSockets } = settings
  if (unixSockets) ranges.check('cidrs', cidrs)
  else requireList('cidrs', cidrs)
  const trusted = cidrs.map((cidr, index) => parseRange(`cidrs[${index}]`, cidr))
  const isTrusted = (address: string | undefined): boolean => {
    const parsed = parseAddress(address)
    return parsed !== undefined && trusted.some((range) => contains(range, parsed))
  }
  const isProxy = ({ medium, remote }: Handshake): boolean =>
    MEDIA.includes(medium) && (remote.address === undefined ? unixSockets : isTrusted(remote.address))
  /** The callers found behind a proxy. A caller cannot add itself. */
  const resolved = new WeakSet<Handshake>()
  const reportedBy = header === 'forwarded' ? readForwarded : readXForwarded
  return {
    resolveCaller: (handshake) => {
      if (!isProxy(handshake)) return handshake
      const report = reportedBy(handshake, settings, isTrusted)
      if ('admit' in report) return report
      const caller = callerOf(handshake, report)
      if (report.isNamed) resolved.add(caller)
      return caller
    },
    identity: (identityOptions = {}) =>
      proxyIdentity(identityOptions, (handshake) => resolved.has(handshake)),
  }
}

type Settings = OptionSettings<TrustedProxiesOptions>

/** What the proxies report about the caller. */
interface Report {
  /** Whether there is a header with the caller. */
  readonly isNamed: boolean
  readonly address: string | undefined
  readonly port: number | undefined
  readonly host: string | undefined
  readonly scheme: string | undefined
}

type ReadReport = (
  handshake: Handshake,
  settings: Settings,
  isTrusted: (address: string | undefined) => boolean,
) => Report | Refusal

const readForwarded: ReadReport = (handshake, { maxHops, maxHeaderLength }, isTrusted) => {
  const header = headerOf(handshake, 'forwarded')
  if (header === undefined) return nothing
  const hops = header.length > maxHeaderLength ? undefined : parseForwarded(header, maxHops)
  if (!hops) return malformed('Forwarded')
  const { node, host, scheme } = firstUntrusted(hops, ({ node: { address } }) => isTrusted(address))
  if (!isHost(host) || !isScheme(scheme)) return malformed('Forwarded')
  return { isNamed: true, ...node, host, scheme }
}

const readXForwarded: ReadReport = (handshake, settings, isTrusted) => {
  const { maxHops, maxHeaderLength, xForwardedHost } = settings
  const header = headerOf(handshake, 'x-forwarded-for')
  const isShort = header === undefined || header.length <= maxHeaderLength
  const nodes = header === undefined || !isShort ? undefined : parseForwardedFor(header, maxHops)
  if (header !== undefined && !nodes) return malformed('X-Forwarded-For')
  const scheme = lastValueOf(handshake, 'x-forwarded-proto')
  if (!isScheme(scheme)) return malformed('X-Forwarded-Proto')
  const host = xForwardedHost ? lastValueOf(handshake, 'x-forwarded-host') : undefined
  if (!isHost(host)) return malformed('X-Forwarded-Host')
  const serverPort = xForwardedHost ? lastValueOf(handshake, 'x-forwarded-port') : undefined
  if (!isPort(serverPort)) return malformed('X-Forwarded-Port')
  const node = nodes && firstUntrusted(nodes, ({ address }) => isTrusted(address))
  return {
    isNamed: node !== undefined,
    address: node?.address,
    port: node?.port,
    host: withPort(host ?? handshake.host, serverPort, scheme ?? handshake.scheme),
    scheme,
  }
}

const nothing: Report = {
  isNamed: false,
  address: undefined,
  port: undefined,
  host: undefined,
  scheme: undefined,
}

function malformed(header: string): Refusal {
  return refusal(400, `the header ${header} is malformed or too long`)
}

/** The item of the caller: from the right, the first one whose address is not trusted. */
function firstUntrusted<T>(items: readonly T[], isTrusted: (item: T) => boolean): T {
  let at = items.length - 1
  while (at > 0 && isTrusted(items[at] as T)) at--
  return items[at] as T
}

function isHost(host: string | undefined): boolean {
  return host === undefined || parseHost(host) !== undefined
}

function isScheme(scheme: string | undefined): boolean {
  return scheme === undefined || /^(?:http|ws)s?$/i.test(scheme)
}

function isPort(port: string | undefined): boolean {
  return port === undefined || (/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)
}

/** The host with the port by which the caller reached the first proxy, unless it has one or the scheme implies it. */
function withPort(
  host: string | undefined,
  port: string | undefined,
  scheme: string | undefined,
): string | undefined {
  if (host === undefined || port === undefined) return host
  const parsed = parseHost(host)
  const defaultPort = /s$/i.test(scheme ?? '') ? '443' : '80'
  return !parsed || parsed.port !== undefined || port === defaultPort ? host : `${host}:${port}`
}

function callerOf({ medium, path, method, headers, ...own }: Handshake, report: Report): Handshake {
  const { address = UNKNOWN, port } = report
  const host = report.host ?? own.host
  const scheme = report.scheme === undefined ? own.scheme : schemeFor(medium, report.scheme)
  return {
    medium,
    remote: { address, ...(port !== undefined && { port }) },
    ...(host !== undefined && { host }),
    ...(path !== undefined && { path }),
    ...(method !== undefined && { method }),
    ...(scheme !== undefined && { scheme }),
    headers,
  }
}

/** Proxies report the scheme of the upgrade request for a WebSocket. */
function schemeFor(medium: string, scheme: string): string {
  const isSecure = /s$/i.test(scheme)
  return `${medium}${isSecure ? 's' : ''}`
}
