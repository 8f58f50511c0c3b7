import { isTransportError, TransportError, toError } from '@mcpwire/core'
import { type AskedInTime, isPromised } from './asked-in-time.js'
import { EVENTS_TYPE, JSON_TYPE } from './media-type.js'

/** Headers by name. */
export type Headers = Readonly<Record<string, string>>

const SESSION_ID = 'mcp-session-id'
const PROTOCOL_VERSION = 'mcp-protocol-version'
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const HEADER_ASCII = /^[\x20-\x7e]*$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** The most of the name of a header that is shown, in characters. */
const MAX_NAME_SHOWN = 64

/** What the headers of one client are made from. */
export interface HeaderSource {
  readonly headers: Headers | (() => Headers | Promise<Headers>)
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
  readonly #fixed: Headers
  #sessionId: string | undefined
  #protocolVersion: string | undefined
  #post: Headers | undefined
  /** What a POST carries besides what repeats its message, which is often the same. */
  #mirroring: WeakMap<Headers, Headers> = new WeakMap()

  constructor(source: HeaderSource) {
    const { headers } = source
    this.#dynamic = typeof headers === 'function' ? headers : undefined
    this.#fixed = typeof headers === 'function' ? {} : inLowerCase(headers)
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
  post(own: Headers | undefined, mirrored?: Headers): Headers | Promise<Headers> {
    const known = own === undefined && mirrored && this.#mirroring.get(mirrored)
    if (known) return known
    this.#post ??= this.#in({ accept: `${JSON_TYPE}, ${EVENTS_TYPE}`, 'content-type': JSON_TYPE })
    const headers = this.#complete(this.#post, own, mirrored)
    if (own === undefined && mirrored && !(headers instanceof Promise)) this.#mirroring.set(mirrored, headers)
    return headers
  }

  /** For the POST that begins a session, and so names none. */
  initialize(own: Headers | undefined): Headers | Promise<Headers> {
    const base = { accept: `${JSON_TYPE}, ${EVENTS_TYPE}`, 'content-type': JSON_TYPE }
    return this.#complete({ ...base, ...this.#fixed }, own)
  }

  /** For a GET that asks for events. */
  events(lastEventId: string | undefined): Headers | Promise<Headers> {
    const base = {
      accept: EVENTS_TYPE,
      ...(lastEventId !== undefined && { 'last-event-id': inBytes(lastEventId) }),
    }
    return this.#complete(this.#in(base), undefined)
  }

  /** For the DELETE that ends a session. */
  end(): Headers | Promise<Headers> {
    return this.#complete(this.#in({}), undefined)
  }

  #forget(): void {
    this.#post = undefined
    this.#mirroring = new WeakMap()
  }

  #in(base: Headers): Headers {
    return {
      ...base,
      ...(this.#sessionId !== undefined && { [SESSION_ID]: this.#sessionId }),
      ...(this.#protocolVersion !== undefined && { [PROTOCOL_VERSION]: this.#protocolVersion }),
      ...this.#fixed,
    }
  }

  #complete(base: Headers, own: Headers | undefined, mirrored?: Headers): Headers | Promise<Headers> {
    const mine = own === undefined ? mirrored : { ...mirrored, ...inLowerCase(own) }
    if (!this.#dynamic && !this.#source.token) return mine ? { ...base, ...mine } : base
    return this.#asked(base, mine)
  }

  async #asked(base: Headers, mine: Headers | undefined): Promise<Headers> {
    const token = await this.#source.token?.()
    const asked = await this.#ask()
    return { ...base, ...(token !== undefined && { authorization: `Bearer ${token}` }), ...asked, ...mine }
  }

  async #ask(): Promise<Headers | undefined> {
    if (typeof this.#dynamic !== 'function') return undefined
    const { asked, connectTimeoutMs: timeoutMs } = this.#source
    try {
      const yielded = this.#dynamic()
      const headers = isPromised(yielded)
        ? await asked.wait(yielded, { slot: 'headers', option: 'connectTimeoutMs', timeoutMs })
        : yielded
      const fault = faultOfHeaders(headers)
      if (fault !== undefined) throw new Error(`it must yield ${fault}`)
      return inLowerCase(headers)
    } catch (cause) {
      if (isTransportError(cause, 'CALLBACK_FAILED')) throw cause
      const message = `headers() failed: ${toError(cause).message}`
      throw new TransportError('CALLBACK_FAILED', message, { slot: 'headers' }, { cause })
    }
  }
}

const FIRST_MODERN_REVISION = '2026-07-28'

/** Whether requests of that revision say themselves what they keep to. Revisions are dates. */
export function isModernRevision(revision: string | undefined): boolean {
  return revision !== undefined && revision >= FIRST_MODERN_REVISION
}

/** What keeps HTTP from carrying the headers, in words that continue "must be" and show no value. */
export function faultOfHeaders(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'an object of headers'
  for (const [name, each] of Object.entries(value)) {
    const shown = JSON.stringify(name.slice(0, MAX_NAME_SHOWN))
    if (!HEADER_NAME.test(name)) return `an object of headers; ${shown} is no name of one`
    if (typeof each !== 'string') return `an object of headers; the value of ${shown} is no text`
    if (!HEADER_VALUE.test(each))
      return `an object of headers; the value of ${shown} has characters that cannot be sent`
  }
  return undefined
}

/** The text as a header carries it: one character for each byte of its UTF-8 (HTML, Server-sent events). */
function inBytes(text: string): string {
  if (HEADER_ASCII.test(text)) return text
  return String.fromCharCode(...new TextEncoder().encode(text))
}

function inLowerCase(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
