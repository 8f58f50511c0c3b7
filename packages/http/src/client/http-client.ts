import type { Transport } from '@mcpwire/core'
import {
  createTransport,
  invalidOption,
  type KnownOptions,
  parseHeaders,
  rejectOption,
  requireInRange,
  requireInteger,
  requireKnownOptions,
  requireText,
  resolveOptions,
} from '@mcpwire/core/authoring'
import { createEngine } from '#engine'
import type { Fetch } from '../engines/engine-settings.js'
import { Authorization } from './call/authorization.js'
import { AskedInTime } from './call/callback-timeout.js'
import type { Link } from './call/client-context.js'
import { EventReaders } from './call/event-reader.js'
import type { HttpAuth } from './call/http-auth.js'
import { IdleWatch } from './call/idle-watch.js'
import { Inflow } from './call/pause-state.js'
import { type HeaderSource, RequestHeaders } from './call/request-headers.js'
import { httpChannel } from './http-channel.js'
import {
  type HttpClientOptions,
  type HttpReconnectOptions,
  httpClientDefaults,
  httpReconnectDefaults,
} from './http-client-options.js'

const known: KnownOptions<HttpClientOptions> = {
  ...httpClientDefaults,
  url: 1,
  fetch: 1,
  agent: 1,
  auth: 1,
  tls: 1,
  proxy: 1,
  sessionId: 1,
  protocolVersion: 1,
  onStreamState: 1,
}
const knownInReconnect: KnownOptions<HttpReconnectOptions> = httpReconnectDefaults
const knownInAuth: KnownOptions<HttpAuth> = { token: 1, onUnauthorized: 1, onInsufficientScope: 1 }
/** What a function that the client calls is named like, rightly spelt or not. */
const SLOT = /^on[A-Z]/

/** How long a server may take to end an answer that has nothing more to carry, in milliseconds. */
const LINGER_MS = 2_000

/**
 * A transport to one MCP server over Streamable HTTP, or over HTTP+SSE where the server knows nothing newer. Opens
 * nothing until the first `send()`: HTTP has no connection of its own.
 *
 * `send()` resolves when the server took the message. It rejects with `AUTH_REQUIRED` (401), `REFUSED` (403, 503, and
 * for what is no request any other status), `SESSION_LOST`, `CONNECT_TIMEOUT`, `SEND_FAILED`, or with what the
 * application threw while it was asked for a token or for headers. A request that is refused with another status of
 * 4xx, or whose answer is lost on the way, is answered with a JSON-RPC error. Only the message that opens the
 * conversation tells whether there is a server: it rejects with `CONNECT_FAILED` where nobody is reached, and
 * `initialize` with that or `REFUSED` where something else than an MCP server answers.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function httpClient(options: HttpClientOptions): Transport {
  requireKnownOptions(options, known)
  const settings = resolveOptions(httpClientDefaults, options)
  requireKnownOptions(settings.reconnect, knownInReconnect, 'reconnect')
  const reconnect = resolveOptions(httpReconnectDefaults, settings.reconnect)
  const url = requireHttpUrl(settings.url)
  requireNumbers(settings, reconnect)
  requireRest(settings)
  const headersOption = requireHeaders(settings.headers)
  const address = `${url.protocol}//${url.host}${url.pathname}`
  const peer = Object.freeze({ medium: 'http', address })
  const { auth, clock } = settings
  const engineSettings = { ...settings, url, address }
  // Made here for what it says about options; it opens nothing, and one that is not used holds nothing.
  let engine: ReturnType<typeof createEngine> | undefined = createEngine(engineSettings)

  function newLink(): Link {
    const asked = new AskedInTime(clock)
    const inflow = new Inflow(clock)
    // As a function of nobody: the platform's refuses to be a method of something else.
    const fetch: Fetch = (url, init) => (settings.fetch ?? globalThis.fetch)(url, init)
    const authorization = auth && new Authorization({ ...settings, auth, serverUrl: url, fetch, asked })
    const token = authorization && (() => authorization.token())
    const headers = new RequestHeaders({ ...settings, headers: headersOption, token, asked })
    headers.sessionId = settings.sessionId
    headers.protocolVersion = settings.protocolVersion
    const taken = engine ?? createEngine(engineSettings)
    engine = undefined
    return {
      ...settings,
      engine: taken,
      url,
      address,
      headers,
      authorization,
      asked,
      watch: new IdleWatch(clock, settings.streamIdleTimeoutMs, inflow),
      lingering: new IdleWatch(clock, LINGER_MS),
      readers: new EventReaders(settings.maxMessageBytes),
      reconnect: { ...settings, ...reconnect },
      inflow,
    }
  }

  return createTransport(
    {
      connect: async (sink, signal) => {
        signal.throwIfAborted()
        return httpChannel(newLink(), sink, { ...settings, peer, onStreamState: settings.onStreamState })
      },
    },
    settings,
  )
}

type Settings = ReturnType<typeof resolveOptions<typeof httpClientDefaults, HttpClientOptions>>

/** What is wrong with a URL is told without showing it: it may hold a password or a token. */
function requireHttpUrl(given: unknown): URL {
  if (!URL.canParse(String(given))) return rejectOption('url', 'a URL')
  const url = new URL(String(given))
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return rejectOption('url', 'a URL that starts with http:// or https://')
  if (url.username !== '' || url.password !== '')
    return rejectOption('url', 'a URL without user and password; see headers')
  url.hash = ''
  return url
}

function requireHeaders(given: Settings['headers']): HeaderSource['headers'] {
  if (typeof given === 'function') return given
  const headers = parseHeaders(given)
  return typeof headers === 'string' ? rejectOption('headers', `a function, or ${headers}`) : headers
}

function requireNumbers(settings: Settings, reconnect: Readonly<Record<string, unknown>>): void {
  requireInteger('maxMessageBytes', settings.maxMessageBytes, 1024, Infinity)
  requireInteger('maxQueuedBytes', settings.maxQueuedBytes, 1024, Infinity)
  requireInteger('maxSockets', settings.maxSockets, 1, Infinity)
  requireInRange('minRetryMs', settings.minRetryMs, 0, Infinity)
  requireInRange('maxRetryMs', settings.maxRetryMs, settings.minRetryMs, Infinity)
  requireInRange('streamIdleTimeoutMs', settings.streamIdleTimeoutMs, 1, Infinity)
  requireInRange('connectTimeoutMs', settings.connectTimeoutMs, 1, Infinity)
  requireInRange('authTimeoutMs', settings.authTimeoutMs, 1, Infinity)
  requireInRange('closeTimeoutMs', settings.closeTimeoutMs, 0, Infinity)
  requireInRange('reconnect.firstDelayMs', reconnect['firstDelayMs'], 1, Infinity)
  requireInRange('reconnect.maxDelayMs', reconnect['maxDelayMs'], 1, Infinity)
  requireInteger('reconnect.maxAttempts', reconnect['maxAttempts'], 0, Infinity)
  requireInRange('reconnect.healthyUptimeMs', reconnect['healthyUptimeMs'], 0, Infinity)
}

function requireRest(settings: Settings): void {
  const { auth, sessionId, protocolVersion } = settings
  for (const option of ['httpSse', 'standaloneStream', 'endSessionOnClose'] as const) {
    if (typeof settings[option] !== 'boolean') invalidOption(option, settings[option], 'true or false')
  }
  if (auth !== undefined) requireAuth(auth)
  for (const option of ['random', 'onStreamState'] as const) {
    const given: unknown = settings[option]
    if (given !== undefined && typeof given !== 'function') invalidOption(option, given, 'a function')
  }
  if (sessionId !== undefined) requireText('sessionId', sessionId)
  if (protocolVersion !== undefined) requireText('protocolVersion', protocolVersion)
}

function requireAuth(auth: HttpAuth): void {
  if (typeof auth?.token !== 'function') rejectOption('auth', 'an object with a function "token"')
  if (Object.getPrototypeOf(auth) !== Object.prototype) return
  // Whatever else is in it is a state of its own.
  const slots = Object.entries(auth).filter(([name]) => SLOT.test(name))
  requireKnownOptions(Object.fromEntries(slots), knownInAuth, 'auth')
}
