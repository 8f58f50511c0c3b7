import type { HttpSseOptions } from '../request/endpoint-options.js'
import { answerFailure, sessionNotFound } from '../request/http-errors.js'
import type { Exchange } from '../request/http-exchange.js'
import { acceptsEvents } from '../request/media-types.js'
import { readPosted } from '../request/post-body.js'
import { invalid, overload, type Posted } from '../request/posted-messages.js'
import type { Caller } from '../request/principal.js'
import type { Routes } from '../request/routes.js'
import { refusesLapsed, type SessionRegistry } from '../request/session-registry.js'
import { SseSession } from './sse-session.js'

/** The two endpoints of HTTP+SSE, the transport of 2024-11-05. */
export class SseRoutes {
  readonly #reception: SessionRegistry
  readonly #paths: HttpSseOptions
  readonly #opening: Routes
  readonly #messages: Routes

  constructor(reception: SessionRegistry, paths: HttpSseOptions) {
    this.#reception = reception
    this.#paths = paths
    this.#opening = {
      methods: {
        GET: (exchange, caller) => this.#open(exchange, caller),
        // Not in JSON-RPC, by which clients tell who speaks Streamable HTTP from who does not.
        POST: (exchange) => exchange.answer(405, ['allow', 'GET, OPTIONS']),
      },
      mayOpen: () => true,
    }
    this.#messages = {
      methods: { POST: (exchange, caller) => this.#post(exchange, caller) },
      mayOpen: () => false,
    }
  }

  /** What is served at a path, if anything is. */
  at(path: string | undefined): Routes | undefined {
    if (path === this.#paths.path) return this.#opening
    return path === this.#paths.messagesPath ? this.#messages : undefined
  }

  #open(exchange: Exchange, caller: Caller): void {
    if (!acceptsEvents(exchange.handshake.headers['accept'])) {
      answerFailure(exchange, invalid(406, 'accept text/event-stream'))
      return
    }
    let session: SseSession
    this.#reception.offer(exchange, caller, {
      make: (opening) => {
        session = new SseSession(this.#reception, opening)
        return session
      },
      serve: (sink) => session.connect(sink, exchange, mountedAt(exchange) + this.#paths.messagesPath),
    })
  }

  #post(exchange: Exchange, caller: Caller): void {
    readPosted(exchange, this.#reception, {
      take: (posted) => this.#posted(exchange, caller, posted),
      refused: (error) => this.#known(exchange, caller)?.refused(error),
    })
  }

  #posted(exchange: Exchange, caller: Caller, posted: Posted): void {
    if (refusesLapsed(exchange, caller, this.#reception.settings.clock)) return
    if (sessionIdIn(exchange) === undefined) {
      answerFailure(exchange, invalid(400, 'the sessionId is missing'))
      return
    }
    const session = this.#known(exchange, caller)
    if (!session) {
      answerFailure(exchange, sessionNotFound())
      return
    }
    session.renew(caller)
    if (posted.isBatch && !session.allowsBatches) {
      answerFailure(exchange, invalid(400, 'a batch, and the session keeps to a revision without them'))
      return
    }
    const tooMany = overload(session, posted)
    if (tooMany) answerFailure(exchange, tooMany)
    else session.take(exchange, posted, caller)
  }

  #known(exchange: Exchange, caller: Caller): SseSession | undefined {
    const session = this.#reception.find(sessionIdIn(exchange) ?? '', caller)
    return session instanceof SseSession ? session : undefined
  }
}

/** Where we are mounted: what the host has cut off the path. */
function mountedAt({ url: { pathname }, handshake: { path = '' } }: Exchange): string {
  if (pathname.endsWith(path)) return pathname.slice(0, pathname.length - path.length)
  return path === '/' ? pathname : ''
}

function sessionIdIn({ url }: Exchange): string | undefined {
  return url.searchParams.get('sessionId') ?? undefined
}
