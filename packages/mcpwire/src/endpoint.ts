import { type Listener, type Transport, TransportError } from '@mcpwire/core'
import { invalidOption, type KnownOptions, rejectOption, requireKnownOptions } from '@mcpwire/core/authoring'
import type { Endpoint, EndpointOptions, ListenOptions, Wire } from './wire.js'

/** A wire that is loaded when used. */
interface KnownWire {
  /** Whether certificates belong to it. */
  readonly isSecure?: boolean
  /** Whether a caller can send headers. */
  readonly hasHeaders?: boolean
  load(): Promise<Wire>
}

/** The wires by the scheme of their URLs. Another one is a file in `endpoints/` and a line here. */
const wires: ReadonlyMap<string, KnownWire> = new Map<string, KnownWire>([
  ['stdio:', { load: () => import('./endpoints/stdio.js') }],
  ['tcp:', { load: () => import('./endpoints/tcp.js') }],
  ['tcps:', { load: () => import('./endpoints/tcp.js'), isSecure: true }],
  ['unix:', { load: () => import('./endpoints/unix.js') }],
  ['ws:', { load: () => import('./endpoints/ws.js'), hasHeaders: true }],
  ['wss:', { load: () => import('./endpoints/ws.js'), hasHeaders: true, isSecure: true }],
  ['http:', { load: () => import('./endpoints/http.js'), hasHeaders: true }],
  ['https:', { load: () => import('./endpoints/http.js'), hasHeaders: true, isSecure: true }],
])

/** A scheme has more than one letter: `C:\server.exe` is a path. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i

const knownOptions: KnownOptions<EndpointOptions> = {
  cwd: 1,
  env: 1,
  inherit: 1,
  stderr: 1,
  maxMessageBytes: 1,
  closeTimeoutMs: 1,
  tls: 1,
  headers: 1,
}

/**
 * The transport to a server that is named by where it is: a list is a command with its arguments, whose process
 * speaks over its standard streams; a string is a URL: `tcp://host:port`, `tcps://host:port`, `unix:/path` or
 * `unix:@name`, `ws://…`, `wss://…`, `http://…` or `https://…`. Opens nothing until `start()`, and loads only the wire
 * it takes.
 *
 * Rejects with `INVALID_OPTION` where the endpoint or an option cannot work.
 */
export async function endpoint(target: Endpoint, options: EndpointOptions = {}): Promise<Transport> {
  requireKnownOptions(options, knownOptions)
  if (typeof target !== 'string' && !Array.isArray(target))
    invalidOption('endpoint', target, 'a URL in a string, or a list of a command and its arguments')
  const wire = await wireFor(target, 'endpoint')
  if (options.headers !== undefined && !hasHeaders(target))
    rejectOption('headers', 'left out where the URL is none of HTTP or WebSocket')
  return wire.connectTo(target, options)
}

/**
 * The listener at a URL of one of the same schemes but `stdio:`. Binds nothing until `start()`.
 *
 * Rejects with `INVALID_OPTION` where the URL or an option cannot work.
 */
export async function listenerAt(url: string, options: ListenOptions = {}): Promise<Listener> {
  const wire = await wireFor(url, 'listen')
  if (wire.listenOn) return wire.listenOn(url, options)
  const message = `nobody can listen on ${url}: that is the wire between a process and its child`
  throw new TransportError('INVALID_OPTION', message, { option: 'listen', received: url })
}

/** What a URL is for, and so the option that it is. */
type Purpose = 'endpoint' | 'listen'

async function wireFor(target: Endpoint, purpose: Purpose): Promise<Wire> {
  const scheme = typeof target === 'string' ? schemeOf(target) : 'stdio:'
  const known = scheme === undefined ? undefined : wires.get(scheme)
  if (!known) throw unknownEndpoint(target, scheme, purpose)
  return await known.load()
}

/** Whether certificates belong to the wire of that URL. */
export function isSecure(url: string): boolean {
  return wires.get(schemeOf(url) ?? '')?.isSecure ?? false
}

/** Whether headers can be sent to a server that is there. */
export function hasHeaders(target: Endpoint): boolean {
  return typeof target === 'string' && (wires.get(schemeOf(target) ?? '')?.hasHeaders ?? false)
}

/** The scheme of a URL, in lower case and with its colon; undefined for what is no URL. */
export function schemeOf(target: string): string | undefined {
  return SCHEME.exec(target)?.[0].toLowerCase()
}

/** Where a server is, without what may be secret: arguments, and what a URL says of a user or in its query. */
export function addressOf(target: Endpoint): string {
  if (typeof target !== 'string') return `stdio:${target[0]}`
  return target.replace(/[?#].*$/, '').replace(/\/\/[^/]*@/, '//')
}

function unknownEndpoint(target: Endpoint, scheme: string | undefined, purpose: Purpose): TransportError {
  const what = scheme === undefined ? `no URL: "${target}"` : `unknown scheme "${scheme}"`
  const known = [...wires.keys()]
  const choice =
    purpose === 'listen'
      ? known.filter((each) => each !== 'stdio:').join(', ')
      : `${known.join(', ')} (stdio: takes a command instead of a URL)`
  const message = `${what}; known: ${choice}`
  return new TransportError('INVALID_OPTION', message, { option: purpose, received: target })
}
