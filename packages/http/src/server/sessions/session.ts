import {
  type ByteBudget,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcResponse,
  type MessageContext,
  type Peer,
  type RequestId,
  type SendOptions,
  type SessionGrant,
  TransportError,
} from '@mcpwire/core'
import {
  AdmissionTimer,
  CANCELLED_METHOD,
  type Channel,
  type HttpTraits,
  INITIALIZE_METHOD,
  ignore,
  JsonRpcMessageReader,
  type Sink,
  toErrorResponse,
} from '@mcpwire/core/authoring'
import type { EndpointSettings } from '../request/endpoint-options.js'
import type { Body, Caller, HeaderLines, HttpExchange } from '../request/http-exchange.js'
import {
  acceptsEvents,
  HttpContext,
  isInitialize,
  isTaskPoll,
  jsonWithin,
  type Outgoing,
  type Posted,
  type ResponseFormat,
  rejectBody,
  unsendable,
} from '../request/message-body.js'
import type { KeepAliveScheduler } from '../request/periodic-check.js'
import { PostFlow, SESSION_HEADER } from '../request/read-post.js'
import { allowsPolling, sessionRevisions } from '../request/revisions.js'
import type { ServedSession, SessionHost, SessionStart } from '../request/served-session.js'
import type { Idleness, PrincipalUsage } from '../request/session-eviction.js'
import { EventLog } from '../responses/event-log.js'
import { clientDisconnected, PendingRequest, PostResponse } from '../responses/post-response.js'
import { PushStream, withoutStream } from '../responses/push-stream.js'
import type { StreamOwner } from '../responses/stream-owner.js'
import { belongsToRequest, OpenRequests } from './open-requests.js'

// One session of Streamable HTTP.
//
//   created ── connect(): the application accepts it ──▶ served ── response to initialize ──▶ initialized
//      │                                                    │                                      │
//      │ refused, or the client disconnects                 │ initialize fails                     │
//      ▼                                                    ▼                                      ▼
//    ended ◀── DELETE, close(), idleTimeoutMs, lifetimeMs, end of the admission, malformed messages
//
// POST → receive() → sink.message()          request → PendingRequest + PostResponse
// send(response) → its PostResponse          send(other) → PostResponse of a related request, or else PushStream
// It is idle while no POST and no stream is open. Then the registry ends it at `dueAt`, or earlier to make space.

const noHeaders: HeaderLines = []

/** One session of a client, from its `initialize` to its end. */
export class Session implements StreamOwner, ServedSession {
  readonly id: string
  readonly peer: Peer
  readonly remoteAddress: string
  readonly owner: string
  readonly isNamed: boolean
  readonly usage: PrincipalUsage
  readonly openedAt: number
  grant: SessionGrant | undefined
  /** The negotiated revision. */
  revision: string | undefined
  /** The revisions of the application, if it has set them. */
  supportedRevisions: readonly string[] | undefined
  readonly pushStream: PushStream
  /** Paused while the application accepts no messages. */
  readonly flow: PostFlow = new PostFlow()
  readonly #host: SessionHost
  readonly #pending: OpenRequests
  #admissionTimer: AdmissionTimer | undefined
  #sink: Sink | undefined
  #reader: JsonRpcMessageReader | undefined
  #lastActive: number
  #openExchanges = 0
  #logCount = 0
  /** Whether the client has sent a request or opened a stream after `initialize`. */
  #isUsed = false
  #isOver = false

  constructor(host: SessionHost, { id, caller, peer, remoteAddress, usage }: SessionStart) {
    this.#host = host
    this.id = id
    this.peer = peer
    this.remoteAddress = remoteAddress
    this.owner = caller.owner
    this.isNamed = caller.authInfo !== undefined
    this.usage = usage
    this.#pending = new OpenRequests(usage, host.settings.clock, this.report)
    this.openedAt = host.settings.clock.now()
    this.#lastActive = this.openedAt
    this.pushStream = new PushStream(this, peer.address)
    this.renew(caller)
  }

  get settings(): EndpointSettings {
    return this.#host.settings
  }

  get keepAlive(): KeepAliveScheduler {
    return this.#host.keepAlive
  }

  get budget(): ByteBudget | undefined {
    return this.#host.budget
  }

  get allowsPolling(): boolean {
    return this.settings.eventStore !== undefined && allowsPolling(this.revision)
  }

  get dueAt(): number {
    const { idleTimeoutMs, lifetimeMs } = this.settings
    const idle = this.#openExchanges === 0 ? this.#lastActive + idleTimeoutMs : Infinity
    return Math.min(idle, this.openedAt + lifetimeMs)
  }

  get idleness(): Idleness | undefined {
    if (this.#openExchanges > 0 || !this.isServed) return undefined
    const since = this.#lastActive
    if (this.#pending.size === 0) return { grade: this.#isUsed ? 'idle' : 'unused', since }
    const { clock, cancelAfterMs } = this.settings
    return clock.now() - since >= cancelAfterMs ? { grade: 'away', since } : undefined
  }

  get isServed(): boolean {
    return this.#sink !== undefined
  }

  get inFlight(): number {
    return this.#pending.size
  }

  /** Whether a request with this id is in flight. */
  awaits(id: RequestId): boolean {
    return this.#pending.has(id)
  }

  /** Whether a client may name this revision in a header. */
  supports(version: string): boolean {
    return version === this.revision || (this.supportedRevisions ?? sessionRevisions).includes(version)
  }

  /** Uses the latest admission of the caller from now on. */
  renew({ admission }: Caller): void {
    if (!this.#admissionTimer) {
      if (admission.expiresAt === undefined && admission.revoked === undefined) return
      this.#admissionTimer = new AdmissionTimer(this.settings.clock, (why) => {
        this.end(new TransportError('REFUSED', `the admission of this caller was ${why}`, { status: 401 }))
      })
    }
    this.#admissionTimer.renew(admission)
  }

  /** Connects the application. */
  connect(sink: Sink): Channel {
    this.#sink = sink
    const read = (message: JsonRpcMessage, context?: MessageContext): void => this.#read(message, context)
    this.#reader = new JsonRpcMessageReader(
      { ...sink, message: read },
      { address: this.peer.address, abandon: (error) => this.end(error) },
    )
    return {
      peer: this.peer,
      send: (message, options) => this.send(message, options),
      close: () => this.close(),
      flow: this.flow,
      http: new SessionTraits(this),
    }
  }

  /** Reports a malformed body. Too many in a row end the session. */
  malformed(error: Error, body: Body): void {
    if (this.#reader) rejectBody(this.#reader, error, body, this.report)
  }

  /** Passes posted messages to the application, and responds to the POST. */
  receive(exchange: HttpExchange, posted: Posted, caller: Caller, format: ResponseFormat): void {
    const { messages, isBatch } = posted
    const isOpening = this.revision === undefined && this.#pending.size === 0 && isInitialize(messages[0])
    const context = new HttpContext(exchange, caller.authInfo)
    this.#lastActive = this.settings.clock.now()
    if (!messages.some(isRequest)) {
      this.#deliver(posted, context)
      exchange.respond(202, noHeaders)
      return
    }
    const headers = isOpening ? [SESSION_HEADER, this.id] : noHeaders
    const acceptsStream = !isTaskPoll(messages[0]) && acceptsEvents(exchange.handshake.headers['accept'])
    const response = new PostResponse(this, exchange, {
      format,
      acceptsEvents: acceptsStream,
      isBatch,
      headers,
    })
    for (const message of messages) {
      if (!isRequest(message)) continue
      const request = new PendingRequest(message, response)
      this.#pending.add(request)
      response.add(request)
    }
    if (this.allowsPolling) {
      response.prime()
      context.closeSSEStream = () => response.closeForPolling()
      context.closeStandaloneSSEStream = () => this.pushStream.closeForPolling()
    }
    this.#deliver(posted, context)
  }

  send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    let outgoing: Outgoing
    try {
      outgoing = { message, json: jsonWithin(message, this.settings.maxMessageBytes) }
    } catch (error) {
      if (isResponse(message)) this.respondUnsendable(message.id)
      return Promise.reject(error)
    }
    if (isResponse(message)) return this.#respond(message, outgoing)
    this.#reader?.sent(message)
    const related = options?.relatedRequestId
    const response = this.#pending.carrierOf(message, related)
    if (response === 'finished') return this.#pending.drop(message)
    // On another stream it would belong to a request that the client does not know.
    if (response?.isLost && belongsToRequest(message, related)) return Promise.reject(clientDisconnected())
    if (isRequest(message) && response?.isJson && !this.pushStream.isOpen && !response.allowMessages()) {
      if (!this.pushStream.wasOpened) return Promise.reject(withoutStream(message.method))
    }
    if (!response?.carriesMessages) return this.pushStream.send(outgoing)
    if (isRequest(message)) this.#pending.sentOn(response, message.id)
    return response.notify(outgoing)
  }

  /** Ends the session, with the reason unless the end is orderly. */
  end(reason?: Error): void {
    if (this.#isOver) return
    void this.close()
    this.#sink?.end(reason)
  }

  /** Ends every stream. Resolves when that is done. */
  async close(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#admissionTimer?.end()
    const responses = this.#pending.responses()
    this.#pending.clear()
    const ended = [...[...responses].map((response) => response.abandon()), this.pushStream.end()]
    this.#host.ended(this)
    // Waiting POSTs then find no session.
    this.flow.resume()
    await Promise.all(ended)
  }

  /** The open streams that an event store may have. */
  *loggedStreams(): Iterable<PostResponse | PushStream> {
    yield this.pushStream
    yield* this.#pending.responses()
  }

  /** Whether a stream in the event store belongs to this session. */
  ownsStream(streamId: string): boolean {
    return streamId.startsWith(`${this.id}/`)
  }

  createLog(): EventLog | undefined {
    const { eventStore, maxQueuedBytes } = this.settings
    if (!eventStore) return undefined
    const streamId = `${this.id}/${this.#logCount++}`
    return new EventLog(eventStore, streamId, { maxQueuedBytes, report: this.report })
  }

  attached(): void {
    if (this.revision !== undefined) this.#isUsed = true
    this.#openExchanges++
  }

  detached(): void {
    this.#openExchanges--
    this.#checkIdle()
  }

  cancel(requestId: RequestId): void {
    const params = { requestId, reason: 'the client disconnected before the response' }
    this.#read({ jsonrpc: '2.0', method: CANCELLED_METHOD, params })
  }

  respondUnsendable(id: RequestId | undefined): void {
    if (id === undefined || !this.#pending.has(id)) return
    const message: JsonRpcResponse = { jsonrpc: '2.0', id, error: unsendable }
    this.#respond(message, { message, json: JSON.stringify(message) }).catch(ignore)
  }

  disconnectedBeforeId(): void {
    const { address } = this.peer
    const message = `${address} disconnected before it received its session id`
    this.end(new TransportError('PEER_LOST', message, { address }))
  }

  dropped(error: TransportError<'OVERLOADED'>, messages: readonly (RequestId | undefined)[]): void {
    const count = `${messages.length} queued message${messages.length === 1 ? '' : 's'}`
    this.report(new TransportError('OVERLOADED', `dropped ${count}: ${error.message}`, error.details))
    for (const id of messages)
      if (id !== undefined) this.#read(toErrorResponse(id, error, { delivery: 'none' }))
  }

  readonly report = (error: Error): void => this.#sink?.error(error)

  #checkIdle(): void {
    this.#lastActive = this.settings.clock.now()
    if (this.#openExchanges === 0) this.#host.idle(this)
  }

  #deliver({ messages, skipped = [] }: Posted, context: MessageContext): void {
    for (const { reason, value } of skipped) this.#reader?.rejected(reason, value)
    for (const message of messages) this.#reader?.value(message, context)
  }

  #read(message: JsonRpcMessage, context?: MessageContext): void {
    this.#pending.received(message)
    this.#sink?.message(message, context)
    const request = this.#pending.cancelledBy(message)
    if (!request) return
    this.#settle(request)
    request.response.drop(request)
  }

  #settle(request: PendingRequest): void {
    this.#pending.delete(request)
    if (this.#openExchanges === 0) this.#checkIdle()
  }

  #respond(message: JsonRpcResponse, outgoing: Outgoing): Promise<void> {
    const request = message.id === undefined ? undefined : this.#pending.get(message.id)
    if (!request) {
      const reason = 'no request of the client awaits this response'
      return Promise.reject(new TransportError('SEND_FAILED', reason, { delivery: 'none' }))
    }
    const { response } = request
    const overload = response.overload(request, outgoing)
    // The request stays pending: the application may send its response again.
    if (overload) return Promise.reject(overload)
    this.#settle(request)
    if (request.method !== INITIALIZE_METHOD) return response.respond(request, outgoing)
    if ('result' in message && typeof message.result['protocolVersion'] === 'string') {
      this.revision = message.result['protocolVersion']
    }
    if ('error' in message) response.dropSessionId()
    const sent = response.respond(request, outgoing)
    if ('error' in message) this.end()
    return sent
  }
}

class SessionTraits implements HttpTraits {
  readonly #session: Session
  readonly hasPerRequestStream = false

  constructor(session: Session) {
    this.#session = session
  }

  get sessionId(): string {
    return this.#session.id
  }

  readonly setProtocolVersion = (version: string): void => {
    this.#session.revision = version
  }

  readonly setSupportedProtocolVersions = (versions: string[]): void => {
    this.#session.supportedRevisions = versions
  }
}
