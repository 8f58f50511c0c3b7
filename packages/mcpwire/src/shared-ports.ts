import { UsageError } from './program.js'

/** A URL to listen at, as far as it decides the bound address. */
interface ListenUrl {
  readonly text: string
  readonly scheme: string
  readonly host: string
  /** A number, or the path of a Unix socket. */
  readonly port: string
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = {
  'http:': '80',
  'ws:': '80',
  'https:': '443',
  'wss:': '443',
}
/** WebSockets start as requests of HTTP: each of these schemes can use the port of the other one. */
const PARTNERS: Readonly<Record<string, string>> = { 'ws:': 'http:', 'wss:': 'https:' }
const WILDCARDS = ['0.0.0.0', '[::]']
const LOOPBACKS = ['127.0.0.1', '[::1]']

/**
 * Finds the URLs that share a port: a `ws:` URL and the `http:` URL of the same host and port, or `wss:` and `https:`.
 * The key is the index of the WebSocket URL, the value that of its HTTP URL.
 *
 * @throws UsageError for any other two URLs that would bind one port
 */
export function sharedPorts(urls: readonly string[]): ReadonlyMap<number, number> {
  const parsed = urls.map(parseUrl)
  const shared = new Map<number, number>()
  for (const [at, url] of parsed.entries()) {
    for (const [earlier, other] of parsed.slice(0, at).entries()) {
      if (!url || !other || !overlap(url, other)) continue
      const isSameHost = url.host === other.host
      if (isSameHost && PARTNERS[url.scheme] === other.scheme) shared.set(at, earlier)
      else if (isSameHost && PARTNERS[other.scheme] === url.scheme) shared.set(earlier, at)
      else throw conflict(url, other)
    }
  }
  return shared
}

function parseUrl(text: string): ListenUrl | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol: scheme, hostname, port: given, pathname } = new URL(text)
  if (scheme === 'unix:') return { text, scheme, host: '', port: pathname }
  const port = given === '' ? (DEFAULT_PORTS[scheme] ?? '') : given
  // Port 0 is another free port for each URL.
  return port === '' || Number(port) === 0 ? undefined : { text, scheme, host: hostname.toLowerCase(), port }
}

function overlap(a: ListenUrl, b: ListenUrl): boolean {
  if (a.port !== b.port || (a.scheme === 'unix:') !== (b.scheme === 'unix:')) return false
  if (a.host === b.host || [a, b].some(({ host }) => WILDCARDS.includes(host))) return true
  const [name, address] = a.host === 'localhost' ? [a, b] : [b, a]
  return name.host === 'localhost' && LOOPBACKS.includes(address.host)
}

function conflict(url: ListenUrl, other: ListenUrl): UsageError {
  const both = `--listen ${other.text} and --listen ${url.text}`
  if (url.scheme === 'unix:') return new UsageError(`${both} have the same path`)
  const rule = 'only http: with ws:, or https: with wss:, can share a port of the same host'
  return new UsageError(`${both} use the same port: choose another port for one of them; ${rule}`)
}
