import { type HttpHeaders, isTransportError, type JsonRpcMessage } from '@mcpwire/core'
import {
  callbackFailed,
  type HeaderRecord,
  isThenable,
  normalizeHeaders,
  parseHeaders,
} from '@mcpwire/core/authoring'
import type { ParamHeader } from '../../headers/param-headers.js'
import { mirroredHeaders, nameIn, VERSION_KEY } from '../../headers/standard-headers.js'
import { EVENT_STREAM_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../../shared/media-types.js'
import type { CallbackTimeouts } from './callbacks.js'

/** The engines decode nothing. A platform that decodes replaces the header by its own. */
const NO_CODING: HeaderRecord = { 'accept-encoding': 'identity' }
const POST_HEADERS: HeaderRecord = {
  ...NO_CODING,
  accept: `${JSON_MEDIA_TYPE}, ${EVENT_STREAM_MEDIA_TYPE}`,
  'content-type': JSON_MEDIA_TYPE,
}
const SESSION_ID = 'mcp-session-id'
const PROTOCOL_VERSION = 'mcp-protocol-version'
const HEADER_ASCII = /^[\x20-\x7e]*$/

/** The media type in a `content-type` header, without its parameters. */
export function mediaTypeOf(header: string | undefined): string | undefined {
  // The fast path: most servers write exactly these.
  if (header === undefined || header === JSON_MEDIA_TYPE || header === EVENT_STREAM_MEDIA_TYPE) return header
  return header.split(';', 1)[0]?.trim().toLowerCase()
}

/** Visible ASCII (Streamable HTTP: Session Management). */
const VALID_SESSION_ID = /^[\x21-\x7e]+$/

/**
 * The session id in the header of a response, where platforms join repeated headers. Equal ones count once. `undefined`
 * for an invalid id.
 */
export function parseSessionId(header: string): string | undefined {
  const [id = '', ...more] = header.split(', ').map((each) => each.trim())
  return VALID_SESSION_ID.test(id) && more.every((each) => each === id) ? id : undefined
}

/** The sources of a client's headers. */
export interface HeaderSource {
  readonly headers: HeaderRecord | (() => HttpHeaders | Promise<HttpHeaders>)
  /** The current credential. Its errors are passed on unchanged. */
  readonly token: (() => Promise<string | undefined>) | undefined
  readonly callbacks: CallbackTimeouts
  readonly connectTimeoutMs: number
}

/** The headers of one client's requests. They are one and the same object until something changes. */
export class RequestHeaders {
  readonly #source: HeaderSource
  readonly #fixed: HeaderRecord
  #sessionId: string | undefined
  #protocolVersion: string | undefined
  #post: HeaderRecord | undefined
  /** The headers of a POST by the headers that mirror its message, which are often the same. */
  #withMirrored: WeakMap<HeaderRecord, HeaderRecord> = new WeakMap()

  constructor(source: HeaderSource) {
    const { headers } = source
    this.#fixed = typeof headers === 'function' ? {} : headers
    this.#source = source
  }

  get sessionId(): string | undefined {
    return this.#sessionId
  }

  set sessionId(id: string | undefined) {
    this.#sessionId = id
    this.#reset()
  }

  get protocolVersion(): string | undefined {
    return this.#protocolVersion
  }

  set protocolVersion(version: string | undefined) {
    this.#protocolVersion = version
    this.#reset()
  }

  /**
   * For a POST within the session. `own` are the headers of one `send()`, `mirrored` those that mirror the message,
   * by lower-case name. Returns a promise only where a function of the application is called.
   */
  post(own: HttpHeaders | undefined, mirrored?: HeaderRecord): HeaderRecord | Promise<HeaderRecord> {
    const known = own === undefined && mirrored && this.#withMirrored.get(mirrored)
    if (known) return known
    this.#post ??= this.#inSession(POST_HEADERS)
    const headers = this.#complete(this.#post, own, mirrored)
    if (own === undefined && mirrored && !(headers instanceof Promise))
      this.#withMirrored.set(mirrored, headers)
    return headers
  }

  /** For the POST that starts a session, and so names none. */
  initialize(own: HttpHeaders | undefined, mirrored?: HeaderRecord): HeaderRecord | Promise<HeaderRecord> {
    return this.#complete({ ...POST_HEADERS, ...this.#fixed }, own, mirrored)
  }

  /** For a GET of an event stream. */
  events(lastEventId: string | undefined): HeaderRecord | Promise<HeaderRecord> {
    const base = {
      ...NO_CODING,
      accept: EVENT_STREAM_MEDIA_TYPE,
      ...(lastEventId !== undefined && { 'last-event-id': toHeaderBytes(lastEventId) }),
    }
    return this.#complete(this.#inSession(base), undefined)
  }

  /** For the DELETE that ends a session. */
  end(): HeaderRecord | Promise<HeaderRecord> {
    return this.#complete(this.#inSession(NO_CODING), undefined)
  }

  #reset(): void {
    this.#post = undefined
    this.#withMirrored = new WeakMap()
  }

  #inSession(base: HeaderRecord): HeaderRecord {
    return {
      ...base,
      ...(this.#sessionId !== undefined && { [SESSION_ID]: this.#sessionId }),
      ...(this.#protocolVersion !== undefined && { [PROTOCOL_VERSION]: this.#protocolVersion }),
      ...this.#fixed,
    }
  }

  #complete(
    base: HeaderRecord,
    own: HttpHeaders | undefined,
    mirrored?: HeaderRecord,
  ): HeaderRecord | Promise<HeaderRecord> {
    const extra = own === undefined ? mirrored : { ...mirrored, ...normalizeHeaders(own) }
    const { headers, token } = this.#source
    if (typeof headers !== 'function' && !token) return extra ? { ...base, ...extra } : base
    return this.#completeByCallbacks(base, extra)
  }

  async #completeByCallbacks(base: HeaderRecord, extra: HeaderRecord | undefined): Promise<HeaderRecord> {
    const token = await this.#source.token?.()
    const given = await this.#callHeaders()
    // The credential first: the headers of the application override it.
    return { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...base, ...given, ...extra }
  }

  async #callHeaders(): Promise<HeaderRecord | undefined> {
    const { headers, callbacks, connectTimeoutMs: timeoutMs } = this.#source
    if (typeof headers !== 'function') return undefined
    try {
      const returned = headers()
      const given = isThenable(returned)
        ? await callbacks.wait(returned, { slot: 'headers', option: 'connectTimeoutMs', timeoutMs })
        : returned
      const record = parseHeaders(given)
      if (typeof record === 'string') throw new Error(`it must return ${record}`)
      return record
    } catch (cause) {
      if (isTransportError(cause, 'CALLBACK_FAILED')) throw cause
      throw callbackFailed('headers', cause, 'headers()')
    }
  }
}

const FIRST_MODERN_REVISION = '2026-07-28'

/** Whether requests of that revision name it themselves. Revisions are dates. */
export function isModernRevision(revision: string | undefined): boolean {
  return revision !== undefined && revision >= FIRST_MODERN_REVISION
}

/** The text as a header carries it: one character for each byte of its UTF-8 (HTML, Server-sent events). */
function toHeaderBytes(text: string): string {
  if (HEADER_ASCII.test(text)) return text
  return String.fromCharCode(...new TextEncoder().encode(text))
}

/** How many sets of mirrored headers are cached: a client calls a few tools over and over. */
const MAX_CACHED = 256

/** The headers that mirror messages. Messages with the same method and name get the same object. */
export class MirroredHeaders {
  readonly #cache = new Map<string, { readonly version: unknown; readonly headers: HeaderRecord }>()

  /** The headers for one message. Those with mirrored arguments are not cached. */
  of(message: JsonRpcMessage, params: readonly ParamHeader[]): HeaderRecord {
    if (!('method' in message) || params.length > 0) return mirroredHeaders(message, params)
    const version = message.params?._meta?.[VERSION_KEY]
    const name = nameIn(message)
    // An empty name is a name. No method with a name contains a line break.
    const key = name === undefined ? message.method : `${message.method}\n${name}`
    const cached = this.#cache.get(key)
    if (cached && cached.version === version) return cached.headers
    const headers = mirroredHeaders(message)
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear()
    this.#cache.set(key, { version, headers })
    return headers
  }
}
