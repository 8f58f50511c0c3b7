import type { AuthInfo, EventStore, HttpHooks, ListenerOptions } from '@mcpwire/core'
import {
  boolean,
  callback,
  callbacks,
  defaultsOf,
  group,
  inRange,
  integer,
  invalidOption,
  listenerOptions,
  matching,
  type OptionalListenerOptions,
  type OptionDefaults,
  type OptionRule,
  type OptionSettings,
  type OptionTable,
  oneOf,
  optional,
  options,
  rejectOption,
} from '@mcpwire/core/authoring'

/** The two paths of HTTP+SSE, the transport of 2024-11-05. */
export interface HttpSseOptions {
  /** Path where clients open their stream. */
  path: string
  /** Path where clients post their messages. */
  messagesPath: string
}

/** Options of an MCP endpoint over HTTP, for any host. `maxConnections` limits the sessions; idle ones make space. */
export interface HttpEndpointOptions extends ListenerOptions {
  /**
   * Format of responses: `json` for the response alone, `sse` for an event stream, `auto` for JSON that becomes a
   * stream when another message precedes the response or the response takes longer than `keepAliveIntervalMs`. A
   * client that accepts only one format gets that one. With `json` a request of the server, such as an elicitation,
   * uses the stream that the client has opened with GET. Without such a stream the response becomes an event stream,
   * if the client accepts one; otherwise `send()` rejects with `SEND_FAILED`.
   * @defaultValue 'auto'
   */
  responseFormat?: 'auto' | 'json' | 'sse' | undefined
  /**
   * Store for the events of streams, so that clients can resume them. One store serves any number of sessions, and
   * `memoryEventStore()` is one with limits.
   * @defaultValue undefined
   */
  eventStore?: EventStore | undefined
  /**
   * Time limit for one call of the event store, in milliseconds. An event that is not stored in time is sent without an
   * id. A client that resumes meanwhile gets status 500.
   * @defaultValue 5_000
   */
  eventStoreTimeoutMs?: number | undefined
  /**
   * Time without data on a stream before a comment is sent, in milliseconds. Proxies close idle streams after 20 s and
   * more. `Infinity` sends none.
   * @defaultValue 15_000
   */
  keepAliveIntervalMs?: number | undefined
  /**
   * Wait of a client before it reconnects to a closed stream, in milliseconds.
   * @defaultValue 1_000
   */
  retryMs?: number | undefined
  /**
   * Service for clients of 2026-07-28, which has no sessions. With `multiplexed` all requests of a principal share one
   * connection to the application, with `per-request` each has its own, with `off` they get an error by which clients
   * fall back to `initialize`. Subscriptions are
   * notified by the application, and with `per-request` by `notify` of the listener. Headers that mirror arguments
   * (`Mcp-Param-*`) are checked after the principal has received a list of tools.
   * @defaultValue 'multiplexed'
   */
  modern?: 'multiplexed' | 'per-request' | 'off' | undefined
  /**
   * Service for clients of the revisions with sessions, up to 2025-11-25. If `false`, they get an error with the
   * supported revisions.
   * @defaultValue true
   */
  legacy?: boolean | undefined
  /**
   * Function that identifies a caller by a text. Callers with the same text share a session, or in 2026-07-28 a
   * connection. By default a session belongs to one client (`clientId`) and user (`extra.sub` or `extra.subject`). A
   * connection of 2026-07-28 also has the same `scopes` and `resource`, and without a user the same token. After a
   * token refresh without a user, open subscriptions miss changes that later requests cause, so set `extra.sub` or
   * give this function. Rights elsewhere, such as roles in `extra`, need this function. `peer.authInfo` is that of the
   * request that opened the session or connection. Check rights by the `authInfo` of each message context. Callers
   * without `authInfo` are one principal. A caller is refused if the function throws or returns no string.
   * @defaultValue undefined
   */
  principal?: ((authInfo: AuthInfo) => string) | undefined
  /**
   * Time a session may have no open stream and no open request before it expires, in milliseconds. A request whose client
   * has disconnected is not open, even if it is not answered: a client that has not resumed it by then does not return.
   * When `maxConnections` or a share is reached, sessions end earlier to make space: first those without a request after
   * `initialize`, then the longest idle, then those whose clients left requests open for `cancelAfterMs`.
   * @defaultValue 1_800_000
   */
  idleTimeoutMs?: number | undefined
  /**
   * Time a session may last, in milliseconds. A connection of 2026-07-28 then accepts no more requests, its
   * subscriptions end, and it ends with its last response.
   * @defaultValue Infinity
   */
  lifetimeMs?: number | undefined
  /**
   * Limit for the sessions of one address. Its session that is idle the longest makes space for a further one; without
   * one that is refused with 503. Behind a proxy all clients have the address of the proxy.
   * @defaultValue Infinity
   */
  maxSessionsPerAddress?: number | undefined
  /**
   * Limit for the sessions of one principal that the gate names with `authInfo`. Its session that is idle the longest
   * makes space for a further one; without one that is refused with 429. The default is a quarter of `maxConnections`.
   * Callers without `authInfo` have `maxConnections` together.
   * @defaultValue undefined
   */
  maxSessionsPerPrincipal?: number | undefined
  /**
   * Limit for the requests in flight in all sessions of one principal that the gate names. Further ones get status 429.
   * The default is `maxInFlight`. In 2026-07-28 `maxInFlight` is that limit.
   * @defaultValue undefined
   */
  maxInFlightPerPrincipal?: number | undefined
  /**
   * Limit for the requests in flight of one session, or in 2026-07-28 of one principal, including subscriptions.
   * Further ones get status 503.
   * @defaultValue 10_000
   */
  maxInFlight?: number | undefined
  /**
   * Limit for the requests of one caller of 2026-07-28 that the application has received and not answered, without
   * subscriptions. Further ones wait, and callers take turns. A caller is a principal that the gate names, or else an
   * address. Requests also wait while the application has paused its connection, for at most `bodyTimeoutMs`.
   * @defaultValue 256
   */
  maxInFlightPerCaller?: number | undefined
  /**
   * Handling of a request whose client disconnects before the response: `continue`, `cancel` at once, or
   * `cancel-after`, which waits `cancelAfterMs` for the client to resume. The default is `continue` with an
   * `eventStore`, and `cancel-after` without.
   * @defaultValue undefined
   */
  onDisconnect?: 'continue' | 'cancel-after' | 'cancel' | undefined
  /**
   * Wait of `cancel-after`, in milliseconds.
   * @defaultValue 30_000
   */
  cancelAfterMs?: number | undefined
  /**
   * Limit for a body, and for a message to send, in bytes. A longer body gets status 413 and is not buffered.
   * @defaultValue 10_485_760
   */
  maxMessageBytes?: number | undefined
  /**
   * Limit for the queue of one stream, in bytes. Over it, `send()` rejects with `OVERLOADED`. It also limits pipelined
   * responses of one connection: over it, the connection is destroyed.
   * @defaultValue 16_777_216
   */
  maxQueuedBytes?: number | undefined
  /**
   * Time a client may read nothing of its pending data before its connection is destroyed, in milliseconds. A slow
   * client is not affected.
   * @defaultValue 60_000
   */
  stallTimeoutMs?: number | undefined
  /**
   * Time a body may take to arrive, in milliseconds. After it, the client gets status 408.
   * @defaultValue 30_000
   */
  bodyTimeoutMs?: number | undefined
  /**
   * Functions of the handshake: `preflight` responds to CORS preflights, `responseHeaders` returns headers for every
   * response, and `routes` has a function for each further path, which no gate protects.
   * @defaultValue undefined
   */
  hooks?: HttpHooks | undefined
  /**
   * The paths of HTTP+SSE (2024-11-05), if it is served too: `path` for streams and `messagesPath` for messages. Both
   * differ from the path of the endpoint.
   * @defaultValue undefined
   */
  httpSse?: HttpSseOptions | undefined
}

/** The longest string of the platform is little longer. */
const MAX_MESSAGE_BYTES = 2 ** 29 - 1

/** The path of a URL. */
export function path<D extends string | undefined = undefined>(defaultValue?: D): OptionRule<string, D> {
  return matching(isPath, PATH_NEEDED, defaultValue)
}

const PATH_NEEDED = 'a path that starts with "/", without query'

function isPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/[^\s?#]*$/.test(value)
}

const hooksTable = options<HttpHooks, keyof HttpHooks>({
  preflight: optional(callback()),
  responseHeaders: optional(callback()),
  routes: optional(callbacks('an object with a function for each path')),
})

const httpSseTable = options<HttpSseOptions>({ path: path(), messagesPath: path() })

/** The options of an endpoint that may be left out and have no default. */
export type OptionalEndpointOptions =
  | OptionalListenerOptions
  | 'eventStore'
  | 'principal'
  | 'maxSessionsPerPrincipal'
  | 'maxInFlightPerPrincipal'
  | 'onDisconnect'
  | 'hooks'
  | 'httpSse'

/** The options of an endpoint. */
export const endpointOptions: OptionTable<HttpEndpointOptions, OptionalEndpointOptions> = options<
  HttpEndpointOptions,
  OptionalEndpointOptions
>({
  ...listenerOptions.rules,
  responseFormat: oneOf(['auto', 'json', 'sse'], 'auto'),
  eventStore: optional(
    matching<EventStore>(
      (value) =>
        hasMethods(value, ['storeEvent', 'replayEventsAfter']) &&
        ((value as Partial<EventStore>).getStreamIdForEventId === undefined ||
          hasMethods(value, ['getStreamIdForEventId'])),
      'an EventStore',
    ),
  ),
  eventStoreTimeoutMs: inRange(1, Infinity, 5_000),
  keepAliveIntervalMs: inRange(1, Infinity, 15_000),
  retryMs: integer(0, 2 ** 31 - 1, 1_000),
  modern: oneOf(['multiplexed', 'per-request', 'off'], 'multiplexed'),
  legacy: boolean(true),
  principal: optional(callback()),
  idleTimeoutMs: inRange(1, Infinity, 1_800_000),
  lifetimeMs: inRange(1, Infinity, Infinity),
  maxSessionsPerAddress: integer(1, Infinity, Infinity),
  maxSessionsPerPrincipal: optional(integer(1, Infinity)),
  maxInFlightPerPrincipal: optional(integer(1, Infinity)),
  maxInFlight: integer(1, Infinity, 10_000),
  maxInFlightPerCaller: integer(1, Infinity, 256),
  onDisconnect: optional(oneOf(['continue', 'cancel-after', 'cancel'])),
  cancelAfterMs: inRange(0, Infinity, 30_000),
  maxMessageBytes: integer(1024, MAX_MESSAGE_BYTES, 10_485_760),
  maxQueuedBytes: integer(1024, Infinity, 16_777_216),
  stallTimeoutMs: inRange(1, Infinity, 60_000),
  bodyTimeoutMs: inRange(1, Infinity, 30_000),
  hooks: optional(group(hooksTable)),
  httpSse: optional(group(httpSseTable)),
})

/** What an endpoint uses for options that are not given. */
export const httpEndpointDefaults: OptionDefaults<HttpEndpointOptions, OptionalEndpointOptions> =
  /* @__PURE__ */ defaultsOf(endpointOptions)

/** The options of an endpoint after their defaults. */
export type EndpointSettings = OptionSettings<HttpEndpointOptions, OptionalEndpointOptions>

function hasMethods(value: unknown, names: readonly (keyof EventStore)[]): boolean {
  const object = (value ?? {}) as Record<string, unknown>
  return names.every((name) => typeof object[name] === 'function')
}

/**
 * Throws `INVALID_OPTION` for options that contradict each other.
 *
 * @param endpointPath the path of the endpoint, where the listener has one
 */
export function requireConsistent(
  { legacy, modern, httpSse, hooks }: EndpointSettings,
  endpointPath?: string,
): void {
  if (!legacy && modern === 'off')
    invalidOption('legacy', legacy, 'true if option "modern" is "off": no client would be served')
  if (httpSse && httpSse.path === httpSse.messagesPath)
    invalidOption('httpSse.messagesPath', httpSse.messagesPath, 'another path than option "httpSse.path"')
  // A path with two handlers would hide one of them.
  const taken = new Map([[endpointPath, 'path']])
  for (const name of ['path', 'messagesPath'] as const) {
    const option = `httpSse.${name}`
    if (httpSse && taken.has(httpSse[name]))
      invalidOption(option, httpSse[name], 'another path than option "path"')
    taken.set(httpSse?.[name], option)
  }
  for (const route of Object.keys(hooks?.routes ?? {})) {
    if (!isPath(route)) rejectOption(`hooks.routes["${route}"]`, PATH_NEEDED)
    const other = taken.get(route)
    if (other !== undefined) rejectOption(`hooks.routes["${route}"]`, `another path than option "${other}"`)
  }
}
