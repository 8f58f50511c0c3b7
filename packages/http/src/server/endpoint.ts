import {
  type Admission,
  type AdmissionOutcome,
  admit,
  type Door,
  type Gate,
  type Handshake,
  isRequest,
  type JsonRpcMessage,
  type RequestId,
  TransportError,
  toError,
  type Verdict,
} from '@mcpwire/core'
import type { Body, Exchange, HeaderLines } from '../exchange.js'
import type { EndpointSettings } from './endpoint-options.js'
import {
  answerFailure,
  answerRefusal,
  HEADER_MISMATCH,
  type HttpFailure,
  INVALID_REQUEST,
  UNSUPPORTED_VERSION,
} from './http-errors.js'
import { LiveStreams } from './live-streams.js'
import { acceptsEvents, acceptsJson, isJson } from './media-types.js'
import type { AnswerFormat } from './post-answer.js'
import { invalid, isInitialize, type Posted, postedIn } from './posted-messages.js'
import { type Caller, callerOf } from './principal.js'
import { resume } from './resume.js'
import { isSessionless, REVISION_WITH_BATCHES, revisionNamedBy, sessionRevisions } from './revisions.js'
import { Session, type SessionHost } from './session.js'
import { newSessionId } from './session-id.js'
import { SessionTable } from './session-table.js'

const ALLOWED = 'GET, POST, DELETE, OPTIONS'
const SESSION_HEADER = 'mcp-session-id'
const VERSION_HEADER = 'mcp-protocol-version'
const noHeaders: HeaderLines = []

/** Serves MCP to whatever front end brings requests to it. */
export class Endpoint {
  readonly #settings: EndpointSettings
  readonly #path: string | undefined
  readonly #live: LiveStreams
  readonly #sessions: SessionTable
  readonly #host: SessionHost
  /** What the gate said about those who are on their way to the listener, which would ask again. */
  readonly #verdicts = new WeakMap<Handshake, Verdict>()
  /** Aborted when nobody is admitted any more. */
  readonly #shut = new AbortController()
  #door: Door | undefined
  #emptied: (() => void) | undefined
  /** How many that may open a session wait for the gate. */
  #waiting = 0

  /** Serves at one path of its own, or at whatever path requests are brought from. */
  constructor(settings: EndpointSettings, path?: string) {
    this.#settings = settings
    this.#path = path
    this.#live = new LiveStreams(settings.clock, settings.keepAliveIntervalMs)
    this.#sessions = new SessionTable(settings.clock, settings.idleTimeoutMs)
    this.#host = {
      settings,
      live: this.#live,
      report: (error) => this.#report(error),
      over: (session) => this.#forget(session),
      rests: (session) => this.#sessions.rests(session),
    }
  }

  /** The gate for the listener: it repeats what was decided about the request that opens a session. */
  get gate(): Gate | undefined {
    const { gate } = this.#settings
    if (!gate) return undefined
    return { admit: (handshake, signal) => this.#verdicts.get(handshake) ?? gate.admit(handshake, signal) }
  }

  open(door: Door): void {
    this.#door = door
  }

  /** Admits nobody any more. Sessions go on until the listener closes them; then `emptied` is called, once. */
  close(emptied: () => void): void {
    this.#shut.abort()
    this.#emptied = emptied
    this.#wind()
  }

  /** Answers one request. */
  handle(exchange: Exchange): void {
    try {
      this.#handle(exchange)
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  #handle(exchange: Exchange): void {
    const { hooks } = this.#settings
    const { handshake, method } = exchange
    if (hooks?.responseHeaders)
      exchange.extraHeaders = Object.entries(hooks.responseHeaders(handshake)).flat()
    if (!this.#door) {
      answerRefusal(exchange, unavailable('the server does not serve yet, or no more'))
      return
    }
    if (method === 'OPTIONS') this.#preflight(exchange)
    else if (this.#hasRoute(handshake.path)) void this.#route(exchange, handshake.path)
    else if (this.#path !== undefined && handshake.path !== this.#path) {
      answerFailure(exchange, invalid(404, 'there is nothing here'))
    } else if (this.#isFull(exchange)) this.#refuseFull(exchange)
    else void this.#ask(exchange)
  }

  #forget(session: Session): void {
    this.#sessions.delete(session)
    this.#wind()
  }

  #wind(): void {
    if (!this.#emptied || this.#sessions.size > 0) return
    this.#emptied()
    this.#emptied = undefined
    this.#live.stop()
  }

  #preflight(exchange: Exchange): void {
    const answer = this.#settings.hooks?.preflight?.(exchange.handshake)
    if (answer) exchange.answer(answer.status, Object.entries(answer.headers ?? {}).flat(), answer.body)
    else this.#notAllowed(exchange)
  }

  #hasRoute(path: string | undefined): path is string {
    const { routes } = this.#settings.hooks ?? {}
    return path !== undefined && routes !== undefined && Object.hasOwn(routes, path)
  }

  async #route(exchange: Exchange, path: string): Promise<void> {
    try {
      const answer = await this.#settings.hooks?.routes?.[path]?.(exchange.handshake)
      if (!answer) throw new Error(`the route ${path} has no answer`)
      exchange.answer(answer.status, Object.entries(answer.headers ?? {}).flat(), answer.body)
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  /** Whether there is no room for another session, and this may ask for one. */
  #isFull({ handshake }: Exchange): boolean {
    if (handshake.headers[SESSION_HEADER] !== undefined) return false
    return this.#sessions.size + this.#waiting >= this.#settings.maxConnections
  }

  #refuseFull(exchange: Exchange): void {
    const { maxConnections } = this.#settings
    answerRefusal(exchange, unavailable('the server has no room for another session'))
    const message = `a caller was refused: maxConnections (${maxConnections}) sessions are open or wait for the gate`
    this.#report(new TransportError('REFUSED', message, { status: 503 }))
  }

  async #ask(exchange: Exchange): Promise<void> {
    const mayOpen = exchange.handshake.headers[SESSION_HEADER] === undefined
    if (mayOpen) this.#waiting++
    let outcome: AdmissionOutcome
    try {
      const { gate, gateTimeoutMs, clock } = this.#settings
      outcome = await admit(exchange.handshake, { gate, gateTimeoutMs, clock }, this.#shut.signal)
    } finally {
      if (mayOpen) this.#waiting--
    }
    if (exchange.hasLeft) return
    try {
      if (outcome.admitted) this.#admitted(exchange, outcome.admission)
      else {
        if (outcome.error) this.#report(outcome.error)
        answerRefusal(exchange, outcome.refusal)
      }
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  #admitted(exchange: Exchange, admission: Admission): void {
    const caller = callerOf(admission)
    switch (exchange.method) {
      case 'POST':
        this.#post(exchange, caller)
        break
      case 'GET':
        this.#get(exchange, caller)
        break
      case 'DELETE':
        this.#delete(exchange, caller)
        break
      default:
        this.#notAllowed(exchange)
    }
  }

  #post(exchange: Exchange, caller: Caller): void {
    const { headers } = exchange.handshake
    const { maxMessageBytes } = this.#settings
    const format = this.#formatFor(headers['accept'])
    if (!isJson(headers['content-type'])) {
      answerFailure(exchange, invalid(415, 'the Content-Type must be application/json'))
    } else if (!format) {
      answerFailure(exchange, invalid(406, 'accept application/json and text/event-stream'))
    } else {
      exchange.readBody(maxMessageBytes, (body) => {
        try {
          this.#posted(exchange, caller, { body, format })
        } catch (error) {
          this.#failed(exchange, error)
        }
      })
    }
  }

  /** How to answer one who accepts this; nothing where that is no way to answer. */
  #formatFor(accept: string | undefined): AnswerFormat | undefined {
    const { answers } = this.#settings
    const json = acceptsJson(accept)
    const events = acceptsEvents(accept)
    if (json && events) return answers
    if (json) return answers === 'sse' ? undefined : 'json'
    return events && answers !== 'json' ? 'sse' : undefined
  }

  #posted(exchange: Exchange, caller: Caller, { body, format }: { body: Body; format: AnswerFormat }): void {
    if (body.kind === 'gone') return
    const posted = postedIn(body, this.#settings.maxMessageBytes)
    if ('status' in posted) {
      answerFailure(exchange, posted)
      return
    }
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
    const wrong = batchFailure(session, posted) ?? repeatedId(session, posted)
    if (wrong) answerFailure(exchange, wrong)
    else session.take(exchange, posted, caller, format)
  }

  #initialize(
    exchange: Exchange,
    caller: Caller,
    { posted, format }: { posted: Posted; format: AnswerFormat },
  ): void {
    const { headers, remote } = exchange.handshake
    const id = idIn(posted.messages[0])
    const version = headers[VERSION_HEADER]
    if (headers[SESSION_HEADER] !== undefined) {
      if (this.#sessionOf(exchange, caller, id)) {
        answerFailure(exchange, invalid(400, 'this session is initialized already', id))
      }
    } else if (version !== undefined && isSessionless(version)) {
      const message = `${VERSION_HEADER}: ${version} has no "initialize"`
      answerFailure(exchange, { status: 400, code: HEADER_MISMATCH, message, id })
    } else if (this.#sessions.countOf(remote.address ?? '') >= this.#settings.maxSessionsPerAddress) {
      answerRefusal(exchange, unavailable('too many sessions from this address'))
    } else if (this.#isFull(exchange)) this.#refuseFull(exchange)
    else this.#offer(exchange, caller, { posted, format })
  }

  /** Takes a new session to the listener, whose application opens it or not. */
  #offer(
    exchange: Exchange,
    caller: Caller,
    { posted, format }: { posted: Posted; format: AnswerFormat },
  ): void {
    const { handshake } = exchange
    const address = handshake.remote.address ?? ''
    const peer = Object.freeze({
      medium: 'http',
      address: address === '' ? 'http:' : `http://${address.includes(':') ? `[${address}]` : address}`,
      ...(handshake.tls && { tls: handshake.tls }),
    })
    const session = new Session(this.#host, newSessionId(), caller, peer, address)
    this.#sessions.add(session)
    exchange.whenLeft(() => session.unheard())
    const { authInfo } = caller.admission
    this.#verdicts.set(handshake, { admit: true, ...(authInfo && { authInfo }) })
    this.#door?.offer({
      handshake,
      connector: {
        connectsOnce: true,
        peer,
        connect: async (sink, signal) => {
          signal.throwIfAborted()
          if (exchange.hasLeft || this.#sessions.get(session.id) !== session) {
            throw new TransportError('PEER_LOST', `${peer.address} left before it was served`, {
              address: peer.address,
            })
          }
          const channel = session.connect(sink)
          session.take(exchange, posted, caller, format)
          return channel
        },
      },
      refuse: (refusal) => {
        void session.close()
        if (!exchange.hasLeft) answerRefusal(exchange, refusal)
      },
    })
  }

  #get(exchange: Exchange, caller: Caller): void {
    const { headers } = exchange.handshake
    if (!acceptsEvents(headers['accept']) || headers['accept'] === undefined) {
      answerFailure(exchange, invalid(406, 'accept text/event-stream'))
      return
    }
    const session = this.#sessionOf(exchange, caller)
    if (!session) return
    const lastEventId = headers['last-event-id']
    const { eventStore } = this.#settings
    if (lastEventId !== undefined && eventStore) void resume(exchange, session, { eventStore, lastEventId })
    else session.standalone.open(exchange)
  }

  #delete(exchange: Exchange, caller: Caller): void {
    const session = this.#sessionOf(exchange, caller)
    if (!session) return
    session.end()
    exchange.answer(204, noHeaders)
  }

  /** The session the request belongs to; where there is none, or not for this caller, it is answered. */
  #sessionOf(exchange: Exchange, caller: Caller, id?: RequestId): Session | undefined {
    const { headers } = exchange.handshake
    const sessionId = headers[SESSION_HEADER]
    if (sessionId === undefined) {
      answerFailure(exchange, invalid(400, 'the header Mcp-Session-Id is missing', id))
      return undefined
    }
    const session = this.#sessions.get(sessionId)
    // To anybody but its owner a session does not exist.
    if (!session?.isServed || session.principal !== caller.principal) {
      answerFailure(exchange, { status: 404, code: INVALID_REQUEST, message: 'Session not found', id })
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

  #notAllowed(exchange: Exchange): void {
    const message = `Invalid request: ${exchange.method} is not supported`
    answerFailure(exchange, { status: 405, code: INVALID_REQUEST, message, headers: ['allow', ALLOWED] })
  }

  #failed(exchange: Exchange, cause: unknown): void {
    this.#report(toError(cause))
    exchange.fail()
  }

  #report(error: Error): void {
    this.#door?.report(error)
  }
}

function unavailable(reason: string): { admit: false; status: 503; reason: string } {
  return { admit: false, status: 503, reason }
}

function idIn(message: JsonRpcMessage | undefined): RequestId | undefined {
  return message !== undefined && 'id' in message ? message.id : undefined
}

/** Requests that name their revision belong to the era without sessions, which this endpoint does not serve. */
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
