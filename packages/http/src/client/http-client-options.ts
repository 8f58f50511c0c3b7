import type { HttpHeaders, TlsClientOptions } from '@mcpwire/core'
import {
  boolean,
  type CreateTransportOptions,
  callback,
  createTransportOptions,
  defaultsOf,
  group,
  inRange,
  integer,
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  optional,
  optionError,
  options,
  parseHeaders,
  rejectOption,
  rule,
  systemRandom,
} from '@mcpwire/core/authoring'
import { type Fetch, refuseOption } from '../engines/engine.js'
import { MIN_SOCKETS } from '../engines/slots.js'
import type { HttpAuth } from './call/authorization.js'
import type { HeaderSource } from './call/request-headers.js'
import type { StreamState } from './get-stream.js'

/** When a stream that ended is opened again. */
export interface HttpReconnectOptions {
  /**
   * Upper bound of the first delay in milliseconds, where the server sets none. It doubles with each attempt. The
   * delay itself is a random part of it.
   * @defaultValue 1_000
   */
  firstDelayMs?: number | undefined
  /**
   * Upper bound of every delay that the server does not set, in milliseconds.
   * @defaultValue 30_000
   */
  maxDelayMs?: number | undefined
  /**
   * Most consecutive failed attempts; `Infinity` for no limit. An attempt fails unless its stream carries a message, or
   * a new event id for a request, or is open for `healthyUptimeMs`. The same limit applies to new sessions in place of
   * lost ones, and to responses that are sent again. The stream of a pending request has fewer attempts where nothing
   * can be expected: three without a connection, or two without any event.
   * @defaultValue 8
   */
  maxAttempts?: number | undefined
  /**
   * How long a stream without messages has to be open to count as useful, in milliseconds.
   * @defaultValue 5_000
   */
  healthyUptimeMs?: number | undefined
}

const reconnectTable: OptionTable<HttpReconnectOptions> = options<HttpReconnectOptions>({
  firstDelayMs: inRange(1, Infinity, 1_000),
  maxDelayMs: inRange(1, Infinity, 30_000),
  maxAttempts: integer(0, Infinity, 8),
  healthyUptimeMs: inRange(0, Infinity, 5_000),
})

/** What `httpClient` uses for members of `reconnect` that are not given. */
export const httpReconnectDefaults: OptionDefaults<HttpReconnectOptions> =
  /* @__PURE__ */ defaultsOf(reconnectTable)

/** Options of a client over HTTP. */
export interface HttpClientOptions extends CreateTransportOptions {
  /** URL of the server: `http://` or `https://`. */
  url: string | URL
  /**
   * Function that sends the requests, with the signature of the platform's `fetch`. Without it and without `agent`,
   * the client has a connection pool of its own on Node, and uses the platform's `fetch` elsewhere.
   * @defaultValue undefined
   */
  fetch?: Fetch | undefined
  /**
   * An `http.Agent` or `https.Agent` that makes the connections. Node only. Requires the package `node-fetch`.
   * @defaultValue undefined
   */
  agent?: object | undefined
  /**
   * Headers of every request: an object, a `Headers`, or other pairs of name and value; or a function that is called
   * for each request. They override the client's own. The headers of one `send()` override them.
   * @defaultValue {}
   */
  headers?: HttpHeaders | (() => HttpHeaders | Promise<HttpHeaders>) | undefined
  /**
   * Source of bearer tokens: `token()` returns the current one, `onUnauthorized()` and `onInsufficientScope()` get a
   * new one. `oauth()` makes one from an OAuth provider of an MCP SDK.
   * @defaultValue undefined
   */
  auth?: HttpAuth | undefined
  /**
   * Certificates for an `https:` server: `caFile`, `certFile` and `keyFile`, or their content in `ca`, `cert` and
   * `key`, with `passphrase`; a `source` of these that may change; `serverName`; and `minVersion`, which is
   * `'TLSv1.2'` by default. Node only.
   * @defaultValue undefined
   */
  tls?: TlsClientOptions | undefined
  /**
   * URL of the proxy, or `'environment'` for the one in `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. Node only.
   * @defaultValue undefined
   */
  proxy?: 'environment' | (string & {}) | URL | undefined
  /**
   * Whether to keep the cookies of the server while the client exists, and to send them back, as load balancers need.
   * A header `cookie` of the application has precedence. Without effect in browsers, which have their own cookies.
   * @defaultValue true
   */
  cookies?: boolean | undefined
  /**
   * Session to resume: the `sessionId` of an earlier transport. Both SDKs then skip `initialize`.
   * @defaultValue undefined
   */
  sessionId?: string | undefined
  /**
   * Revision of the resumed session.
   * @defaultValue undefined
   */
  protocolVersion?: string | undefined
  /**
   * Whether to try HTTP+SSE (2024-11-05) where the server refuses the first POST with 400, 404 or 405.
   * @defaultValue true
   */
  httpSse?: boolean | undefined
  /**
   * URL for messages in HTTP+SSE, in place of the one that the server names, such as behind a proxy with a path of its
   * own. It may be relative to `url`, and has the same origin. The query that the server names is appended.
   * @defaultValue undefined
   */
  messageUrl?: string | URL | undefined
  /**
   * Whether to open the optional stream for messages that belong to no request.
   * @defaultValue true
   */
  standaloneStream?: boolean | undefined
  /**
   * Called with each new state of that stream.
   * @defaultValue undefined
   */
  onStreamState?: ((state: StreamState) => void) | undefined
  /**
   * When to reopen streams that ended: that one, and those of requests that can be resumed.
   * @defaultValue {}
   */
  reconnect?: HttpReconnectOptions | undefined
  /**
   * Lower bound of a delay before resuming that the server sets, in milliseconds.
   * @defaultValue 100
   */
  minRetryMs?: number | undefined
  /**
   * Upper bound of such a delay, in milliseconds.
   * @defaultValue 60_000
   */
  maxRetryMs?: number | undefined
  /**
   * How long a stream may be silent before it counts as broken, in milliseconds. Comments count as activity.
   * @defaultValue 300_000
   */
  streamIdleTimeoutMs?: number | undefined
  /**
   * Most connections to the server at once, at least 3. Further requests wait. Some connections are reserved for
   * responses to the server's requests.
   * @defaultValue 64
   */
  maxSockets?: number | undefined
  /**
   * Limit for opening a connection, in milliseconds, and for the start of the response to the first `initialize` or
   * `server/discover` after that. It also limits `auth.token()`, `headers()`, the text of a refusal, the first event of
   * HTTP+SSE, and a new session in place of a lost one.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
  /**
   * Limit for the server to accept a notification or a response, in milliseconds: the time from `send()` to the status,
   * and one second more for each 64 KiB of the message. After it `send()` rejects with `SEND_FAILED`. Within it, a
   * response is sent again after a failure that may pass.
   * @defaultValue 10_000
   */
  acceptTimeoutMs?: number | undefined
  /**
   * Limit for the server to start its response to a request, in milliseconds: the time from `send()` to the status. After
   * it `send()` rejects with `SEND_FAILED`, and the request may have run. A request whose response is JSON runs within
   * this time. The limit also applies to each request for a stream.
   * @defaultValue 300_000
   */
  responseHeadTimeoutMs?: number | undefined
  /**
   * Limit for `auth.onUnauthorized()` and `auth.onInsufficientScope()`, which may wait for a user, in milliseconds.
   * @defaultValue 300_000
   */
  authTimeoutMs?: number | undefined
  /**
   * Whether `close()` ends the session at the server, which may take up to `closeTimeoutMs`.
   * @defaultValue true
   */
  endSessionOnClose?: boolean | undefined
  /**
   * Longest message sent or accepted, in bytes. `send()` rejects a longer one with `MESSAGE_TOO_LARGE`. A longer one
   * from the server is reported with it, and the error is the response to its request.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Most bytes of messages that the server has not accepted yet. Beyond it `send()` rejects with `OVERLOADED` and
   * sends nothing.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * Source of the jitter of delays: returns a number from 0 to 1.
   * @defaultValue systemRandom
   */
  random?: (() => number) | undefined
}

type Absent =
  | 'fetch'
  | 'agent'
  | 'auth'
  | 'tls'
  | 'proxy'
  | 'sessionId'
  | 'protocolVersion'
  | 'messageUrl'
  | 'onStreamState'

/** For options that are checked elsewhere, such as by the engine. */
const unchecked = optional<never>(rule(() => {}))

/** A session id consists of these characters (MCP, session management), and a header can carry them. */
const visibleAscii = rule<string>((option, value) => {
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value))
    rejectOption(option, 'a text of visible ASCII characters')
})

const table: OptionTable<HttpClientOptions, Absent> = options<HttpClientOptions, Absent>({
  ...createTransportOptions.rules,
  url: rule<string | URL>((_option, value) => void parseHttpUrl(value)),
  fetch: optional(callback()),
  agent: unchecked,
  headers: rule<NonNullable<HttpClientOptions['headers']>, HttpHeaders>(() => {}, {}),
  auth: optional(rule(checkAuth)),
  tls: optional(
    rule((option, value) => {
      if (typeof value !== 'object' || value === null) rejectOption(option, 'an object')
    }),
  ),
  proxy: unchecked,
  cookies: boolean(true),
  sessionId: optional(visibleAscii),
  protocolVersion: optional(visibleAscii),
  httpSse: boolean(true),
  messageUrl: unchecked,
  standaloneStream: boolean(true),
  onStreamState: optional(callback()),
  reconnect: rule<HttpReconnectOptions, HttpReconnectOptions>(group(reconnectTable).check, {}),
  minRetryMs: inRange(0, Infinity, 100),
  maxRetryMs: inRange(0, Infinity, 60_000),
  streamIdleTimeoutMs: inRange(1, Infinity, 300_000),
  maxSockets: integer(MIN_SOCKETS, Infinity, 64),
  connectTimeoutMs: inRange(1, Infinity, 10_000),
  acceptTimeoutMs: inRange(1, Infinity, 10_000),
  responseHeadTimeoutMs: inRange(1, Infinity, 300_000),
  authTimeoutMs: inRange(1, Infinity, 300_000),
  endSessionOnClose: boolean(true),
  maxMessageBytes: integer(1_024, Infinity, 10_485_760),
  maxQueuedBytes: integer(1_024, Infinity, 16_777_216),
  random: rule(callback<() => number>().check, systemRandom),
})

/** What `httpClient` uses for options that are not given. */
export const httpClientDefaults: OptionDefaults<HttpClientOptions, Absent> = /* @__PURE__ */ defaultsOf(table)

type Settings = OptionSettings<HttpClientOptions, Absent>

/** The checked options of a client, with their defaults. */
export interface HttpClientSettings extends Omit<Settings, 'url' | 'messageUrl' | 'headers' | 'reconnect'> {
  readonly url: URL
  readonly messageUrl: URL | undefined
  readonly headers: HeaderSource['headers']
  readonly reconnect: OptionSettings<HttpReconnectOptions>
}

/** Checks the options and adds the defaults. Throws `INVALID_OPTION`. */
export function readHttpClientOptions(given: HttpClientOptions): HttpClientSettings {
  const settings = table.read(given)
  const { minRetryMs, maxRetryMs, reconnect } = settings
  const url = parseHttpUrl(settings.url)
  inRange(minRetryMs, Infinity).check('maxRetryMs', maxRetryMs)
  // Read once: they may come from a generator.
  const headers = typeof settings.headers === 'function' ? settings.headers : parseHeaders(settings.headers)
  if (typeof headers === 'string') return rejectOption('headers', `a function, or ${headers}`)
  return {
    ...settings,
    url,
    messageUrl: parseMessageUrl(settings.messageUrl, url),
    headers,
    reconnect: reconnectTable.select(reconnect),
  }
}

function parseMessageUrl(given: unknown, base: URL): URL | undefined {
  if (given === undefined) return undefined
  const url = URL.canParse(String(given), base) ? new URL(String(given), base) : undefined
  if (url?.origin === base.origin && url.username === '' && url.password === '') return url
  return rejectOption('messageUrl', 'a URL of the same origin as option "url"')
}

const HTTP_SCHEME = /^https?:$/
const HTTP_URL = 'a URL that starts with http:// or https://'
/** A host with a domain, a port or a path, without a scheme: it has no secrets. */
const WITHOUT_SCHEME =
  /^(?:localhost|[\w-]{1,24}(?:\.[\w-]{1,24})+|[\w-]{1,24}(?=:\d)|\[[\da-f:.]+\])(?::\d{1,5})?(?:\/[\w./~-]{0,64})?$/i

/** Shows a URL only where it can contain no password and no token. */
function parseHttpUrl(given: unknown): URL {
  const text = String(given)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !HTTP_SCHEME.test(url.protocol)) {
    if (!WITHOUT_SCHEME.test(text))
      return rejectOption('url', url ? `${HTTP_URL}, not ${url.protocol}` : HTTP_URL)
    const fault = `must be ${HTTP_URL}: ${JSON.stringify(text)} has no scheme`
    throw optionError('url', fault, { hint: `did you mean http://${text}` })
  }
  if (url.username !== '' || url.password !== '')
    return refuseOption('url', 'must not contain credentials: use option "headers"')
  url.hash = ''
  return url
}

const authTable = options<HttpAuth, keyof HttpAuth>({
  token: unchecked,
  onUnauthorized: unchecked,
  onInsufficientScope: unchecked,
})

/** In a plain object, misspelt callbacks are rejected; other members are the application's own. */
function checkAuth(option: string, value: unknown): void {
  const auth = value as HttpAuth | null
  if (typeof auth?.token !== 'function') {
    if (typeof (auth as { tokens?: unknown } | null)?.tokens !== 'function')
      rejectOption(option, 'an object with a function "token"')
    const hint =
      'wrap it: oauth(provider, sdkAuth), where oauth is from @mcpwire/http, and sdkAuth is the function auth() of the SDK'
    const fault = 'must be an object with a function "token", and is an OAuth provider of the MCP SDK'
    throw optionError(option, fault, { hint })
  }
  if (Object.getPrototypeOf(auth) !== Object.prototype) return
  const callbacks = Object.entries(auth).filter(([name]) => /^on[A-Z]/.test(name))
  authTable.read(Object.fromEntries(callbacks) as unknown as HttpAuth, option)
}
