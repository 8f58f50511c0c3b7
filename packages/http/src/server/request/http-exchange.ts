import type { Admission, AuthInfo, ByteBudget, Handshake, MessageContext } from '@mcpwire/core'
import { callbackFailed, concealAuthInfo } from '@mcpwire/core/authoring'

/** Header names and values in turn. */
export type HeaderLines = readonly string[]

/** The body of a request, or why there is none. */
export type Body =
  | { readonly kind: 'text'; readonly text: string }
  /** A framework has parsed it. */
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'not-utf-8' }
  /** It has a content coding, such as `gzip`, and was not read. */
  | { readonly kind: 'coded' }
  | { readonly kind: 'too-slow' }
  /** It was dropped, as the budget of the listener was exceeded. */
  | { readonly kind: 'overloaded' }
  /** It was not read, as the application accepted no messages. */
  | { readonly kind: 'paused' }
  /** The client disconnected before it was complete. */
  | { readonly kind: 'disconnected' }

/** One HTTP request and its response. Each host implements it for its kind of request. */
export interface HttpExchange {
  readonly method: string
  readonly handshake: Handshake
  readonly url: URL
  /** The request as a web-standard object without its body. Built when read. */
  readonly request: Request
  /** Whether the client disconnected before it had the whole response. */
  readonly isDisconnected: boolean
  /** Added to the response, whatever it is. */
  extraHeaders: HeaderLines
  /**
   * Sets the callback for a client that disconnects before it has the whole response. It runs once, or at once where
   * the client has disconnected already. A later callback replaces it.
   */
  whenDisconnected(callback: () => void): void
  /** The failure for a request whose headers contradict HTTP. The connection then closes after the response. */
  checkFraming?(): FramingFault | undefined
  /**
   * Counts the connection for a principal, where the host limits the connections of each. Returns false, and closes the
   * connection after the response, if the principal has too many.
   */
  claimConnection?(principal: string): boolean
  /** Reads the body within the limits. Called at most once. Throws where the body was read before. */
  readBody(limits: BodyLimits, done: (body: Body) => void): void
  /** Reads no more of the body until `resumeReading`. */
  pauseReading(): void
  resumeReading(): void
  /** Stops reading: `done` is called with `body`, unless it was called before. */
  stopReading(body: Body): void
  /** Sends a whole response. An exchange is completed once, by this or by `openStream`. */
  respond(status: number, headers: HeaderLines, body?: string): void
  /** Responds with 500 after an internal error, or cuts off a response that has begun. */
  fail(): void
  /** Sends the head of a response whose body is an event stream. */
  openStream(headers: HeaderLines): EventStream
}

/** Why the headers of a request contradict HTTP. */
export interface FramingFault {
  readonly status: 400 | 501
  readonly reason: string
}

/** The limits of a body. */
export interface BodyLimits {
  readonly maxBytes: number
  /** Counts what is held until the body is complete. */
  readonly budget: ByteBudget | undefined
}

/** The body of a response, written event by event. */
export interface EventStream {
  /** Whether written text waits for the client to read. */
  readonly isBlocked: boolean
  /** The bytes it accepts before it is overloaded. */
  readonly freeBytes: number
  /**
   * Writes a text. Resolves when the stream accepts more. Rejects with `OVERLOADED` when the queue is full, and with
   * `SEND_FAILED` when the client disconnects first.
   */
  write(text: string): Promise<void>
  /** Writes the rest and ends the body. Resolves once that is done or the client has disconnected. */
  end(): Promise<void>
  /** Cuts the response off. */
  destroy(): void
}

/** The handlers of one path. */
export interface Routes {
  readonly methods: Readonly<Record<string, (exchange: HttpExchange, caller: Caller) => void>>
  /** Whether a request may open a session, and so needs a free place for one. */
  mayOpen(exchange: HttpExchange): boolean
}

/** The headers of a response and the extra ones, each name once. Those of the response win. */
export function mergeHeaders(own: HeaderLines, extra: HeaderLines): string[] {
  const lines = [...own]
  for (let at = 0; at + 1 < extra.length; at += 2) {
    const [name = '', value = ''] = [extra[at], extra[at + 1]]
    if (!hasName(own, name)) lines.push(name, value)
  }
  return lines
}

function hasName(lines: HeaderLines, name: string): boolean {
  const wanted = name.toLowerCase()
  for (let at = 0; at < lines.length; at += 2) if (lines[at]?.toLowerCase() === wanted) return true
  return false
}

/** The sender of a request, as the gate identified it. */
export interface Caller {
  readonly admission: Admission
  readonly authInfo: AuthInfo | undefined
  /** The key of a connection of 2026-07-28: by default the client, the user and the rights. */
  readonly principal: string
  /** The owner of a session: by default the client and the user, as rights and credentials may change. */
  readonly owner: string
}

const ANONYMOUS = ''

/** Callers for which it returns the same text are one principal. */
export type PrincipalOf = (authInfo: AuthInfo) => string

/**
 * Identifies the caller from its admission.
 *
 * @throws TransportError `CALLBACK_FAILED` where `principalOf` throws or returns no string
 */
export function callerOf(admission: Admission, principalOf?: PrincipalOf): Caller {
  const { authInfo } = admission
  if (authInfo === undefined)
    return { admission, authInfo: undefined, principal: ANONYMOUS, owner: ANONYMOUS }
  if (!principalOf) return new AuthenticatedCaller(admission, authInfo)
  const principal = callPrincipal(authInfo, principalOf)
  return { admission, authInfo: concealAuthInfo(authInfo), principal, owner: principal }
}

/** Computes the two texts when they are read, as a request needs one of them. */
class AuthenticatedCaller implements Caller {
  readonly admission: Admission
  readonly authInfo: AuthInfo
  #principal: string | undefined
  #owner: string | undefined

  constructor(admission: Admission, authInfo: AuthInfo) {
    this.admission = admission
    this.authInfo = concealAuthInfo(authInfo)
  }

  get principal(): string {
    this.#principal ??= clientUserAndRights(this.authInfo)
    return this.#principal
  }

  get owner(): string {
    const { clientId, extra } = this.authInfo
    this.#owner ??= JSON.stringify([clientId, userIn(extra)])
    return this.#owner
  }
}

function clientUserAndRights({ clientId, scopes, resource, extra, token }: AuthInfo): string {
  const user = userIn(extra)
  // Without a user, two tokens may be those of two users.
  const identity = user === '' ? { token } : { user }
  return JSON.stringify([clientId, identity, sorted(scopes), resource?.href ?? resource])
}

function userIn(extra: AuthInfo['extra']): unknown {
  return extra?.['sub'] ?? extra?.['subject'] ?? ''
}

function sorted(scopes: readonly string[] = []): readonly string[] {
  for (let at = 1; at < scopes.length; at++) {
    // Most lists are in order already, and sorting is the expensive part.
    if ((scopes[at - 1] as string) >= (scopes[at] as string)) return [...new Set(scopes)].sort()
  }
  return scopes
}

function callPrincipal(authInfo: AuthInfo, principalOf: PrincipalOf): string {
  try {
    const principal: unknown = principalOf(authInfo)
    // The prefix keeps an empty text apart from callers without authInfo.
    if (typeof principal === 'string') return `=${principal}`
    throw new Error('it returned no string')
  } catch (cause) {
    throw callbackFailed('principal', cause, 'a caller was refused because principal()')
  }
}

// Classes, as each request has one of each: what they hold is built only when it is read.

/** The context of the messages of one HTTP request. */
export class HttpContext implements MessageContext {
  declare authInfo?: AuthInfo
  declare closeSSEStream?: () => void
  declare closeStandaloneSSEStream?: () => void
  readonly requestInfo: RequestInfo
  readonly #exchange: HttpExchange

  constructor(exchange: HttpExchange, authInfo: AuthInfo | undefined) {
    this.#exchange = exchange
    this.requestInfo = new RequestInfo(exchange)
    if (authInfo !== undefined) this.authInfo = authInfo
  }

  get request(): Request {
    return this.#exchange.request
  }
}

class RequestInfo {
  readonly headers: Record<string, string>
  readonly #exchange: HttpExchange

  constructor(exchange: HttpExchange) {
    this.#exchange = exchange
    this.headers = exchange.handshake.headers
  }

  get url(): URL {
    return this.#exchange.url
  }
}
