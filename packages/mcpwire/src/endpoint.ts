import { type Listener, type Transport, TransportError } from '@mcpwire/core'
import { invalidOption, type OptionalRule, optional, options, rule } from '@mcpwire/core/authoring'
import type { Endpoint, EndpointOptions, EndpointProvider, ListenOptions } from './endpoint-provider.js'
import { suggestedUrls, type UrlPurpose } from './url-suggestions.js'

/** The provider of a scheme, loaded on first use. */
interface Scheme {
  /** Whether the scheme uses TLS. */
  readonly isSecure?: boolean
  load(): Promise<EndpointProvider>
}

/** To add a scheme, add a file to `endpoints/` and a line here. */
const schemes: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ['stdio:', { load: () => import('./endpoints/stdio.js') }],
  ['tcp:', { load: () => import('./endpoints/tcp.js') }],
  ['tcps:', { load: () => import('./endpoints/tcp.js'), isSecure: true }],
  ['unix:', { load: () => import('./endpoints/unix.js') }],
  ['ws:', { load: () => import('./endpoints/ws.js') }],
  ['wss:', { load: () => import('./endpoints/ws.js'), isSecure: true }],
  ['http:', { load: () => import('./endpoints/http.js') }],
  ['https:', { load: () => import('./endpoints/http.js'), isSecure: true }],
])

/** A scheme has more than one letter: `C:\server.exe` is a path. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i

const table = options<EndpointOptions, keyof EndpointOptions>({
  cwd: forwarded(),
  env: forwarded(),
  inherit: forwarded(),
  stderr: forwarded(),
  maxMessageBytes: forwarded(),
  closeTimeoutMs: forwarded(),
  pingIntervalMs: forwarded(),
  tls: forwarded(),
  headers: forwarded(),
})

/** An option that the factory of the transport checks. */
function forwarded<T>(): OptionalRule<T> {
  return optional(rule<T>(() => {}))
}

/**
 * Creates the transport to a server. A list is a command with its arguments, which runs as a child process. A string
 * is a URL: `tcp://host:port`, `tcps://host:port`, `unix:/path`, `unix:@name`, `ws://…`, `wss://…`, `http://…` or
 * `https://…`. Opens nothing until `start()`, and loads only the packages that the scheme needs.
 *
 * Rejects with `INVALID_OPTION` if the endpoint or an option is invalid.
 *
 * @example
 * ```ts
 * const transport = await endpoint('tcp://127.0.0.1:7000')
 * await client.connect(transport)
 * ```
 */
export async function endpoint(target: Endpoint, options: EndpointOptions = {}): Promise<Transport> {
  const settings = table.read(options)
  if (typeof target !== 'string' && !Array.isArray(target))
    invalidOption('endpoint', target, 'a URL in a string, or a list of a command and its arguments')
  const provider = await providerFor(target, 'endpoint')
  return provider.connectTo(target, settings)
}

/**
 * Creates the listener at a URL. All schemes of `endpoint()` except `stdio:` can listen. Binds nothing until `start()`.
 *
 * Rejects with `INVALID_OPTION` if the URL or an option is invalid.
 *
 * @example
 * ```ts
 * const listener = await listenerAt('http://127.0.0.1:8080/mcp')
 * ```
 */
export async function listenerAt(url: string, options: ListenOptions = {}): Promise<Listener> {
  const provider = await providerFor(url, 'listen')
  if (provider.listenOn) return provider.listenOn(url, options)
  const message = `cannot listen on ${url}: stdio connects a process with its own child only`
  throw new TransportError('INVALID_OPTION', message, { option: 'listen', received: url })
}

/**
 * Checks what can be checked of a server without starting it or connecting to it: its command.
 *
 * Rejects with `CONNECT_FAILED` if the command cannot be started, or with `INVALID_OPTION`.
 */
export async function checkEndpoint(target: Endpoint, options: EndpointOptions): Promise<void> {
  const { check } = await providerFor(target, 'endpoint')
  await check?.(target, table.read(options))
}

async function providerFor(target: Endpoint, purpose: UrlPurpose): Promise<EndpointProvider> {
  const name = typeof target === 'string' ? schemeOf(target) : 'stdio:'
  const scheme = name === undefined ? undefined : schemes.get(name)
  if (!scheme) throw unknownEndpoint(target, name, purpose)
  return await scheme.load()
}

/** Whether the URL uses TLS. */
export function isSecure(url: string): boolean {
  return schemes.get(schemeOf(url) ?? '')?.isSecure ?? false
}

/** Whether the URL is one of HTTP. */
export function isHttp(url: string): boolean {
  return /^https?:/i.test(url)
}

/** Whether the URL is one of TCP. */
export function isTcp(url: string): boolean {
  return /^tcps?:/i.test(url)
}

/** Whether the URL is one of a Unix socket. */
export function isUnix(url: string): boolean {
  return /^unix:/i.test(url)
}

/** Whether the URL is one of HTTP or WebSocket. */
export function isWeb(url: string): boolean {
  return /^(?:http|ws)s?:/i.test(url)
}

/** The scheme of a URL, in lower case and with its colon; `undefined` if the text is no URL. */
export function schemeOf(target: string): string | undefined {
  return SCHEME.exec(target)?.[0].toLowerCase()
}

/** The medium of a server: `stdio`, `tcp`, `unix`, `ws` or `http`. */
export function mediumOf(target: Endpoint): string {
  return typeof target === 'string'
    ? (schemeOf(target) ?? '').replace(/(?:(?<=tcp|ws|http)s)?:$/, '')
    : 'stdio'
}

/** The address of a server without possible secrets: arguments of a command, credentials and query of a URL. */
export function addressOf(target: Endpoint): string {
  if (typeof target !== 'string') return `stdio:${target[0]}`
  return target.replace(/[?#].*$/, '').replace(/\/\/[^/]*@/, '//')
}

function unknownEndpoint(target: Endpoint, scheme: string | undefined, purpose: UrlPurpose): TransportError {
  const urls = typeof target === 'string' ? suggestedUrls(target, purpose) : []
  const problem =
    scheme === undefined || urls.length > 0 ? `not a URL: "${target}"` : `unknown scheme "${scheme}"`
  const names = [...schemes.keys()]
  const choices =
    purpose === 'listen'
      ? names.filter((name) => name !== 'stdio:').join(', ')
      : `${names.join(', ')} (stdio: takes a command instead of a URL)`
  const hint = urls.length > 0 ? `did you mean ${urls.join(' or ')}?` : `known: ${choices}`
  return new TransportError('INVALID_OPTION', problem, { option: purpose, received: target, hint })
}
