import { type HttpHeaders, isTransportError, type Transport, TransportError } from '@mcpwire/core'
import {
  callbackFailed,
  createTransport,
  type HeaderRecord,
  parseHeaders,
  invalidOption,
  type KnownOptions,
  rejectOption,
  requireInRange,
  requireKnownOptions,
  requireText,
  resolveOptions,
  toError,
} from '@mcpwire/core/authoring'
import { createDialer } from '#dialer'
import { deflateOf } from './deflate.js'
import type { Dial, Opening } from './dialer.js'
import type { FrameSocket } from './frame-socket.js'
import { SUBPROTOCOL, tokenSubprotocol } from './subprotocol.js'
import type { WsTlsOptions } from './tls-options.js'
import { wsChannel } from './ws-channel.js'
import { knownWsOptions, requireWsOptions, type WsOptions, wsDefaults } from './ws-options.js'

/** Options of a client over WebSocket. */
export interface WsClientOptions extends WsOptions {
  /** Where the server is: `ws://` or `wss://`. */
  url: string | URL
  /**
   * Headers of the request that opens the connection: an object, a `Headers`, or other pairs of name and value. A
   * function is asked with each connection, since a token may have been renewed since the last. Browsers cannot send
   * any.
   * @defaultValue {}
   */
  headers?: HttpHeaders | (() => HttpHeaders | Promise<HttpHeaders>) | undefined
  /**
   * A bearer token to offer as a subprotocol, to a server whose `tokenInSubprotocol` is on: the one way for pages.
   * Proxies and servers may log it; prefer `headers` where there is a choice.
   * @defaultValue undefined
   */
  tokenInSubprotocol?: string | (() => string | Promise<string>) | undefined
  /**
   * How a `wss:` server is verified, and what this end shows: `caFile`, `certFile` and `keyFile`, or their content in
   * `ca`, `cert` and `key`, with `passphrase`; a `source` of these that may change; `serverName`; and `minVersion`,
   * `'TLSv1.3'` unless given. Not for browsers, where the platform decides.
   * @defaultValue undefined
   */
  tls?: WsTlsOptions | undefined
  /**
   * How long connecting may take in milliseconds: asking for headers, the name, TLS and the server's gate included.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
}

/** What `wsClient` uses for options that are not given. */
export const wsClientDefaults: {
  readonly headers: HttpHeaders
  readonly connectTimeoutMs: 10_000
} & typeof wsDefaults = {
  headers: {},
  connectTimeoutMs: 10_000,
  ...wsDefaults,
}

const known: KnownOptions<WsClientOptions> = {
  ...wsClientDefaults,
  ...knownWsOptions,
  url: 1,
  tokenInSubprotocol: 1,
  tls: 1,
}

/**
 * A transport to one MCP server listening for WebSockets: over the `ws` library on Node, over the platform's own
 * `WebSocket` elsewhere. Opens nothing until `start()`.
 *
 * `start()` rejects with `CONNECT_FAILED`, `CONNECT_TIMEOUT`, with `REFUSED` or `AUTH_REQUIRED` where the server's
 * gate says no (a page only learns that it failed), or with `CALLBACK_FAILED` where headers or token cannot be had.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function wsClient(options: WsClientOptions): Transport {
  requireKnownOptions(options, known)
  const given = resolveOptions(wsClientDefaults, options)
  const settings = { ...given, headers: requireHeaders(given.headers) }
  const url = requireWsUrl(settings.url)
  requireWsOptions(settings)
  requireInRange('connectTimeoutMs', settings.connectTimeoutMs, 1, Infinity)
  requireCredentials(settings)
  if (settings.tls !== undefined && url.protocol !== 'wss:')
    rejectOption('tls', 'left out where the option url starts with ws://')
  // Each connection keeps one: joined it is one string, where a template would keep all its parts.
  const address = [url.protocol, '//', url.host, url.pathname].join('')
  const dial = createDialer({
    ...settings,
    url,
    address,
    deflate: deflateOf(settings.deflate),
    tls: settings.tls,
    sendsHeaders: typeof settings.headers === 'function' || Object.keys(settings.headers).length > 0,
  })
  const { maxMessageBytes, maxQueuedBytes, closeTimeoutMs, pingIntervalMs, pongTimeoutMs, clock } = settings
  // Not all the settings: the channel keeps these for life.
  const limits = { maxMessageBytes, maxQueuedBytes, closeTimeoutMs, pingIntervalMs, pongTimeoutMs, clock }
  return createTransport(
    {
      connect: async (sink, signal) => {
        const socket = await open(dial, settings, address, signal)
        const peer = Object.freeze({ medium: 'ws', address, ...(socket.tls && { tls: socket.tls }) })
        return wsChannel(socket, sink, limits, peer)
      },
    },
    settings,
  )
}

type Given = ReturnType<typeof resolveOptions<typeof wsClientDefaults, WsClientOptions>>
type Settings = Omit<Given, 'headers'> & { readonly headers: HeaderRecord | AskedHeaders }
type AskedHeaders = () => HttpHeaders | Promise<HttpHeaders>

/** What is wrong with a URL is told without showing it: it may hold a password or a token. */
function requireWsUrl(given: unknown): URL {
  let url: URL
  try {
    url = new URL(String(given))
  } catch {
    return rejectOption('url', 'a URL')
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
    return rejectOption('url', 'a URL that starts with ws:// or wss://')
  if (url.username !== '' || url.password !== '')
    return rejectOption('url', 'a URL without user and password; see headers')
  if (url.hash !== '') return rejectOption('url', 'a URL without a fragment')
  return url
}

function requireHeaders(given: Given['headers']): Settings['headers'] {
  if (typeof given === 'function') return given
  const known = parseHeaders(given)
  return typeof known === 'string'
    ? rejectOption('headers', `${known}, or a function that yields them`)
    : known
}

function requireCredentials({ tokenInSubprotocol: token, requireSubprotocol }: Settings): void {
  if (token === undefined) return
  if (typeof token !== 'function') requireTextSecretly('tokenInSubprotocol', token)
  // A server selects one of what is offered, and must not select the token.
  if (!requireSubprotocol)
    invalidOption('requireSubprotocol', requireSubprotocol, 'on where a token is offered')
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function requireTextSecretly(option: string, value: unknown): void {
  if (!isText(value)) rejectOption(option, 'a string, or a function that yields one')
  requireText(option, value)
}

/** Opens a connection within `connectTimeoutMs`. */
async function open(
  dial: Dial,
  settings: Settings,
  address: string,
  signal: AbortSignal,
): Promise<FrameSocket> {
  signal.throwIfAborted()
  const { clock, connectTimeoutMs: timeoutMs, requireSubprotocol } = settings
  const attempt = new AbortController()
  const abort = (): void => attempt.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const late = clock.deadline(timeoutMs, () => {
    const message = `${address} did not answer within connectTimeoutMs (${timeoutMs} ms)`
    attempt.abort(new TransportError('CONNECT_TIMEOUT', message, { address, timeoutMs }))
  })
  try {
    const opening = await openingOf(settings, attempt.signal)
    const socket = await dial(opening, attempt.signal)
    if (!requireSubprotocol || socket.subprotocol === SUBPROTOCOL) return socket
    socket.terminate()
    const message = `${address} does not speak the subprotocol "${SUBPROTOCOL}" (requireSubprotocol)`
    throw new TransportError('CONNECT_FAILED', message, { address })
  } catch (cause) {
    attempt.signal.throwIfAborted()
    if (isTransportError(cause)) throw cause
    const message = `cannot connect to ${address}: ${toError(cause).message}`
    throw new TransportError('CONNECT_FAILED', message, { address }, { cause })
  } finally {
    late[Symbol.dispose]()
    signal.removeEventListener('abort', abort)
  }
}

async function openingOf(settings: Settings, signal: AbortSignal): Promise<Opening> {
  const { headers, tokenInSubprotocol: token, requireSubprotocol } = settings
  const asked = parseHeaders(await asking<HttpHeaders>('headers', headers, signal))
  if (typeof asked === 'string')
    throw callbackFailed('headers', new Error(`it must yield ${asked}`), 'headers()')
  const subprotocols = requireSubprotocol ? [SUBPROTOCOL] : []
  if (token === undefined) return { headers: asked, subprotocols }
  const known = await asking('tokenInSubprotocol', token, signal)
  if (!isText(known) || known === '')
    throw callbackFailed('tokenInSubprotocol', new Error('it yielded no token'), 'tokenInSubprotocol()')
  return { headers: asked, subprotocols: [...subprotocols, tokenSubprotocol(known)] }
}

/** The value, or what the function yields. A function that hangs is not waited for once the signal has aborted. */
function asking<T extends object | string>(
  slot: string,
  given: T | (() => T | Promise<T>),
  signal: AbortSignal,
): Promise<T> {
  if (typeof given !== 'function') return Promise.resolve(given)
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    Promise.resolve()
      .then(given as () => T | Promise<T>)
      .then(resolve, (cause) => reject(callbackFailed(slot, cause, `${slot}()`)))
      .finally(() => signal.removeEventListener('abort', abort))
  })
}
