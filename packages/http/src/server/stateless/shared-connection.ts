import {
  type ByteBudget,
  type Clock,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type MessageContext,
  type Peer,
  type Refusal,
  type RequestId,
  type SendOptions,
  type SessionGrant,
  TransportError,
} from '@mcpwire/core'
import {
  CANCELLED_METHOD,
  type Channel,
  closedError,
  createMultiplexer,
  DISCOVER_METHOD,
  ignore,
  type Multiplexer,
  type Sink,
  toErrorResponse,
} from '@mcpwire/core/authoring'
import { tooManyInFlight } from '../request/http-errors.js'
import type { ServedSession } from '../request/served-session.js'
import type { Idleness } from '../request/session-eviction.js'
import { type QueuedRequest, RequestQueue } from './request-queue.js'
import type { StatelessRequest } from './stateless-request.js'

// request ──▶ RequestQueue (turns) ──▶ multiplexer (numbers) ──▶ sink of the application
//
// waiting ── forwarded, in its turn ──▶ in flight ── response ─────────▶ answered
//    └────── refused, or its client disconnects; then never sent
//                                          └──────── its client disconnects ──▶ cancelled

const done: Promise<void> = Promise.resolve()

/** The services of the endpoint that a shared connection uses. */
export interface SharedHost {
  readonly clock: Clock
  readonly budget: ByteBudget | undefined
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
  readonly bodyTimeoutMs: number
  readonly maxInFlight: number
  readonly maxInFlightPerCaller: number
  /** Called for each response. */
  responded(request: StatelessRequest, response: JsonRpcResponse): void
  /** Called when no request is in flight. */
  idle(connection: SharedConnection): void
  /** Called when it accepts no more requests. */
  retired(connection: SharedConnection): void
  /** Called when it has ended. */
  ended(connection: SharedConnection): void
}

/** The properties of a new shared connection. */
export interface SharedStart {
  readonly id: string
  readonly peer: Peer
  readonly owner: string
}

type State =
  /** The application has not connected yet. */
  { readonly name: 'waiting' } | { readonly name: 'open'; readonly sink: Sink } | { readonly name: 'over' }

/** The requests of a connection that has ended. */
interface Unanswered {
  /** Never sent to the application. */
  readonly waiting: readonly StatelessRequest[]
  readonly inFlight: readonly StatelessRequest[]
}

/** One connection to the application for the requests of one principal. */
export class SharedConnection implements ServedSession {
  readonly id: string
  readonly peer: Peer
  readonly owner: string
  readonly openedAt: number
  grant: SessionGrant | undefined
  /** It belongs to no single address. */
  readonly remoteAddress = ''
  /** False, as no client may name it in a request. */
  readonly isServed = false
  readonly #host: SharedHost
  readonly #queue: RequestQueue
  readonly #multiplexer: Multiplexer<StatelessRequest>
  /** The forwarded requests without a response. */
  readonly #inFlight = new Map<StatelessRequest, QueuedRequest>()
  /** Open subscriptions. */
  readonly #subscriptions = new Set<QueuedRequest>()
  #lastActive: number
  #isRetired = false
  /** Whether the application has answered a request with a result. */
  #hasResult = false
  #isPaused = false
  #state: State = { name: 'waiting' }

  constructor(host: SharedHost, { id, peer, owner }: SharedStart) {
    this.#host = host
    this.id = id
    this.peer = peer
    this.owner = owner
    this.#queue = new RequestQueue(host, {
      forward: (queued, message) => this.#forward(queued, message),
      refused: (queued) => this.#refused(queued),
    })
    this.#multiplexer = createMultiplexer({ maxInFlight: host.maxInFlight })
    this.openedAt = host.clock.now()
    this.#lastActive = this.openedAt
  }

  get dueAt(): number {
    if (this.#isRetired) return Infinity
    const idle = this.isBusy ? Infinity : this.#lastActive + this.#host.idleTimeoutMs
    return Math.min(idle, this.openedAt + this.#host.lifetimeMs)
  }

  get idleness(): Idleness | undefined {
    if (this.isBusy || this.#isRetired || this.#state.name !== 'open') return undefined
    return { grade: this.#hasResult ? 'idle' : 'unused', since: this.#lastActive }
  }

  /** Whether a request waits or is in flight. */
  get isBusy(): boolean {
    return this.#multiplexer.inFlight + this.#queue.size > 0
  }

  /** Whether it accepts no more requests and ends with its last response. */
  get isRetired(): boolean {
    return this.#isRetired
  }

  get isOver(): boolean {
    return this.#state.name === 'over'
  }

  /** Sends a request to the application in its turn. `text` is its JSON text, where it has one. */
  send(queued: QueuedRequest, text: string | undefined): void {
    const { request } = queued
    const { maxInFlight } = this.#host
    const isFull = this.#multiplexer.inFlight + this.#queue.size >= maxInFlight
    if (isFull && !this.#queue.makeRoom(queued)) {
      request.fail(tooManyInFlight(maxInFlight, request.id))
      return
    }
    if (request.isListen) this.#subscriptions.add(queued)
    request.await(() => this.#disconnected(queued))
    // The client may have disconnected already.
    if (!request.isOver) this.#queue.add(queued, text)
  }

  /** Sends a notification to the application, if it has connected. Returns false while the application has paused. */
  notify(message: JsonRpcMessage, context: MessageContext): boolean {
    if (this.#isPaused) return false
    if (this.#state.name === 'open') this.#state.sink.message(message, context)
    return true
  }

  connect(sink: Sink): Channel {
    this.#state = { name: 'open', sink }
    this.#queue.resume()
    return {
      peer: this.peer,
      send: (message, options) => this.#send(message, options),
      close: () => this.#close(),
      flow: { pause: () => this.#pause(), resume: () => this.#resume() },
    }
  }

  /** Refuses the waiting requests, and those in flight without a response that has begun. */
  refuse(refusal: Refusal): void {
    const { waiting, inFlight } = this.#over()
    for (const request of [...waiting, ...inFlight]) request.refuse(refusal)
  }

  /** Ends the connection. If requests are in flight, it is retired first and ends after their responses. */
  end(): void {
    if (this.isBusy && !this.#isRetired) {
      this.#retire()
      return
    }
    const { sink } = this.#state as { sink?: Sink }
    void this.#close()
    sink?.end()
  }

  /** Accepts no more requests. Subscriptions end now: they have no other end, and clients open new ones. */
  #retire(): void {
    this.#isRetired = true
    this.#host.retired(this)
    for (const queued of this.#subscriptions) {
      queued.request.complete().catch(ignore)
      this.#disconnected(queued)
    }
  }

  #pause(): void {
    this.#isPaused = true
    this.#queue.pause()
  }

  #resume(): void {
    this.#isPaused = false
    if (this.#state.name === 'open') this.#queue.resume()
  }

  /** Ends, and returns the requests without a response. */
  #over(): Unanswered {
    if (this.#state.name === 'over') return { waiting: [], inFlight: [] }
    this.#state = { name: 'over' }
    const waiting = this.#queue.close().map(({ request }) => request)
    const inFlight = this.#multiplexer.upstreamClosed().map(({ caller }) => caller)
    this.#inFlight.clear()
    this.#host.ended(this)
    return { waiting, inFlight }
  }

  async #close(): Promise<void> {
    const { waiting, inFlight } = this.#over()
    const responses = waiting.map((request) => request.respond(neverSent(request.id)))
    await Promise.all(
      [...responses, ...inFlight.map((request) => request.abandon())].map((sent) => sent.catch(ignore)),
    )
  }

  /** Sends a request to the application: its turn has come. */
  #forward(queued: QueuedRequest, original: JsonRpcRequest): void {
    const { request, context, caller } = queued
    const step = this.#multiplexer.fromCaller(request, original)
    if (step.kind !== 'send') {
      request.fail(tooManyInFlight(this.#host.maxInFlight, request.id))
      this.#queue.done(caller)
      return
    }
    this.#inFlight.set(request, queued)
    // The application has the message now. Until the response it may be counted nowhere.
    queued.message = ''
    if (request.isListen) this.#queue.done(caller)
    if (this.#state.name === 'open') this.#state.sink.message(step.message, context)
  }

  /** A request is not in flight any more: its caller may have another turn. */
  #finished(request: StatelessRequest, isCancelled = false): void {
    const queued = this.#inFlight.get(request)
    if (!queued) return
    this.#inFlight.delete(request)
    if (request.isListen) this.#subscriptions.delete(queued)
    else if (isCancelled) this.#queue.cancelled(queued.caller)
    else this.#queue.done(queued.caller)
  }

  #refused(queued: QueuedRequest): void {
    this.#subscriptions.delete(queued)
    this.#checkIdle()
  }

  #send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    try {
      return this.#route(message, options?.relatedRequestId)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #route(message: JsonRpcMessage, related: RequestId | undefined): Promise<void> {
    const step = this.#multiplexer.fromUpstream(message, related)
    if (step.kind === 'deliver') return this.#deliver(step.caller, step.message)
    const { sink } = this.#state as { sink?: Sink }
    if (step.kind === 'respond') sink?.message(step.message)
    else if (step.reason !== undefined) sink?.error(dropped(step.reason))
    return done
  }

  #deliver(request: StatelessRequest, message: JsonRpcMessage): Promise<void> {
    if (isResponse(message)) {
      this.#host.responded(request, message)
      if ('result' in message) this.#hasResult = true
      else this.#retireAfterProbe(request)
      const sent = request.respond(message)
      this.#finished(request)
      return this.#checkIdleAfter(sent)
    }
    if (message.method !== CANCELLED_METHOD) return request.notify(message)
    // The application may end a subscription this way (SUB-S-09). Over HTTP it ends with a response.
    this.#multiplexer.callerClosed(request)
    this.#finished(request)
    return this.#checkIdleAfter(request.complete())
  }

  #checkIdleAfter(sent: Promise<void>): Promise<void> {
    const checkIdle = (): void => this.#checkIdle()
    void sent.then(checkIdle, checkIdle)
    return sent
  }

  #disconnected(queued: QueuedRequest): void {
    const { request, context } = queued
    this.#subscriptions.delete(queued)
    if (!this.#queue.drop(queued)) {
      const cancellations = this.#multiplexer.callerClosed(request)
      if (this.#state.name === 'open')
        for (const each of cancellations) this.#state.sink.message(each, context)
      this.#finished(request, true)
    }
    this.#retireAfterProbe(request)
    this.#checkIdle()
  }

  /**
   * Ends the connection after a `server/discover` without a result, unless a request had one: the application may not
   * serve 2026-07-28 at all, and clients then use `initialize`.
   */
  #retireAfterProbe({ method }: StatelessRequest): void {
    if (method === DISCOVER_METHOD && !this.#hasResult && !this.#isRetired) this.#retire()
  }

  #checkIdle(): void {
    if (this.isBusy || this.#state.name === 'over') return
    this.#lastActive = this.#host.clock.now()
    this.#host.idle(this)
  }
}

function dropped(reason: string): Error {
  return new TransportError('SEND_FAILED', `message dropped: ${reason}`, { delivery: 'none' })
}

function neverSent(id: RequestId): JsonRpcResponse {
  return toErrorResponse(id, closedError(undefined), { delivery: 'none' })
}
