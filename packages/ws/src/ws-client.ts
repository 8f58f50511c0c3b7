import {
  type HttpHeaders,
  isTransportError,
  type TlsClientOptions,
  type Transport,
  TransportError,
} from '@mcpwire/core'
import {
  attempt,
  callbackFailed,
  createTransport,
  defaultsOf,
  type HeaderRecord,
  inRange,
  type OptionDefaults,
  type OptionSettings,
  onAbort,
  optional,
  optionError,
  options,
  parseHeaders,
  rejectOption,
  rule,
  text,
  toError,
  unlessAborted,
} from '@mcpwire/core/authoring'
import { createDialer } from '#dialer'
import type { Dial, FrameSocket, Opening } from './frame-socket.js'
import { SUBPROTOCOL, tokenSubprotocol } from './subprotocol.js'
import { wsChannel } from './ws-channel.js'
import { deflateSettings, type WsOptions, wsOptions } from './ws-options.js'

/** Options of a client over WebSocket. */
export interface WsClientOptions extends WsOptions {
  /** URL of the server: `ws://` or `wss://`. */
  url: string | URL
  /**
   * Headers of the handshake request: an object, a `Headers`, or other pairs of name and value. A function is called
   * for each connection, so that it can renew a token. Browsers cannot send headers.
   * @defaultValue {}
   */
  headers?: HttpHeaders | (() => HttpHeaders | Promise<HttpHeaders>) | undefined
  /**
   * Bearer token to send as a subprotocol, for pages. The server needs its option `tokenInSubprotocol`. Proxies and
   * servers may log it: prefer `headers` on Node.
   * @defaultValue undefined
   */
  tokenInSubprotocol?: string | (() => string | Promise<string>) | undefined
  /**
   * TLS options for a `wss:` URL: authorities, client certificate, server name. Not available in browsers.
   * @defaultValue undefined
   */
  tls?: TlsClientOptions | undefined
  /**
   * Time limit for connecting, in milliseconds. It includes the `headers` callback, DNS, TLS and the gate of the
   * server.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
}

type OptionalMember = 'tokenInSubprotocol' | 'tls' | 'deflate'

/** For options that are parsed after `read`, or by the dialer: the check would repeat the work. */
const checkedLater = rule<never>(() => {})

const table = options<WsClientOptions, OptionalMember>({
  url: checkedLater,
  // A generator can be read once only.
  headers: rule<NonNullable<WsClientOptions['headers']>, HttpHeaders>(() => {}, {}),
  tokenInSubprotocol: optional(rule(requireToken)),
  // Only the dialer of Node can check certificates.
  tls: optional(checkedLater),
  connectTimeoutMs: inRange(1, Infinity, 10_000),
  ...wsOptions.rules,
})

/** Defaults of the options of `wsClient`. */
export const wsClientDefaults: OptionDefaults<WsClientOptions, OptionalMember> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * A transport to one MCP server over WebSocket. Opens nothing until `start()`.
 *
 * It uses the `ws` library on Node, and the `WebSocket` of the platform elsewhere. `start()` rejects with:
 *
 * - `CONNECT_FAILED` or `CONNECT_TIMEOUT`
 * - `REFUSED` or `AUTH_REQUIRED` from the gate of the server; in a page that is `CONNECT_FAILED` too
 * - `CALLBACK_FAILED` when a callback for headers or token fails
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const transport = wsClient({ url: 'wss://mcp.example/mcp', headers: { authorization: `Bearer ${token}` } })
 * await client.connect(transport)
 * ```
 */
export function wsClient(given: WsClientOptions): Transport {
  const read = table.read(given)
  const url = parseUrl(read.url)
  const settings = { ...read, headers: requireHeaders(read.headers) }
  const { tls, deflate, headers } = settings
  if (tls !== undefined && url.protocol !== 'wss:') throw optionError('tls', 'requires a wss: URL')
  // A server selects one of the offered subprotocols, and must not select the token.
  if (settings.tokenInSubprotocol !== undefined && !settings.requireSubprotocol)
    throw optionError('requireSubprotocol', 'must be true when option "tokenInSubprotocol" is given')
  // Every connection keeps the address. A joined string is flat, a template keeps all its parts.
  const address = [url.protocol, '//', url.host, url.pathname].join('')
  const { maxMessageBytes, maxQueuedBytes, closeTimeoutMs, pingIntervalMs, pongTimeoutMs, clock } = settings
  const dial = createDialer({
    url,
    address,
    maxMessageBytes,
    closeTimeoutMs,
    messageTimeoutMs: settings.messageTimeoutMs,
    clock,
    deflate: deflateSettings(deflate),
    tls,
    hasHeaders: typeof headers === 'function' || Object.keys(headers).length > 0,
  })
  // Not all of the settings: the channel keeps these for life.
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

type Settings = Omit<OptionSettings<WsClientOptions, OptionalMember>, 'headers'> & {
  readonly headers: HeaderRecord | (() => HttpHeaders | Promise<HttpHeaders>)
}

/** Errors omit the URL: it may contain a password or a token. */
function parseUrl(given: unknown): URL {
  let url: URL
  try {
    url = new URL(String(given))
  } catch {
    return rejectOption('url', 'a URL')
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
    return rejectOption('url', 'a URL that starts with ws:// or wss://')
  if (url.username !== '' || url.password !== '')
    throw optionError('url', 'must not contain credentials', { hint: 'use option "headers"' })
  if (url.hash !== '') return rejectOption('url', 'a URL without a fragment')
  return url
}

function requireHeaders(
  given: OptionSettings<WsClientOptions, OptionalMember>['headers'],
): Settings['headers'] {
  if (typeof given === 'function') return given
  const headers = parseHeaders(given)
  return typeof headers === 'string'
    ? rejectOption('headers', `${headers}, or a function that returns them`)
    : headers
}

function requireToken(option: string, value: unknown): void {
  if (typeof value === 'function') return
  if (typeof value !== 'string') rejectOption(option, 'a string, or a function that returns one')
  text().check(option, value)
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
  const unsubscribe = onAbort(signal, () => attempt.abort(signal.reason))
  const timeout = clock.deadline(timeoutMs, () => {
    const message = `cannot connect to ${address}: no response within connectTimeoutMs (${timeoutMs} ms)`
    const details = { address, timeoutMs, option: 'connectTimeoutMs' }
    attempt.abort(new TransportError('CONNECT_TIMEOUT', message, details))
  })
  try {
    const opening = await prepareOpening(settings, attempt.signal)
    const socket = await dial(opening, attempt.signal)
    if (!requireSubprotocol || socket.subprotocol === SUBPROTOCOL) return socket
    socket.destroy()
    throw new TransportError(
      'CONNECT_FAILED',
      `cannot connect to ${address}: it does not support the subprotocol "${SUBPROTOCOL}"`,
      {
        address,
        option: 'requireSubprotocol',
        hint: 'check the path in option "url", or set option "requireSubprotocol" to false',
      },
    )
  } catch (cause) {
    attempt.signal.throwIfAborted()
    if (isTransportError(cause)) throw cause
    const message = `cannot connect to ${address}: ${toError(cause).message}`
    throw new TransportError('CONNECT_FAILED', message, { address }, { cause })
  } finally {
    timeout[Symbol.dispose]()
    unsubscribe()
  }
}

async function prepareOpening(settings: Settings, signal: AbortSignal): Promise<Opening> {
  const { headers: given, tokenInSubprotocol, requireSubprotocol } = settings
  const headers = parseHeaders(await resolveValue<HttpHeaders>('headers', given, signal))
  if (typeof headers === 'string')
    throw callbackFailed('headers', new Error(`it must return ${headers}`), 'headers()')
  const subprotocols = requireSubprotocol ? [SUBPROTOCOL] : []
  if (tokenInSubprotocol === undefined) return { headers, subprotocols }
  const token = await resolveValue<string>('tokenInSubprotocol', tokenInSubprotocol, signal)
  if (typeof token !== 'string' || token === '')
    throw callbackFailed('tokenInSubprotocol', new Error('it returned no token'), 'tokenInSubprotocol()')
  return { headers, subprotocols: [...subprotocols, tokenSubprotocol(token)] }
}

/** The value, or the result of the function. Rejects when the signal aborts, even if the function hangs. */
function resolveValue<T extends object | string>(
  slot: string,
  given: T | (() => T | Promise<T>),
  signal: AbortSignal,
): Promise<T> {
  if (typeof given !== 'function') return Promise.resolve(given)
  const call = (): Promise<T> =>
    attempt(given as () => T | Promise<T>).catch((cause) => {
      throw callbackFailed(slot, cause, `${slot}()`)
    })
  return unlessAborted(call, signal)
}
