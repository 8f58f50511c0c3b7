import type { AuthInfo, Clock, EventStore, HttpHooks, ListenerOptions } from '@mcpwire/core'
import {
  invalidOption,
  type KnownOptions,
  listenerDefaults,
  listenerOptions,
  requireGate,
  requireInRange,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  requireText,
} from '@mcpwire/core/authoring'

/** The two routes of HTTP+SSE, the transport of 2024-11-05. */
export interface HttpSseOptions {
  /** Path that clients open their stream at. */
  path: string
  /** Path that clients send their messages to. */
  messagesPath: string
}

/** Options of an MCP endpoint over HTTP, whatever serves it. `maxConnections` bounds the sessions. */
export interface HttpEndpointOptions extends ListenerOptions {
  /**
   * How requests are answered: `json` with the response alone, `sse` with a stream of events, `auto` with JSON unless
   * something else is to be said before the response or the response takes longer than `keepAliveIntervalMs`. Clients
   * that accept only one of them get that one.
   * @defaultValue 'auto'
   */
  responseFormat?: 'auto' | 'json' | 'sse' | undefined
  /**
   * Keeps what was sent on streams, so that clients which lost one can have the rest. Serves any number of sessions.
   * `memoryEventStore()` is one that keeps within bounds.
   * @defaultValue undefined
   */
  eventStore?: EventStore | undefined
  /**
   * How long the event store may take over one call, in milliseconds. What could not be stored in time is sent all the
   * same, and once more to who comes back where the store had it after all; meanwhile those who come back are
   * answered with 500.
   * @defaultValue 5_000
   */
  eventStoreTimeoutMs?: number | undefined
  /**
   * How long a stream may be silent before a comment is sent on it, in milliseconds; proxies cut idle streams after
   * 20 s and more. `Infinity` sends none.
   * @defaultValue 15_000
   */
  keepAliveIntervalMs?: number | undefined
  /**
   * How long a client is told to wait before it comes back for a stream that was closed, in milliseconds.
   * @defaultValue 1_000
   */
  retryMs?: number | undefined
  /**
   * How clients of 2026-07-28, who have no sessions, are served: with `multiplexed` the application has one connection
   * for all requests of one principal, with `per-request` one for each request, with `off` they are refused. What
   * changes is told to their subscriptions by the application, in `per-request` by `notify` of the listener. Headers
   * that repeat arguments (`Mcp-Param-*`) are compared once a list of tools was sent to that principal: only it says
   * which there are. A refreshed token belongs to the same principal where the gate names the user (see `principal`).
   * @defaultValue 'multiplexed'
   */
  modern?: 'multiplexed' | 'per-request' | 'off' | undefined
  /**
   * Whether clients of the revisions with sessions are served, up to 2025-11-25. Others get the errors that tell them
   * which revisions there are.
   * @defaultValue true
   */
  legacy?: boolean | undefined
  /**
   * Tells the callers of the gate apart: those for whom it yields the same text share a session, or in 2026-07-28 a
   * connection, that one of them opened. `peer.authInfo` is that of the request which opened it; the message context
   * has each request's own, from which rights are to be taken. Unless given, a session is for one client (`clientId`)
   * and user (`extra.sub` or `extra.subject`), whatever rights its tokens have; a connection of 2026-07-28 also for
   * the same rights (`scopes` and `resource`), and where no user is named for a single token: after a refresh,
   * subscriptions opened with the token before hear of no changes that later requests cause. So name the user in
   * `extra.sub`, or give this function. Rights that are elsewhere, such as roles in `extra`, are for it to tell apart.
   * Callers without `authInfo` are one principal. Where it throws or yields no text, the caller is refused.
   * @defaultValue undefined
   */
  principal?: ((authInfo: AuthInfo) => string) | undefined
  /**
   * How long a session may be without an open stream and without a request in flight, in milliseconds, before it ends.
   * A request is in flight until it was answered or cancelled, whether or not its client is still there.
   * @defaultValue 1_800_000
   */
  idleTimeoutMs?: number | undefined
  /**
   * How long a session may last, in milliseconds. A connection of 2026-07-28 then gets no more requests, its
   * subscriptions end, and it ends with its last answer.
   * @defaultValue Infinity
   */
  lifetimeMs?: number | undefined
  /**
   * How many sessions one address may have at once; further ones are refused with 503. Behind a proxy all clients have
   * its address.
   * @defaultValue Infinity
   */
  maxSessionsPerAddress?: number | undefined
  /**
   * Most requests of one session, or in 2026-07-28 of one principal, that await their response at once, subscriptions
   * included; further ones are answered with 503.
   * @defaultValue 10_000
   */
  maxInFlight?: number | undefined
  /**
   * What becomes of a request whose client leaves before the response: it goes on, it is cancelled after
   * `cancelAfterMs` unless the client comes back for it, or it is cancelled at once. `continue` where there is an
   * `eventStore`, else `cancel-after`.
   * @defaultValue undefined
   */
  onDisconnect?: 'continue' | 'cancel-after' | 'cancel' | undefined
  /**
   * How long `cancel-after` waits, in milliseconds.
   * @defaultValue 30_000
   */
  cancelAfterMs?: number | undefined
  /**
   * Longest body accepted, and longest message sent, in bytes. A longer body is answered with 413 before it is held.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Most that may wait to be sent on one stream, in bytes. Beyond it `send()` rejects with `OVERLOADED`. Answers that
   * wait for an earlier one on their connection may be as long together; beyond that it is cut.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * How long a client may take nothing of what is sent to it, in milliseconds, before its connection is cut. One that
   * reads slowly is waited for.
   * @defaultValue 60_000
   */
  stallTimeoutMs?: number | undefined
  /**
   * How long a caller may take over the body of its request, in milliseconds; then it is answered with 408.
   * @defaultValue 30_000
   */
  bodyTimeoutMs?: number | undefined
  /**
   * Functions of the handshake: `preflight` answers for CORS, `responseHeaders` yields headers for every answer, and
   * `routes` has one for each path beside the endpoint, which no gate guards.
   * @defaultValue undefined
   */
  hooks?: HttpHooks | undefined
  /**
   * Serves HTTP+SSE of 2024-11-05 too, with its streams at `path` and its messages at `messagesPath`. Both are
   * required, and neither is the endpoint's.
   * @defaultValue undefined
   */
  httpSse?: HttpSseOptions | undefined
}

/** What an endpoint uses for options that are not given. */
export const httpEndpointDefaults: {
  readonly responseFormat: 'auto'
  readonly eventStoreTimeoutMs: 5_000
  readonly keepAliveIntervalMs: 15_000
  readonly retryMs: 1_000
  readonly modern: 'multiplexed'
  readonly legacy: true
  readonly idleTimeoutMs: 1_800_000
  readonly lifetimeMs: number
  readonly maxSessionsPerAddress: number
  readonly maxInFlight: 10_000
  readonly cancelAfterMs: 30_000
  readonly maxMessageBytes: 10_485_760
  readonly maxQueuedBytes: 16_777_216
  readonly stallTimeoutMs: 60_000
  readonly bodyTimeoutMs: 30_000
} & typeof listenerDefaults = {
  responseFormat: 'auto',
  eventStoreTimeoutMs: 5_000,
  keepAliveIntervalMs: 15_000,
  retryMs: 1_000,
  modern: 'multiplexed',
  legacy: true,
  idleTimeoutMs: 1_800_000,
  lifetimeMs: Infinity,
  maxSessionsPerAddress: Infinity,
  maxInFlight: 10_000,
  cancelAfterMs: 30_000,
  maxMessageBytes: 10_485_760,
  maxQueuedBytes: 16_777_216,
  stallTimeoutMs: 60_000,
  bodyTimeoutMs: 30_000,
  ...listenerDefaults,
}

/** Each option of an endpoint. */
export const knownEndpointOptions: KnownOptions<HttpEndpointOptions> = {
  ...httpEndpointDefaults,
  ...listenerOptions.rules,
  eventStore: 1,
  principal: 1,
  onDisconnect: 1,
  hooks: 1,
  httpSse: 1,
}
const knownInHooks: KnownOptions<HttpHooks> = { preflight: 1, responseHeaders: 1, routes: 1 }
const knownInHttpSse: KnownOptions<HttpSseOptions> = { path: 1, messagesPath: 1 }

/** Options of an endpoint after their defaults. */
export interface EndpointSettings extends HttpEndpointOptions {
  readonly responseFormat: 'auto' | 'json' | 'sse'
  readonly eventStoreTimeoutMs: number
  readonly keepAliveIntervalMs: number
  readonly retryMs: number
  readonly modern: 'multiplexed' | 'per-request' | 'off'
  readonly legacy: boolean
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
  readonly maxSessionsPerAddress: number
  readonly maxInFlight: number
  readonly cancelAfterMs: number
  readonly maxMessageBytes: number
  readonly maxQueuedBytes: number
  readonly stallTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly maxConnections: number
  readonly gateTimeoutMs: number
  readonly closeTimeoutMs: number
  readonly clock: Clock
}

/** The longest text that one string of the platform can hold is not much longer. */
const MOST_MESSAGE_BYTES = 2 ** 29 - 1

/** Throws `INVALID_OPTION` unless the options can work. */
export function requireEndpointOptions(settings: EndpointSettings): void {
  // The listener gets a gate of ours, which asks this one.
  if (settings.gate !== undefined) requireGate('gate', settings.gate)
  requireOneOf('responseFormat', settings.responseFormat, ['auto', 'json', 'sse'])
  requireInRange('eventStoreTimeoutMs', settings.eventStoreTimeoutMs, 1, Infinity)
  requireInRange('keepAliveIntervalMs', settings.keepAliveIntervalMs, 1, Infinity)
  requireInteger('retryMs', settings.retryMs, 0, 2 ** 31 - 1)
  requireOneOf('modern', settings.modern, ['multiplexed', 'per-request', 'off'])
  requireOneOf('legacy', settings.legacy, [true, false])
  if (!settings.legacy && settings.modern === 'off') {
    invalidOption('legacy', settings.legacy, 'true where "modern" is "off": nobody would be served')
  }
  requireInRange('idleTimeoutMs', settings.idleTimeoutMs, 1, Infinity)
  requireInRange('lifetimeMs', settings.lifetimeMs, 1, Infinity)
  requireInteger('maxSessionsPerAddress', settings.maxSessionsPerAddress, 1, Infinity)
  requireInteger('maxInFlight', settings.maxInFlight, 1, Infinity)
  if (settings.onDisconnect !== undefined) {
    requireOneOf('onDisconnect', settings.onDisconnect, ['continue', 'cancel-after', 'cancel'])
  }
  requireInRange('cancelAfterMs', settings.cancelAfterMs, 0, Infinity)
  requireInteger('maxMessageBytes', settings.maxMessageBytes, 1024, MOST_MESSAGE_BYTES)
  requireInteger('maxQueuedBytes', settings.maxQueuedBytes, 1024, Infinity)
  requireInRange('stallTimeoutMs', settings.stallTimeoutMs, 1, Infinity)
  requireInRange('bodyTimeoutMs', settings.bodyTimeoutMs, 1, Infinity)
  const { eventStore, hooks, httpSse, principal } = settings
  if (principal !== undefined && typeof principal !== 'function') {
    invalidOption('principal', principal, 'a function')
  }
  if (eventStore !== undefined && typeof eventStore?.replayEventsAfter !== 'function') {
    invalidOption('eventStore', eventStore, 'an EventStore')
  }
  if (hooks !== undefined) requireKnownOptions(hooks, knownInHooks, 'hooks')
  if (httpSse !== undefined) requireHttpSse(httpSse)
}

function requireHttpSse(httpSse: HttpSseOptions): void {
  requireKnownOptions(httpSse, knownInHttpSse, 'httpSse')
  requirePath('httpSse.path', httpSse.path)
  requirePath('httpSse.messagesPath', httpSse.messagesPath)
  if (httpSse.path === httpSse.messagesPath) {
    invalidOption('httpSse.messagesPath', httpSse.messagesPath, 'another path than httpSse.path')
  }
}

/** Throws `INVALID_OPTION` unless it is the path of a URL. */
export function requirePath(option: string, value: unknown): asserts value is string {
  requireText(option, value)
  if (!/^\/[^\s?#]*$/.test(value)) invalidOption(option, value, 'a path that starts with "/", without query')
}
