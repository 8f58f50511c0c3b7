import type { Clock, HttpHeaders } from '@mcpwire/core'
import { type CreateTransportOptions, createTransportDefaults, systemRandom } from '@mcpwire/core/authoring'
import type { Fetch } from '../engines/engine-settings.js'
import type { HttpTlsOptions } from '../shared/tls-options.js'
import type { HttpAuth } from './call/http-auth.js'
import type { StreamState } from './get-stream.js'

/** When a stream that ended is asked for again. */
export interface HttpReconnectOptions {
  /**
   * Upper bound of the first wait where the server names none, in milliseconds; it doubles with each attempt. The
   * wait itself is a random part of it.
   * @defaultValue 1_000
   */
  firstDelayMs?: number | undefined
  /**
   * Upper bound of every wait the server does not name, in milliseconds.
   * @defaultValue 30_000
   */
  maxDelayMs?: number | undefined
  /**
   * How many attempts there are in a row that are of no use, whether the stream then ends in order or not. `Infinity`
   * for any number. For a request a stream is of use as well that moves on to another event. Sessions in place of lost
   * ones count the same: one that was of use is always followed by another.
   * @defaultValue 8
   */
  maxAttempts?: number | undefined
  /**
   * How long a stream has to be open to be of use, in milliseconds, where it carries no message.
   * @defaultValue 5_000
   */
  healthyUptimeMs?: number | undefined
}

/** What `httpClient` uses for members of `reconnect` that are not given. */
export const httpReconnectDefaults: {
  readonly firstDelayMs: 1_000
  readonly maxDelayMs: 30_000
  readonly maxAttempts: 8
  readonly healthyUptimeMs: 5_000
} = {
  firstDelayMs: 1_000,
  maxDelayMs: 30_000,
  maxAttempts: 8,
  healthyUptimeMs: 5_000,
}

/** Options of a client over HTTP. */
export interface HttpClientOptions extends CreateTransportOptions {
  /** Where the server is: `http://` or `https://`. */
  url: string | URL
  /**
   * What carries the requests: any function that works as the platform's `fetch`. Without it and without `agent` a
   * connection pool of its own on Node, the platform's `fetch` elsewhere.
   * @defaultValue undefined
   */
  fetch?: Fetch | undefined
  /**
   * An `http.Agent` or `https.Agent` that makes the connections. Node only.
   * @defaultValue undefined
   */
  agent?: object | undefined
  /**
   * Headers of every request: an object, a `Headers`, or other pairs of name and value. A function is asked each time.
   * They win over the client's own, and those in the options of one `send()` win over them.
   * @defaultValue {}
   */
  headers?: HttpHeaders | (() => HttpHeaders | Promise<HttpHeaders>) | undefined
  /**
   * Where bearer tokens come from: `token()` yields the current one, `onUnauthorized()` and `onInsufficientScope()`
   * get a better one.
   * @defaultValue undefined
   */
  auth?: HttpAuth | undefined
  /**
   * How an `https:` server is verified, and what this end shows: `caFile`, `certFile` and `keyFile`, or their content in
   * `ca`, `cert` and `key`, with `passphrase`; a `source` of these that may change; `serverName`; and `minVersion`,
   * `'TLSv1.2'` unless given. Not for browsers, where the platform decides.
   * @defaultValue undefined
   */
  tls?: HttpTlsOptions | undefined
  /**
   * The proxy to go through: its URL, or `'environment'` for what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say. Node
   * only.
   * @defaultValue undefined
   */
  proxy?: 'environment' | (string & {}) | URL | undefined
  /**
   * A session to go on with, as `transport.sessionId` named it. Both SDKs then skip `initialize`.
   * @defaultValue undefined
   */
  sessionId?: string | undefined
  /**
   * The revision that session speaks.
   * @defaultValue undefined
   */
  protocolVersion?: string | undefined
  /**
   * Whether a server that refuses the first POST with 400, 404 or 405 is tried as one of HTTP+SSE (2024-11-05).
   * @defaultValue true
   */
  httpSse?: boolean | undefined
  /**
   * Whether the optional stream for messages that belong to no request is asked for.
   * @defaultValue true
   */
  standaloneStream?: boolean | undefined
  /**
   * Called when that stream opens, breaks off, is given up, or is not offered by the server.
   * @defaultValue undefined
   */
  onStreamState?: ((state: StreamState) => void) | undefined
  /**
   * When streams that ended are asked for again: that one, and those of requests that can be resumed.
   * @defaultValue {}
   */
  reconnect?: HttpReconnectOptions | undefined
  /**
   * The shortest wait a server can ask for before a stream is resumed, in milliseconds.
   * @defaultValue 100
   */
  minRetryMs?: number | undefined
  /**
   * The longest such wait, in milliseconds.
   * @defaultValue 60_000
   */
  maxRetryMs?: number | undefined
  /**
   * How long nothing may be heard on a stream, comments included, before it counts as broken, in milliseconds.
   * @defaultValue 300_000
   */
  streamIdleTimeoutMs?: number | undefined
  /**
   * Most connections to the server at once. Further requests wait; answers to the server's requests do not wait for
   * them.
   * @defaultValue 64
   */
  maxSockets?: number | undefined
  /**
   * How long making a connection may take, in milliseconds; and how long `auth.token()`, `headers()`, the text of a
   * refusal, the first event of HTTP+SSE, or a session in place of a lost one. A `fetch` does not tell connecting from
   * waiting: there it is how long an answer to `initialize` or `server/discover` may take to begin.
   * @defaultValue 10_000
   */
  connectTimeoutMs?: number | undefined
  /**
   * How long `auth.onUnauthorized()` and `auth.onInsufficientScope()` may take, which may ask a person, in
   * milliseconds.
   * @defaultValue 300_000
   */
  authTimeoutMs?: number | undefined
  /**
   * Whether `close()` tells the server that the session is over, which may take up to `closeTimeoutMs`.
   * @defaultValue true
   */
  endSessionOnClose?: boolean | undefined
  /**
   * Longest message sent or accepted, in bytes. One of ours that is longer rejects with `MESSAGE_TOO_LARGE`; one of
   * the server's is reported as that, and answers its request in place of the response.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Most that may wait to be taken by the server, in bytes. Beyond it `send()` rejects with `OVERLOADED` and sends
   * nothing.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * Where the jitter of waits comes from.
   * @defaultValue systemRandom
   */
  random?: (() => number) | undefined
}

/** What `httpClient` uses for options that are not given. */
export const httpClientDefaults: {
  readonly headers: HttpHeaders
  readonly httpSse: true
  readonly standaloneStream: true
  readonly reconnect: HttpReconnectOptions
  readonly minRetryMs: 100
  readonly maxRetryMs: 60_000
  readonly streamIdleTimeoutMs: 300_000
  readonly maxSockets: 64
  readonly connectTimeoutMs: 10_000
  readonly authTimeoutMs: 300_000
  readonly endSessionOnClose: true
  readonly maxMessageBytes: 10_485_760
  readonly maxQueuedBytes: 16_777_216
  readonly random: () => number
  readonly closeTimeoutMs: number
  readonly clock: Clock
} = {
  headers: {},
  httpSse: true,
  standaloneStream: true,
  reconnect: {},
  minRetryMs: 100,
  maxRetryMs: 60_000,
  streamIdleTimeoutMs: 300_000,
  maxSockets: 64,
  connectTimeoutMs: 10_000,
  authTimeoutMs: 300_000,
  endSessionOnClose: true,
  maxMessageBytes: 10_485_760,
  maxQueuedBytes: 16_777_216,
  random: systemRandom,
  ...createTransportDefaults,
}
