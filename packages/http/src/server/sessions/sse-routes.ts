import type { HttpSseOptions } from '../request/endpoint-options.js'
import { invalidRequest, respondWithError, sessionNotFound } from '../request/http-errors.js'
import type { Caller, HttpExchange, Routes } from '../request/http-exchange.js'
import { acceptsEvents, inFlightFailure, noMessage, type Posted } from '../request/message-body.js'
import { readMessages } from '../request/read-post.js'
import { refuseIfExpired, type SessionRegistry } from '../request/session-registry.js'
import { SseSession } from './sse-session.js'

/** The two endpoints of HTTP+SSE, the transport of 2024-11-05. */
export class SseRoutes {
  readonly #registry: SessionRegistry
  readonly #paths: HttpSseOptions
  readonly #streams: Routes
  readonly #messages: Routes

  constructor(registry: SessionRegistry, paths: HttpSseOptions) {
    this.#registry = registry
    this.#paths = paths
    this.#streams = {
      methods: {
        GET: (exchange, caller) => this.#open(exchange, caller),
        // Without JSON-RPC: by this, clients recognize a server without Streamable HTTP.
        POST: (exchange) => exchange.respond(405, ['allow', 'GET, OPTIONS']),
      },
      mayOpen: () => true,
    }
    this.#messages = {
      methods: { POST: (exchange, caller) => this.#post(exchange, caller) },
      mayOpen: () => false,
    }
  }

  /** The routes of a path, if it is one of the two. */
  at(path: string | undefined): Routes | undefined {
    if (path === this.#paths.path) return this.#streams
    return path === this.#paths.messagesPath ? this.#messages : undefined
  }

  #open(exchange: HttpExchange, caller: Caller): void {
    if (!acceptsEvents(exchange.handshake.headers['accept'])) {
      respondWithError(exchange, invalidRequest(406, 'accept text/event-stream'))
      return
    }
    let session: SseSession
    this.#registry.openSession(exchange, caller, {
      create: (start) => {
        session = new SseSession(this.#registry, start)
        return session
      },
      serve: (sink) => session.connect(sink, exchange, mountPath(exchange) + this.#paths.messagesPath),
    })
  }

  #post(exchange: HttpExchange, caller: Caller): void {
    readMessages(exchange, this.#registry, {
      flow: this.#find(exchange, caller)?.flow,
      accept: (posted) => this.#admit(exchange, caller, posted),
      malformed: (error, body) => this.#find(exchange, caller)?.malformed(error, body),
    })
  }

  #admit(exchange: HttpExchange, caller: Caller, posted: Posted): void {
    const { messageAdmission } = this.#registry
    const receive = (): void => this.#receive(exchange, caller, posted)
    if (messageAdmission) messageAdmission.admit(exchange, caller, posted, receive)
    else receive()
  }

  #receive(exchange: HttpExchange, caller: Caller, posted: Posted): void {
    if (refuseIfExpired(exchange, caller, this.#registry)) return
    if (sessionIdIn(exchange) === undefined) {
      respondWithError(exchange, invalidRequest(400, 'the sessionId is missing'))
      return
    }
    const session = this.#find(exchange, caller)
    if (!session) {
      respondWithError(exchange, sessionNotFound())
      return
    }
    if (this.#registry.refuseBySession(session, exchange, caller)) return
    session.renew(caller)
    if (posted.isBatch && !session.allowsBatches) {
      respondWithError(exchange, noMessage('a batch, and the revision of the session has none'))
      return
    }
    const failure = inFlightFailure(session, posted)
    if (failure) this.#registry.fail(exchange, failure)
    else session.receive(exchange, posted, caller)
  }

  #find(exchange: HttpExchange, caller: Caller): SseSession | undefined {
    const session = this.#registry.find(sessionIdIn(exchange) ?? '', caller)
    return session instanceof SseSession ? session : undefined
  }
}

/** The part of the path that the framework has removed, as where a router is mounted. */
function mountPath({ url: { pathname }, handshake: { path = '' } }: HttpExchange): string {
  if (pathname.endsWith(path)) return pathname.slice(0, pathname.length - path.length)
  return path === '/' ? pathname : ''
}

function sessionIdIn({ url }: HttpExchange): string | undefined {
  return url.searchParams.get('sessionId') ?? undefined
}
