import { isRequest, type JsonRpcMessage, type JsonRpcNotification, type RequestId } from '@mcpwire/core'
import { VERSION_HEADER, VERSION_KEY } from '../headers/standard-headers.js'
import {
  HEADER_MISMATCH,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  UNSUPPORTED_VERSION,
} from '../shared/error-codes.js'
import {
  type HttpFailure,
  invalidRequest,
  methodNotAllowed,
  respondWithError,
  sessionNotFound,
} from './request/http-errors.js'
import type { Body, Caller, HeaderLines, HttpExchange, Routes } from './request/http-exchange.js'
import {
  acceptsEvents,
  formatFor,
  inFlightFailure,
  isInitialize,
  isTaskPoll,
  noMessage,
  type Posted,
  type ResponseFormat,
} from './request/message-body.js'
import { type PostFlow, readMessages, SESSION_HEADER } from './request/read-post.js'
import {
  isStateless,
  REVISION_WITH_BATCHES,
  sessionRevisions,
  statelessRevisions,
} from './request/revisions.js'
import { refuseIfExpired, type SessionRegistry } from './request/session-registry.js'
import { resume } from './sessions/resume.js'
import { Session } from './sessions/session.js'
import type { NotifyOptions } from './stateless/listen-feed.js'
import { StatelessEndpoint } from './stateless/stateless-endpoint.js'

/** A POST whose body was read, and the format of its response. */
interface ReadPost {
  readonly posted: Posted
  readonly body: Body
  readonly format: ResponseFormat
}

/** The endpoint of Streamable HTTP: reads each POST, decides its era, and calls `sessions/` or `stateless/`. */
export class Router implements Routes {
  readonly methods: Routes['methods']
  readonly #registry: SessionRegistry
  readonly #sessions: SessionRoutes
  readonly #stateless: StatelessEndpoint | undefined
  readonly #servesSessions: boolean

  constructor(registry: SessionRegistry) {
    const { modern, legacy } = registry.settings
    this.#registry = registry
    this.#servesSessions = legacy
    this.#stateless = modern === 'off' ? undefined : new StatelessEndpoint(registry)
    this.#sessions = new SessionRoutes(registry)
    const POST = (exchange: HttpExchange, caller: Caller): void => this.#post(exchange, caller)
    this.methods = legacy
      ? {
          GET: (exchange, caller) => this.#refuseStateless(exchange) || this.#sessions.get(exchange, caller),
          POST,
          DELETE: (exchange, caller) =>
            this.#refuseStateless(exchange) || this.#sessions.delete(exchange, caller),
        }
      : { POST }
  }

  /** An unknown session id counts as none: otherwise it would pass the limit of pending admissions. */
  mayOpen(exchange: HttpExchange): boolean {
    const id = exchange.handshake.headers[SESSION_HEADER]
    return (id === undefined || !this.#registry.has(id)) && !this.#isStatelessByHeader(exchange)
  }

  /** Notifies the subscriptions that the endpoint itself serves. */
  notify(notification: JsonRpcNotification, options?: NotifyOptions): Promise<void> {
    return this.#stateless?.notify(notification, options) ?? Promise.resolve()
  }

  /** Ends the subscriptions that the endpoint itself serves. */
  close(): void {
    this.#stateless?.close()
  }

  #post(exchange: HttpExchange, caller: Caller): void {
    const format = formatFor(exchange.handshake.headers['accept'], this.#registry.settings.responseFormat)
    if (!format) {
      respondWithError(exchange, invalidRequest(406, 'accept application/json and text/event-stream'))
      return
    }
    readMessages(exchange, this.#registry, {
      flow: this.#sessions.flowOf(exchange, caller),
      accept: (posted, body) => this.#route(exchange, caller, { posted, body, format }),
      malformed: (error, body) => this.#sessions.malformed(exchange, caller, error, body),
    })
  }

  #route(exchange: HttpExchange, caller: Caller, post: ReadPost): void {
    if (refuseIfExpired(exchange, caller, this.#registry)) return
    const { messageAdmission } = this.#registry
    if (!messageAdmission) this.#deliver(exchange, caller, post)
    else
      messageAdmission.admit(exchange, caller, post.posted, () => {
        if (!refuseIfExpired(exchange, caller, this.#registry)) this.#deliver(exchange, caller, post)
      })
  }

  #deliver(exchange: HttpExchange, caller: Caller, { posted, body, format }: ReadPost): void {
    const stateless = this.#statelessFor(exchange, posted)
    const failure = stateless ? sessionFailure(exchange, posted) : this.#revisionFailure(posted)
    if (failure) respondWithError(exchange, failure)
    else if (stateless) {
      const text = body.kind === 'text' ? body.text : undefined
      stateless.post(exchange, caller, { message: posted.messages[0] as JsonRpcMessage, text, format })
    } else this.#sessions.post(exchange, caller, posted, format)
  }

  /**
   * The endpoint of 2026-07-28, where the POST belongs to it: a message names its revision, or only the header does and
   * the request names no session. The second case gets an error.
   */
  #statelessFor(exchange: HttpExchange, { messages }: Posted): StatelessEndpoint | undefined {
    if (!this.#servesSessions) return this.#stateless
    for (const message of messages) {
      if (namesRevision(message)) return this.#stateless
      if (!isInitialize(message) && this.#isStatelessByHeader(exchange)) return this.#stateless
    }
    return undefined
  }

  /**
   * Without the endpoint of 2026-07-28, its requests are refused, such as `server/discover`. The error is none of that
   * revision: clients would take -32022 for a server without `initialize` (VER-C-06, STDIO-C-16).
   */
  #revisionFailure({ messages }: Posted): HttpFailure | undefined {
    if (this.#stateless) return undefined
    const message = messages.find((each) => isRequest(each) && namesRevision(each))
    const supported = sessionRevisions.join(', ')
    return (
      message &&
      invalidRequest(
        400,
        `the server has sessions only, with "initialize" and revision ${supported}`,
        idOf(message),
      )
    )
  }

  #refuseStateless(exchange: HttpExchange): boolean {
    if (!this.#isStatelessByHeader(exchange)) return false
    respondWithError(exchange, methodNotAllowed(exchange.method, ['POST'], ' by this revision'))
    return true
  }

  #isStatelessByHeader({ handshake: { headers } }: HttpExchange): boolean {
    return (
      this.#stateless !== undefined &&
      headers[SESSION_HEADER] === undefined &&
      isStateless(headers[VERSION_HEADER])
    )
  }
}

const noHeaders: HeaderLines = []

/** The revisions with sessions: finds the session, checks the request, calls it. */
class SessionRoutes {
  readonly #registry: SessionRegistry

  constructor(registry: SessionRegistry) {
    this.#registry = registry
  }

  post(exchange: HttpExchange, caller: Caller, posted: Posted, format: ResponseFormat): void {
    const [first] = posted.messages
    if (isInitialize(first)) {
      this.#initialize(exchange, caller, posted, format)
      return
    }
    const session = this.#sessionOf(exchange, caller, first && idOf(first))
    if (!session) return
    const failure =
      batchFailure(session, posted) ?? duplicateId(session, posted) ?? inFlightFailure(session, posted)
    if (failure) this.#registry.fail(exchange, failure)
    else session.receive(exchange, posted, caller, isTaskPoll(first) && format === 'auto' ? 'json' : format)
  }

  /** Reports a malformed body to the session of the request. */
  malformed(exchange: HttpExchange, caller: Caller, error: Error, body: Body): void {
    this.#find(exchange, caller)?.malformed(error, body)
  }

  /** The flow of the session that the request names. */
  flowOf(exchange: HttpExchange, caller: Caller): PostFlow | undefined {
    return exchange.handshake.headers[SESSION_HEADER] === undefined
      ? undefined
      : this.#find(exchange, caller)?.flow
  }

  get(exchange: HttpExchange, caller: Caller): void {
    const { headers } = exchange.handshake
    if (headers['accept'] === undefined || !acceptsEvents(headers['accept'])) {
      respondWithError(exchange, invalidRequest(406, 'accept text/event-stream'))
      return
    }
    const session = this.#sessionOf(exchange, caller)
    if (!session) return
    const lastEventId = headers['last-event-id']
    const { eventStore } = this.#registry.settings
    if (lastEventId !== undefined && eventStore) void resume(exchange, session, { eventStore, lastEventId })
    else session.pushStream.open(exchange)
  }

  delete(exchange: HttpExchange, caller: Caller): void {
    const session = this.#sessionOf(exchange, caller)
    if (!session) return
    session.end()
    exchange.respond(204, noHeaders)
  }

  #initialize(exchange: HttpExchange, caller: Caller, posted: Posted, format: ResponseFormat): void {
    const { headers } = exchange.handshake
    const [first] = posted.messages
    const id = first && idOf(first)
    if (headers[SESSION_HEADER] !== undefined) {
      if (this.#sessionOf(exchange, caller, id)) {
        respondWithError(exchange, invalidRequest(400, 'this session is initialized already', id))
      }
      return
    }
    const version = headers[VERSION_HEADER]
    if (isStateless(version)) {
      const message = `Invalid request: revision ${version} has no "initialize"`
      // HEADER_MISMATCH is an error of that revision, and would announce it.
      const code = this.#registry.settings.modern === 'off' ? INVALID_REQUEST : HEADER_MISMATCH
      respondWithError(exchange, { status: 400, code, message, id })
      return
    }
    let session: Session
    this.#registry.openSession(exchange, caller, {
      create: (start) => {
        session = new Session(this.#registry, start)
        return session
      },
      serve: (sink) => {
        const channel = session.connect(sink)
        session.receive(exchange, posted, caller, format)
        return channel
      },
    })
  }

  #find({ handshake }: HttpExchange, caller: Caller): Session | undefined {
    const session = this.#registry.find(handshake.headers[SESSION_HEADER] ?? '', caller)
    return session instanceof Session ? session : undefined
  }

  /** The session of the request. If there is none for this caller, the response is an error. */
  #sessionOf(exchange: HttpExchange, caller: Caller, id?: RequestId): Session | undefined {
    const { headers } = exchange.handshake
    if (headers[SESSION_HEADER] === undefined) {
      respondWithError(exchange, invalidRequest(400, 'the header Mcp-Session-Id is missing', id))
      return undefined
    }
    const session = this.#find(exchange, caller)
    if (!session) {
      respondWithError(exchange, sessionNotFound(id))
      return undefined
    }
    const version = headers[VERSION_HEADER]
    if (version !== undefined && !session.supports(version)) {
      respondWithError(
        exchange,
        unsupportedVersion(session.supportedRevisions ?? sessionRevisions, version, id),
      )
      return undefined
    }
    if (this.#registry.refuseBySession(session, exchange, caller, id)) return undefined
    session.renew(caller)
    return session
  }
}

/** The failure for a batch or an `initialize`, which exist in sessions only (VER-S-09). */
function sessionFailure({ handshake }: HttpExchange, { messages, isBatch }: Posted): HttpFailure | undefined {
  const [message] = messages
  if (isBatch) return invalidRequest(400, 'a batch, and the revision has none')
  if (!message || !isInitialize(message)) return undefined
  if (namesRevision(message)) {
    const id = idOf(message)
    return {
      status: 404,
      code: METHOD_NOT_FOUND,
      message: 'Method not found: the revision has no "initialize"',
      id,
    }
  }
  const asked = 'params' in message ? message.params?.['protocolVersion'] : undefined
  const requested = typeof asked === 'string' ? asked : (handshake.headers[VERSION_HEADER] ?? 'unknown')
  return unsupportedVersion(statelessRevisions, requested, idOf(message))
}

/** Whether the message names its revision in its metadata. */
function namesRevision(message: JsonRpcMessage): boolean {
  if (!('method' in message)) return false
  const meta: unknown = message.params?._meta
  return typeof meta === 'object' && meta !== null && Object.hasOwn(meta, VERSION_KEY)
}

function unsupportedVersion(
  supported: readonly string[],
  requested: string,
  id: RequestId | undefined,
): HttpFailure {
  return {
    status: 400,
    code: UNSUPPORTED_VERSION,
    message: 'Unsupported protocol version',
    data: { supported, requested },
    id,
  }
}

function idOf(message: JsonRpcMessage): RequestId | undefined {
  return 'id' in message ? message.id : undefined
}

function batchFailure({ revision }: Session, { isBatch }: Posted): HttpFailure | undefined {
  if (!isBatch || revision === REVISION_WITH_BATCHES) return undefined
  return noMessage('a batch, and the revision of the session has none')
}

function duplicateId(session: Session, { messages }: Posted): HttpFailure | undefined {
  const seen = new Set<RequestId>()
  for (const message of messages) {
    if (!isRequest(message)) continue
    if (session.awaits(message.id) || seen.has(message.id)) {
      return invalidRequest(400, 'a request with this id is in flight', message.id)
    }
    if (messages.length > 1) seen.add(message.id)
  }
  return undefined
}
