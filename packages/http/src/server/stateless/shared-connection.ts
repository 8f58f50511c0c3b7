import {
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type MessageContext,
  type Peer,
  type Refusal,
  type RequestId,
  type SendOptions,
  TransportError,
} from '@mcpwire/core'
import {
  CANCELLED_METHOD,
  type Channel,
  createMultiplexer,
  ignore,
  type MultiplexedCall,
  type Multiplexer,
  type Sink,
} from '@mcpwire/core/authoring'
import { tooManyInFlight } from '../request/http-errors.js'
import type { ServedSession } from '../request/session-registry.js'
import type { StatelessRequest } from './stateless-request.js'

const done: Promise<void> = Promise.resolve()

/** The services of the endpoint that a shared connection uses. */
export interface SharedHost {
  now(): number
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
  readonly maxInFlight: number
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

interface Waiting {
  readonly message: JsonRpcMessage
  readonly context: MessageContext
}

type State =
  /** The application has not connected yet. */
  | { readonly name: 'waiting'; readonly requests: Map<StatelessRequest, Waiting> }
  | { readonly name: 'open'; readonly sink: Sink }
  | { readonly name: 'over' }

/** One connection to the application for the requests of one principal. */
export class SharedConnection implements ServedSession {
  readonly id: string
  readonly peer: Peer
  readonly owner: string
  readonly openedAt: number
  /** It belongs to no single address. */
  readonly remoteAddress = ''
  /** False, as no client may name it in a request. */
  readonly isServed = false
  readonly #host: SharedHost
  readonly #multiplexer: Multiplexer<StatelessRequest>
  /** Open subscriptions, with the context of each. */
  readonly #subscriptions = new Map<StatelessRequest, MessageContext>()
  #lastActive: number
  #isRetired = false
  #state: State = { name: 'waiting', requests: new Map() }

  constructor(host: SharedHost, { id, peer, owner }: SharedStart) {
    this.#host = host
    this.id = id
    this.peer = peer
    this.owner = owner
    this.#multiplexer = createMultiplexer({ maxInFlight: host.maxInFlight })
    this.openedAt = host.now()
    this.#lastActive = this.openedAt
  }

  get dueAt(): number {
    if (this.#isRetired) return Infinity
    const idle = this.isBusy ? Infinity : this.#lastActive + this.#host.idleTimeoutMs
    return Math.min(idle, this.openedAt + this.#host.lifetimeMs)
  }

  /** Whether a request is in flight. */
  get isBusy(): boolean {
    return this.#multiplexer.inFlight > 0
  }

  /** Whether it accepts no more requests and ends with its last response. */
  get isRetired(): boolean {
    return this.#isRetired
  }

  get isOver(): boolean {
    return this.#state.name === 'over'
  }

  /** Sends a request to the application, or keeps it until the application connects. */
  send(request: StatelessRequest, original: JsonRpcRequest, context: MessageContext): void {
    const step = this.#multiplexer.fromCaller(request, original)
    if (step.kind !== 'send') {
      request.fail(tooManyInFlight(this.#host.maxInFlight, request.id))
      return
    }
    const { message } = step
    if (this.#state.name === 'waiting') this.#state.requests.set(request, { message, context })
    if (request.isListen) this.#subscriptions.set(request, context)
    request.await(() => this.#disconnected(request, context))
    // The client may have disconnected already.
    if (this.#state.name === 'open' && !request.isOver) this.#state.sink.message(message, context)
  }

  /** Sends a notification to the application, if it has connected. */
  notify(message: JsonRpcMessage, context: MessageContext): void {
    if (this.#state.name === 'open') this.#state.sink.message(message, context)
  }

  connect(sink: Sink): Channel {
    const waiting = this.#state.name === 'waiting' ? this.#state.requests : undefined
    this.#state = { name: 'open', sink }
    for (const { message, context } of waiting?.values() ?? []) sink.message(message, context)
    return {
      peer: this.peer,
      send: (message, options) => this.#send(message, options),
      close: () => this.#close(),
    }
  }

  /** Refuses the waiting requests. */
  refuse(refusal: Refusal): void {
    for (const { caller } of this.#over()) caller.refuse(refusal)
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
    for (const [request, context] of this.#subscriptions) {
      request.complete().catch(ignore)
      this.#disconnected(request, context)
    }
  }

  #over(): readonly MultiplexedCall<StatelessRequest>[] {
    if (this.#state.name === 'over') return []
    this.#state = { name: 'over' }
    this.#host.ended(this)
    return this.#multiplexer.upstreamClosed()
  }

  async #close(): Promise<void> {
    await Promise.all(this.#over().map(({ caller }) => caller.abandon().catch(ignore)))
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
      if (request.isListen) this.#subscriptions.delete(request)
      this.#host.responded(request, message)
      return this.#checkIdleAfter(request.respond(message))
    }
    if (message.method !== CANCELLED_METHOD) return request.notify(message)
    // The application may end a subscription this way (SUB-S-09). Over HTTP it ends with a response.
    this.#multiplexer.callerClosed(request)
    this.#subscriptions.delete(request)
    return this.#checkIdleAfter(request.complete())
  }

  #checkIdleAfter(sent: Promise<void>): Promise<void> {
    const checkIdle = (): void => this.#checkIdle()
    void sent.then(checkIdle, checkIdle)
    return sent
  }

  #disconnected(request: StatelessRequest, context: MessageContext): void {
    const cancellations = this.#multiplexer.callerClosed(request)
    this.#subscriptions.delete(request)
    if (this.#state.name === 'waiting') this.#state.requests.delete(request)
    if (this.#state.name === 'open') for (const each of cancellations) this.#state.sink.message(each, context)
    this.#checkIdle()
  }

  #checkIdle(): void {
    if (this.isBusy || this.#state.name === 'over') return
    this.#lastActive = this.#host.now()
    this.#host.idle(this)
  }
}

function dropped(reason: string): Error {
  return new TransportError('SEND_FAILED', `message dropped: ${reason}`, { delivery: 'none' })
}
