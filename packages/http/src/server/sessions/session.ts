import {
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcResponse,
  type MessageContext,
  type Peer,
  type RequestId,
  type SendOptions,
  TransportError,
} from '@mcpwire/core'
import type { Channel, Sink } from '@mcpwire/core/authoring'
import { Standing } from '../request/admission-timer.js'
import type { EndpointSettings } from '../request/endpoint-options.js'
import { HttpContext } from '../request/http-context.js'
import type { Exchange, HeaderLines } from '../request/http-exchange.js'
import type { LiveStreams } from '../request/keep-alive-scheduler.js'
import { MalformedCount } from '../request/malformed-count.js'
import { jsonWithin, type Outgoing, unsendable } from '../request/message-text.js'
import { Call } from '../request/pending-request.js'
import { malformed } from '../request/post-body.js'
import type { Posted } from '../request/posted-messages.js'
import type { Caller } from '../request/principal.js'
import { allowsPolling, sessionRevisions } from '../request/revisions.js'
import type { Opening } from '../request/session-registry.js'
import type { ServedSession, SessionHost } from '../request/session-table.js'
import { EventLog } from '../responses/event-log.js'
import { type AnswerFormat, clientLeft, PostAnswer } from '../responses/post-answer.js'
import { StandaloneStream } from '../responses/push-stream.js'
import type { StreamOwner } from '../responses/stream-owner.js'

const CANCELLED = 'notifications/cancelled'
const PROGRESS = 'notifications/progress'
const noHeaders: HeaderLines = []

/** One session of a client, from its `initialize` to its end. */
export class Session implements StreamOwner, ServedSession {
  readonly id: string
  readonly peer: Peer
  readonly remoteAddress: string
  readonly owner: string
  readonly openedAt: number
  lastActive: number
  /** What the answer to `initialize` said. */
  revision: string | undefined
  /** Set where the application names its own. */
  supported: readonly string[] | undefined
  readonly #host: SessionHost
  readonly #calls = new Map<RequestId, Call<PostAnswer>>()
  readonly #standalone: StandaloneStream
  /** Which answer a request of ours went out on, so that its cancellation can follow. */
  #asked: Map<RequestId, PostAnswer> | undefined
  /** Set where admissions end. */
  #standing: Standing | undefined
  #sink: Sink | undefined
  readonly #malformed = new MalformedCount()
  #busy = 0
  #lastLog = 0
  #isOver = false

  constructor(host: SessionHost, { id, caller, peer, remoteAddress }: Opening) {
    const { clock } = host.settings
    this.#host = host
    this.id = id
    this.peer = peer
    this.remoteAddress = remoteAddress
    this.owner = caller.owner
    this.openedAt = clock.now()
    this.lastActive = this.openedAt
    this.#standalone = new StandaloneStream(this, peer.address)
    this.renew(caller)
  }

  get settings(): EndpointSettings {
    return this.#host.settings
  }

  get live(): LiveStreams {
    return this.#host.live
  }

  get allowsPolling(): boolean {
    return this.settings.eventStore !== undefined && allowsPolling(this.revision)
  }

  /** The moment at which it ends unless something happens. */
  get dueAt(): number {
    const { idleTimeoutMs, lifetimeMs } = this.settings
    const isIdle = this.#busy === 0 && this.#calls.size === 0
    const idle = isIdle ? this.lastActive + idleTimeoutMs : Infinity
    return Math.min(idle, this.openedAt + lifetimeMs)
  }

  /** Takes the latest admission of its caller for the one that counts. */
  renew({ admission }: Caller): void {
    if (!this.#standing) {
      if (admission.expiresAt === undefined && admission.revoked === undefined) return
      this.#standing = new Standing(this.settings.clock, () => {
        this.end(new TransportError('REFUSED', 'the admission of this caller ended', { status: 401 }))
      })
    }
    this.#standing.renew(admission)
  }

  /** Connects the application to it. */
  connect(sink: Sink): Channel {
    this.#sink = sink
    return {
      peer: this.peer,
      send: (message, options) => this.send(message, options),
      close: () => this.close(),
      http: new SessionTraits(this),
    }
  }

  /** Hears of a body without messages. */
  refused(error: Error): void {
    this.report(error)
    const final = this.#malformed.add(error, this.peer.address)
    if (final) this.end(final)
  }

  /** Takes what a POST says, and answers it. */
  take(exchange: Exchange, posted: Posted, caller: Caller, format: AnswerFormat): void {
    const { messages, isBatch, skipped = [] } = posted
    this.#malformed.reset()
    for (const why of skipped) this.report(malformed(why, this.peer.address, ''))
    const isOpening = this.revision === undefined && this.#calls.size === 0 && isInitializing(messages)
    const context = new HttpContext(exchange, caller.authInfo)
    this.lastActive = this.settings.clock.now()
    if (!messages.some(isRequest)) {
      for (const message of messages) this.#heard(message, context)
      exchange.answer(202, noHeaders)
      return
    }
    const headers = isOpening ? ['mcp-session-id', this.id] : noHeaders
    const how = format === 'auto' && pollsTask(messages) ? 'json' : format
    const answer = new PostAnswer(this, exchange, { format: how, isBatch, headers })
    for (const message of messages) {
      if (!isRequest(message)) continue
      const call = new Call(message, answer)
      this.#calls.set(call.id, call)
      answer.add(call)
    }
    if (this.allowsPolling) {
      answer.prime()
      context.closeSSEStream = () => answer.closeForPolling()
      context.closeStandaloneSSEStream = () => this.#standalone.closeForPolling()
    }
    for (const message of messages) this.#heard(message, context)
  }

  /** Whether the application takes what is said in it. */
  get isServed(): boolean {
    return this.#sink !== undefined
  }

  /** Whether a client may name this revision in a header. */
  keepsTo(version: string): boolean {
    return version === this.revision || (this.supported ?? sessionRevisions).includes(version)
  }

  /** How many requests await their response. */
  get inFlight(): number {
    return this.#calls.size
  }

  /** Whether a request with this id awaits its response already. */
  awaits(id: RequestId): boolean {
    return this.#calls.has(id)
  }

  get standalone(): StandaloneStream {
    return this.#standalone
  }

  /** What has a stream in the event store and is not over. */
  *logged(): Iterable<PostAnswer | StandaloneStream> {
    yield this.#standalone
    for (const { answer } of this.#calls.values()) yield answer
  }

  /** Whether a stream in the event store is one of this session's. */
  owns(streamId: string): boolean {
    return streamId.startsWith(`${this.id}/`)
  }

  newLog(): EventLog | undefined {
    const { eventStore, maxQueuedBytes } = this.settings
    if (!eventStore) return undefined
    const streamId = `${this.id}/${this.#lastLog++}`
    return new EventLog(eventStore, streamId, { maxQueuedBytes, report: this.report })
  }

  attached(): void {
    this.#busy++
  }

  detached(): void {
    this.#busy--
    this.#mayRest()
  }

  #mayRest(): void {
    this.lastActive = this.settings.clock.now()
    if (this.#busy === 0 && this.#calls.size === 0) this.#host.rests(this)
  }

  giveUp(call: Call): void {
    const params = { requestId: call.id, reason: 'the client left before the response' }
    this.#heard({ jsonrpc: '2.0', method: CANCELLED, params })
  }

  unsent({ id }: Call): void {
    this.#tellUnsendable(id)
  }

  unheard(): void {
    const { address } = this.peer
    this.end(new TransportError('PEER_LOST', `${address} left before it was told its session`, { address }))
  }

  readonly report = (error: Error): void => this.#sink?.error(error)

  send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    let outgoing: Outgoing
    try {
      outgoing = { message, json: jsonWithin(message, this.settings.maxMessageBytes) }
    } catch (error) {
      if (isResponse(message)) this.#tellUnsendable(message.id)
      return Promise.reject(error)
    }
    if (isResponse(message)) return this.#respond(message, outgoing)
    const answer = this.#answerFor(message, options?.relatedRequestId)
    // To any other stream it would be of a request that the client knows nothing of.
    if (answer?.isLost && belongsToRequest(message, options)) return Promise.reject(clientLeft())
    if (!answer?.carriesMessages) return this.#standalone.send(outgoing)
    if (isRequest(message)) {
      this.#asked ??= new Map()
      this.#asked.set(message.id, answer)
    }
    return answer.notify(outgoing)
  }

  /** Ends the session on its own account. */
  end(reason?: Error): void {
    if (this.#isOver) return
    void this.close()
    this.#sink?.end(reason)
  }

  /** Ends every stream properly. Resolves when that is done. */
  async close(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#standing?.end()
    const answers = new Set([...this.#calls.values()].map(({ answer }) => answer))
    this.#calls.clear()
    this.#asked = undefined
    const ended = [...[...answers].map((answer) => answer.abandon()), this.#standalone.end()]
    this.#host.over(this)
    await Promise.all(ended)
  }

  #heard(message: JsonRpcMessage, context?: MessageContext): void {
    if (isResponse(message)) {
      if (message.id !== undefined) this.#asked?.delete(message.id)
    }
    this.#sink?.message(message, context)
    const call = this.#cancelledBy(message)
    if (!call) return
    this.#forget(call)
    call.answer.drop(call)
  }

  /** Nobody awaits it any more; its client may have left before. */
  #forget(call: Call<PostAnswer>): void {
    this.#calls.delete(call.id)
    if (this.#busy === 0) this.#mayRest()
  }

  /** The call that the client gives up: nobody answers it any more (GEN-28). */
  #cancelledBy(message: JsonRpcMessage): Call<PostAnswer> | undefined {
    if (!('method' in message) || message.method !== CANCELLED) return undefined
    const call = this.#calls.get(message.params?.['requestId'] as RequestId)
    // A client must not cancel it (GEN-26), and would lose its session.
    return call?.method === 'initialize' ? undefined : call
  }

  #respond(message: JsonRpcResponse, outgoing: Outgoing): Promise<void> {
    const call = message.id === undefined ? undefined : this.#calls.get(message.id)
    if (!call) {
      const text = 'no request of the client awaits this response'
      return Promise.reject(new TransportError('SEND_FAILED', text, { delivery: 'none' }))
    }
    const full = call.answer.overload(call, outgoing)
    // The client waits on, and may have it when there is room.
    if (full) return Promise.reject(full)
    this.#forget(call)
    if (call.method !== 'initialize') return call.answer.respond(call, outgoing)
    if ('result' in message && typeof message.result['protocolVersion'] === 'string') {
      this.revision = message.result['protocolVersion']
    }
    if ('error' in message) call.answer.opensNothing()
    const sent = call.answer.respond(call, outgoing)
    // Whose initialize failed does not come back with its session.
    if ('error' in message) this.end()
    return sent
  }

  /** Whoever waits for an answer that cannot be sent is better told so. */
  #tellUnsendable(id: RequestId | undefined): void {
    if (id === undefined || !this.#calls.has(id)) return
    const message: JsonRpcResponse = { jsonrpc: '2.0', id, error: unsendable }
    this.#respond(message, { message, json: JSON.stringify(message) }).catch(ignore)
  }

  /** The answer that a message goes out on: of the request it belongs to, else of the only one there is. */
  #answerFor(message: JsonRpcMessage, related: RequestId | undefined): PostAnswer | undefined {
    if (related !== undefined) return this.#calls.get(related)?.answer
    const { method, params } = message as { method: string; params?: Record<string, unknown> }
    if (method === PROGRESS) {
      for (const { progressToken, answer } of this.#calls.values()) {
        if (progressToken !== undefined && progressToken === params?.['progressToken']) return answer
      }
    }
    if (method === CANCELLED) {
      const id = params?.['requestId'] as RequestId
      const asked = this.#asked?.get(id)
      this.#asked?.delete(id)
      if (asked) return asked
    }
    if (this.#calls.size !== 1) return undefined
    const [only] = this.#calls.values()
    return only?.answer
  }
}

/** Whether it asks how a task is getting on, which is done again and again and wants no stream each time (GEN-34). */
function pollsTask([first]: readonly JsonRpcMessage[]): boolean {
  return first !== undefined && isRequest(first) && first.method === 'tasks/get'
}

function belongsToRequest(message: JsonRpcMessage, options: SendOptions | undefined): boolean {
  return options?.relatedRequestId !== undefined || ('method' in message && message.method === PROGRESS)
}

function isInitializing(messages: readonly JsonRpcMessage[]): boolean {
  const [first] = messages
  return first !== undefined && isRequest(first) && first.method === 'initialize'
}

function ignore(): void {}

class SessionTraits {
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
    this.#session.supported = versions
  }
}
