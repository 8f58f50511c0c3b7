import { isRequest, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { VERSION_HEADER } from '../../headers/standard-headers.js'
import { HEADER_MISMATCH, UNSUPPORTED_VERSION } from '../../shared/error-codes.js'
import { answerFailure, type HttpFailure, sessionNotFound } from '../request/http-errors.js'
import type { Exchange, HeaderLines } from '../request/http-exchange.js'
import { acceptsEvents, acceptsJson } from '../request/media-types.js'
import { readPosted } from '../request/post-body.js'
import { invalid, isInitialize, overload, type Posted } from '../request/posted-messages.js'
import type { Caller } from '../request/principal.js'
import {
  isSessionless,
  REVISION_WITH_BATCHES,
  revisionNamedBy,
  sessionRevisions,
} from '../request/revisions.js'
import type { Routes } from '../request/routes.js'
import { SESSION_HEADER } from '../request/session-id.js'
import { refusesLapsed, type SessionRegistry } from '../request/session-registry.js'
import type { AnswerFormat } from '../responses/post-answer.js'
import { resume } from './resume.js'
import { Session } from './session.js'

const noHeaders: HeaderLines = []

/** What was posted, and how to answer it. */
export interface Arrived {
  readonly posted: Posted
  readonly format: AnswerFormat
}

/** The endpoint of Streamable HTTP, in the revisions with sessions. */
export class SessionRoutes implements Routes {
  readonly methods: Routes['methods'] = {
    GET: (exchange, caller) => this.#get(exchange, caller),
    POST: (exchange, caller) => this.#post(exchange, caller),
    DELETE: (exchange, caller) => this.#delete(exchange, caller),
  }
  readonly #reception: SessionRegistry
  readonly #took: (exchange: Exchange, caller: Caller, arrived: Arrived) => boolean

  /** `took` is asked first, and has seen to it where what was posted belongs to no session. */
  constructor(
    reception: SessionRegistry,
    took: (exchange: Exchange, caller: Caller, arrived: Arrived) => boolean,
  ) {
    this.#reception = reception
    this.#took = took
  }

  mayOpen({ handshake }: Exchange): boolean {
    const id = handshake.headers[SESSION_HEADER]
    // Anybody can make one up, to be asked the gate for without being counted.
    return id === undefined || this.#reception.sessions.get(id) === undefined
  }

  #post(exchange: Exchange, caller: Caller): void {
    const format = this.#formatFor(exchange.handshake.headers['accept'])
    if (!format) answerFailure(exchange, invalid(406, 'accept application/json and text/event-stream'))
    else {
      readPosted(exchange, this.#reception, {
        take: (posted) => this.#posted(exchange, caller, { posted, format }),
        refused: (error) => this.#known(exchange, caller)?.refused(error),
      })
    }
  }

  /** How to answer one who accepts this; nothing where that is no way to answer. */
  #formatFor(accept: string | undefined): AnswerFormat | undefined {
    const { responseFormat } = this.#reception.settings
    const json = acceptsJson(accept)
    const events = acceptsEvents(accept)
    if (json && events) return responseFormat
    if (json) return responseFormat === 'sse' ? undefined : 'json'
    return events && responseFormat !== 'json' ? 'sse' : undefined
  }

  #posted(exchange: Exchange, caller: Caller, { posted, format }: Arrived): void {
    if (refusesLapsed(exchange, caller, this.#reception.settings.clock)) return
    if (this.#took(exchange, caller, { posted, format })) return
    const [first] = posted.messages
    if (first && isInitialize(first) && revisionNamedBy(first) === undefined) {
      this.#initialize(exchange, caller, { posted, format })
      return
    }
    const failure = sessionlessRevision(posted)
    if (failure) {
      answerFailure(exchange, failure)
      return
    }
    const session = this.#sessionOf(exchange, caller, idIn(first))
    if (!session) return
    const wrong = batchFailure(session, posted) ?? repeatedId(session, posted) ?? overload(session, posted)
    if (wrong) answerFailure(exchange, wrong)
    else session.take(exchange, posted, caller, isTaskPoll(first) && format === 'auto' ? 'json' : format)
  }

  #initialize(exchange: Exchange, caller: Caller, { posted, format }: Arrived): void {
    const { headers } = exchange.handshake
    const id = idIn(posted.messages[0])
    const version = headers[VERSION_HEADER]
    if (headers[SESSION_HEADER] !== undefined) {
      if (this.#sessionOf(exchange, caller, id)) {
        answerFailure(exchange, invalid(400, 'this session is initialized already', id))
      }
      return
    }
    if (version !== undefined && isSessionless(version)) {
      const message = `Invalid request: revision ${version} has no "initialize"`
      answerFailure(exchange, { status: 400, code: HEADER_MISMATCH, message, id })
      return
    }
    let session: Session
    this.#reception.offer(exchange, caller, {
      make: (opening) => {
        session = new Session(this.#reception, opening)
        return session
      },
      serve: (sink) => {
        const channel = session.connect(sink)
        session.take(exchange, posted, caller, format)
        return channel
      },
    })
  }

  #get(exchange: Exchange, caller: Caller): void {
    const { headers } = exchange.handshake
    if (headers['accept'] === undefined || !acceptsEvents(headers['accept'])) {
      answerFailure(exchange, invalid(406, 'accept text/event-stream'))
      return
    }
    const session = this.#sessionOf(exchange, caller)
    if (!session) return
    const lastEventId = headers['last-event-id']
    const { eventStore } = this.#reception.settings
    if (lastEventId !== undefined && eventStore) void resume(exchange, session, { eventStore, lastEventId })
    else session.standalone.open(exchange)
  }

  #delete(exchange: Exchange, caller: Caller): void {
    const session = this.#sessionOf(exchange, caller)
    if (!session) return
    session.end()
    exchange.answer(204, noHeaders)
  }

  #known({ handshake }: Exchange, caller: Caller): Session | undefined {
    const session = this.#reception.find(handshake.headers[SESSION_HEADER] ?? '', caller)
    return session instanceof Session ? session : undefined
  }

  /** The session the request belongs to; where there is none, or not for this caller, it is answered. */
  #sessionOf(exchange: Exchange, caller: Caller, id?: RequestId): Session | undefined {
    const { headers } = exchange.handshake
    if (headers[SESSION_HEADER] === undefined) {
      answerFailure(exchange, invalid(400, 'the header Mcp-Session-Id is missing', id))
      return undefined
    }
    const session = this.#known(exchange, caller)
    if (!session) {
      answerFailure(exchange, sessionNotFound(id))
      return undefined
    }
    const version = headers[VERSION_HEADER]
    if (version !== undefined && !session.keepsTo(version)) {
      answerFailure(exchange, unsupported(version, session.supported, id))
      return undefined
    }
    session.renew(caller)
    return session
  }
}

/** What asks how a task is doing is answered at once, never with a stream (GEN-34). */
function isTaskPoll(message: JsonRpcMessage | undefined): boolean {
  return message !== undefined && 'method' in message && message.method === 'tasks/get'
}

function idIn(message: JsonRpcMessage | undefined): RequestId | undefined {
  return message !== undefined && 'id' in message ? message.id : undefined
}

/** Requests that name their revision belong to the era without sessions, which is not served here. */
function sessionlessRevision({ messages }: Posted): HttpFailure | undefined {
  for (const message of messages) {
    const requested = revisionNamedBy(message)
    if (requested !== undefined) return unsupported(requested, undefined, idIn(message))
  }
  return undefined
}

function unsupported(
  requested: string,
  supported: readonly string[] | undefined,
  id?: RequestId,
): HttpFailure {
  return {
    status: 400,
    code: UNSUPPORTED_VERSION,
    message: 'Unsupported protocol version',
    data: { supported: supported ?? sessionRevisions, requested },
    id,
  }
}

function batchFailure({ revision }: Session, { isBatch }: Posted): HttpFailure | undefined {
  if (!isBatch || revision === REVISION_WITH_BATCHES) return undefined
  return invalid(400, 'a batch, and the session keeps to a revision without them')
}

function repeatedId(session: Session, { messages }: Posted): HttpFailure | undefined {
  const seen = new Set<RequestId>()
  for (const message of messages) {
    if (!isRequest(message)) continue
    if (session.awaits(message.id) || seen.has(message.id)) {
      return invalid(400, 'a request with this id is being answered', message.id)
    }
    if (messages.length > 1) seen.add(message.id)
  }
  return undefined
}
