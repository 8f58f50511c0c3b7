import { isRequest, type JsonRpcMessage, type RequestId } from '@mcpwire/core'
import { VERSION_HEADER } from '../../headers/standard-headers.js'
import { HEADER_MISMATCH, INVALID_REQUEST, UNSUPPORTED_VERSION } from '../../shared/error-codes.js'
import {
  type HttpFailure,
  invalidRequest,
  respondWithError,
  sessionNotFound,
} from '../request/http-errors.js'
import type { Body, Caller, HeaderLines, HttpExchange } from '../request/http-exchange.js'
import {
  acceptsEvents,
  inFlightFailure,
  isInitialize,
  isTaskPoll,
  noMessage,
  type Posted,
  type ResponseFormat,
} from '../request/message-body.js'
import type { PostFlow } from '../request/post-flow.js'
import { isStateless, REVISION_WITH_BATCHES, sessionRevisions } from '../request/revisions.js'
import { SESSION_HEADER, type SessionRegistry } from '../request/session-registry.js'
import { resume } from './resume.js'
import { Session } from './session.js'

const noHeaders: HeaderLines = []

/** The endpoint of Streamable HTTP in the revisions with sessions: finds the session, checks the request, calls it. */
export class SessionRoutes {
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
    const session = this.#sessionOf(exchange, caller, idIn(first))
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
    const id = idIn(posted.messages[0])
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
      respondWithError(exchange, unsupportedVersion(version, session.supportedRevisions, id))
      return undefined
    }
    session.renew(caller)
    return session
  }
}

function idIn(message: JsonRpcMessage | undefined): RequestId | undefined {
  return message !== undefined && 'id' in message ? message.id : undefined
}

function unsupportedVersion(
  requested: string,
  supported: readonly string[] = sessionRevisions,
  id?: RequestId,
): HttpFailure {
  const data = { supported, requested }
  return { status: 400, code: UNSUPPORTED_VERSION, message: 'Unsupported protocol version', data, id }
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
