import { type HttpHeaders, isTransportError } from '@mcpwire/core'
import { callbackFailed, type HeaderRecord, normalizeHeaders, parseHeaders } from '@mcpwire/core/authoring'
import { type AskedInTime, isPromised } from './callback-timeout.js'
import { EVENTS_TYPE, JSON_TYPE } from './media-type.js'

const SESSION_ID = 'mcp-session-id'
const PROTOCOL_VERSION = 'mcp-protocol-version'
const HEADER_ASCII = /^[\x20-\x7e]*$/

/** What the headers of one client are made from. */
export interface HeaderSource {
  readonly headers: HeaderRecord | (() => HttpHeaders | Promise<HttpHeaders>)
  /** The current credential. What it throws is passed on as it is. */
  readonly token: (() => Promise<string | undefined>) | undefined
  readonly asked: AskedInTime
  readonly connectTimeoutMs: number
}

/**
 * Knows what every request of one client carries. While nothing changes it is one and the same object, so that
 * sending a message makes no headers.
 */
export class RequestHeaders {
  readonly #dynamic: HeaderSource['headers'] | undefined
  readonly #source: HeaderSource
  readonly #fixed: HeaderRecord
  #sessionId: string | undefined
  #protocolVersion: string | undefined
  #post: HeaderRecord | undefined
  /** What a POST carries besides what repeats its message, which is often the same. */
  #mirroring: WeakMap<HeaderRecord, HeaderRecord> = new WeakMap()

  constructor(source: HeaderSource) {
    const { headers } = source
    this.#dynamic = typeof headers === 'function' ? headers : undefined
    this.#fixed = typeof headers === 'function' ? {} : headers
    this.#source = source
  }

  get sessionId(): string | undefined {
    return this.#sessionId
  }

  set sessionId(id: string | undefined) {
    this.#sessionId = id
    this.#forget()
  }

  get protocolVersion(): string | undefined {
    return this.#protocolVersion
  }

  set protocolVersion(version: string | undefined) {
    this.#protocolVersion = version
    this.#forget()
  }

  /**
   * For a POST within the session, with what the message itself repeats in headers, by lower-case name. A promise only
   * where a function of the application is asked.
   */
  post(own: HttpHeaders | undefined, mirrored?: HeaderRecord): HeaderRecord | Promise<HeaderRecord> {
    const known = own === undefined && mirrored && this.#mirroring.get(mirrored)
    if (known) return known
    this.#post ??= this.#in({ accept: `${JSON_TYPE}, ${EVENTS_TYPE}`, 'content-type': JSON_TYPE })
    const headers = this.#complete(this.#post, own, mirrored)
    if (own === undefined && mirrored && !(headers instanceof Promise)) this.#mirroring.set(mirrored, headers)
    return headers
  }

  /** For the POST that begins a session, and so names none. */
  initialize(own: HttpHeaders | undefined, mirrored?: HeaderRecord): HeaderRecord | Promise<HeaderRecord> {
    const base = { accept: `${JSON_TYPE}, ${EVENTS_TYPE}`, 'content-type': JSON_TYPE }
    return this.#complete({ ...base, ...this.#fixed }, own, mirrored)
  }

  /** For a GET that asks for events. */
  events(lastEventId: string | undefined): HeaderRecord | Promise<HeaderRecord> {
    const base = {
      accept: EVENTS_TYPE,
      ...(lastEventId !== undefined && { 'last-event-id': inBytes(lastEventId) }),
    }
    return this.#complete(this.#in(base), undefined)
  }

  /** For the DELETE that ends a session. */
  end(): HeaderRecord | Promise<HeaderRecord> {
    return this.#complete(this.#in({}), undefined)
  }

  #forget(): void {
    this.#post = undefined
    this.#mirroring = new WeakMap()
  }

  #in(base: HeaderRecord): HeaderRecord {
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
    const mine = own === undefined ? mirrored : { ...mirrored, ...normalizeHeaders(own) }
    if (!this.#dynamic && !this.#source.token) return mine ? { ...base, ...mine } : base
    return this.#asked(base, mine)
  }

  async #asked(base: HeaderRecord, mine: HeaderRecord | undefined): Promise<HeaderRecord> {
    const token = await this.#source.token?.()
    const asked = await this.#ask()
    // Before the rest: what was given as headers wins over it.
    return { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...base, ...asked, ...mine }
  }

  async #ask(): Promise<HeaderRecord | undefined> {
    if (typeof this.#dynamic !== 'function') return undefined
    const { asked, connectTimeoutMs: timeoutMs } = this.#source
    try {
      const yielded = this.#dynamic()
      const headers = isPromised(yielded)
        ? await asked.wait(yielded, { slot: 'headers', option: 'connectTimeoutMs', timeoutMs })
        : yielded
      const known = parseHeaders(headers)
      if (typeof known === 'string') throw new Error(`it must yield ${known}`)
      return known
    } catch (cause) {
      if (isTransportError(cause, 'CALLBACK_FAILED')) throw cause
      throw callbackFailed('headers', cause, 'headers()')
    }
  }
}

const FIRST_MODERN_REVISION = '2026-07-28'

/** Whether requests of that revision say themselves what they keep to. Revisions are dates. */
export function isModernRevision(revision: string | undefined): boolean {
  return revision !== undefined && revision >= FIRST_MODERN_REVISION
}

/** The text as a header carries it: one character for each byte of its UTF-8 (HTML, Server-sent events). */
function inBytes(text: string): string {
  if (HEADER_ASCII.test(text)) return text
  return String.fromCharCode(...new TextEncoder().encode(text))
}
