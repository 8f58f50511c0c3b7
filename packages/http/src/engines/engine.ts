import { type Clock, type TlsClientOptions, TransportError } from '@mcpwire/core'
import { type HeaderRecord, optionError } from '@mcpwire/core/authoring'

/** Any function that works as the platform's `fetch` does. */
export type Fetch = typeof globalThis.fetch

/** The options of a client that its engine uses. */
export interface EngineSettings {
  /** The server. Every request of the engine goes to its origin. */
  readonly url: URL
  /** The server's name in errors: the URL without its query, which may hold a secret. */
  readonly address: string
  readonly fetch?: Fetch | undefined
  /** An `http.Agent` or `https.Agent` of Node. */
  readonly agent?: object | undefined
  readonly tls?: TlsClientOptions | undefined
  readonly proxy?: 'environment' | string | URL | undefined
  readonly maxSockets: number
  readonly cookies: boolean
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/** Makes the engine that the settings choose. Throws `INVALID_OPTION` where the platform cannot follow them. */
export type CreateEngine = (settings: EngineSettings) => Engine

/** The cookies of one client, where the platform keeps none. */
export interface Cookies {
  /** Settles once cookies that have arrived can be sent. Requests wait for it. */
  readonly loading: Promise<void> | undefined
  /** Keeps the cookies of a response, each the value of one `Set-Cookie`. */
  readonly store: (url: URL, cookies: readonly string[]) => void
  /** The headers with the cookies for that URL. Those that are given override the stored ones. */
  readonly addTo: (headers: HeaderRecord, url: URL) => HeaderRecord
}

/** Sends HTTP requests. Follows no redirects, adds no listener to a signal of the application. */
export interface Engine {
  readonly cookies?: Cookies | undefined
  /** Whether the platform decodes bodies with a `content-encoding`. */
  readonly decodesContent?: boolean
  /** Loads what the engine needs. Rejects with `INVALID_OPTION` where an optional package is missing. */
  readonly prepare?: () => Promise<void>
  readonly send: (request: EngineRequest, handlers: EngineHandlers) => EngineCall
  /** Aborts all requests and destroys every socket. Idempotent, never rejects. */
  readonly close: () => Promise<void>
}

/** One HTTP request of the client. */
export interface EngineRequest {
  readonly method: 'POST' | 'GET' | 'DELETE'
  readonly url: URL
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /**
   * Whether the server waits for it, as for the response to one of its requests. Some sockets are reserved for
   * these, so that they never wait for a request of this client to end.
   */
  readonly isReply?: boolean | undefined
  /**
   * Whether it is the first request. The response to it has to start within the time for connecting, which starts
   * again when the connection is open. Where the platform hides that, it includes the connecting.
   */
  readonly isOpening?: boolean | undefined
}

/** Status and headers of a response. */
export interface ResponseHead {
  readonly status: number
  /** Empty where the platform hides it. */
  readonly statusText: string
  /** The value of a header, by lower-case name. */
  readonly header: (name: string) => string | undefined
  /** The values of `Set-Cookie`, where the platform shows them. */
  readonly cookies?: readonly string[] | undefined
}

/**
 * The events of one response: `head`, any number of `data`, then `end`; or `failed` at any moment. None follows
 * `end`, `failed` or `abort()`, and none is called within `send()`.
 */
export interface EngineHandlers {
  readonly head: (head: ResponseHead) => void
  /** Bytes of the body. The engine may reuse the array afterwards. */
  readonly data: (chunk: Uint8Array) => void
  readonly end: () => void
  /** `delivery` is `none` only where no byte of the request can have reached the server. */
  readonly failed: (cause: Error, delivery: 'none' | 'unknown') => void
}

/** One request in progress. */
export interface EngineCall {
  /** Whether part of the request may have reached the server. */
  readonly isSent: boolean
  /** Cancels the request and closes its stream. Idempotent, without effect once the request is over. */
  readonly abort: () => void
  /** Stops and continues the arrival of `data`, where the platform can. */
  readonly pause: () => void
  readonly resume: () => void
}

/** The error for a first request without the start of a response, over a connection that is open. */
export function openingTimeout({ address, connectTimeoutMs: timeoutMs }: OpeningLimit): TransportError {
  const message = `${address} did not start to respond within connectTimeoutMs (${timeoutMs} ms)`
  const hint =
    'check that it is an MCP server over HTTP; for a server that starts slowly, raise option "connectTimeoutMs"'
  return new TransportError('CONNECT_TIMEOUT', message, {
    address,
    timeoutMs,
    option: 'connectTimeoutMs',
    hint,
  })
}

/** The limit for the start of the response to a first request. */
export interface OpeningLimit {
  readonly address: string
  readonly connectTimeoutMs: number
  readonly clock: Clock
  /** Added to the limit: the longest time for connecting, where that has a limit of its own. */
  readonly connectingMs?: number
}

/** Throws `INVALID_OPTION` with `option "NAME" WHY`. */
export function refuseOption(option: string, why: string, cause?: unknown): never {
  throw optionError(option, why, {}, cause)
}
