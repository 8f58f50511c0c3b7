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
  type Channel,
  createMultiplexer,
  type MultiplexedCall,
  type Multiplexer,
  type Sink,
} from '@mcpwire/core/authoring'
import { tooManyInFlight } from '../request/http-errors.js'
import type { ServedSession } from '../request/session-table.js'
import type { ModernCall } from './modern-call.js'

const CANCELLED = 'notifications/cancelled'
const done: Promise<void> = Promise.resolve()

/** What a shared connection needs of its endpoint. */
export interface SharedHost {
  now(): number
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
  readonly maxInFlight: number
  /** A response was sent: some say what is to be known of later requests. */
  answered(call: ModernCall, response: JsonRpcResponse): void
  /** Nobody awaits anything of it at the moment. */
  rests(connection: SharedConnection): void
  /** Nobody is to ask anything of it any more. */
  retired(connection: SharedConnection): void
  /** Nothing can be asked of it any more. */
  over(connection: SharedConnection): void
}

/** What a shared connection is made of. */
export interface SharedOpening {
  readonly id: string
  readonly peer: Peer
  readonly owner: string
}

interface Waiting {
  readonly message: JsonRpcMessage
  readonly context: MessageContext
}

type State =
  /** The application has not taken it yet. */
  | { readonly name: 'waiting'; readonly calls: Map<ModernCall, Waiting> }
  | { readonly name: 'open'; readonly sink: Sink }
  | { readonly name: 'over' }

/** The requests of one principal as one conversation with the application. */
export class SharedConnection implements ServedSession {
  readonly id: string
  readonly peer: Peer
  readonly owner: string
  readonly openedAt: number
  /** It is nobody's in particular. */
  readonly remoteAddress = ''
  /** No client can name it: to each its requests are all there is. */
  readonly isServed = false
  readonly #host: SharedHost
  readonly #multiplexer: Multiplexer<ModernCall>
  #lastActive: number
  /** The subscriptions there are, which last until somebody ends them. */
  readonly #subscriptions = new Map<ModernCall, MessageContext>()
  #isRetired = false
  #state: State = { name: 'waiting', calls: new Map() }

  constructor(host: SharedHost, { id, peer, owner }: SharedOpening) {
    this.#host = host
    this.id = id
    this.peer = peer
    this.owner = owner
    this.#multiplexer = createMultiplexer({ maxInFlight: host.maxInFlight })
    this.openedAt = host.now()
    this.#lastActive = this.openedAt
  }

  /** The moment at which it ends unless somebody asks something. */
  get dueAt(): number {
    if (this.#isRetired) return Infinity
    const idle = this.isBusy ? Infinity : this.#lastActive + this.#host.idleTimeoutMs
    return Math.min(idle, this.openedAt + this.#host.lifetimeMs)
  }

  /** Whether somebody awaits an answer. */
  get isBusy(): boolean {
    return this.#multiplexer.inFlight > 0
  }

  /** Whether it ends with the last answer it owes. */
  get isRetired(): boolean {
    return this.#isRetired
  }

  /** Whether requests can be made of it. */
  get isOver(): boolean {
    return this.#state.name === 'over'
  }

  /** Asks the application, as soon as it listens. */
  take(call: ModernCall, request: JsonRpcRequest, context: MessageContext): void {
    const step = this.#multiplexer.fromCaller(call, request)
    if (step.kind !== 'send') {
      call.fail(tooManyInFlight(this.#host.maxInFlight, call.id))
      return
    }
    const { message } = step
    if (this.#state.name === 'waiting') this.#state.calls.set(call, { message, context })
    if (call.isListen) this.#subscriptions.set(call, context)
    call.await(() => this.#left(call, context))
    // Who has left already needs no answer.
    if (this.#state.name === 'open' && !call.isOver) this.#state.sink.message(message, context)
  }

  /** Passes on what nobody answers, where there is an application to hear it. */
  tell(message: JsonRpcMessage, context: MessageContext): void {
    if (this.#state.name === 'open') this.#state.sink.message(message, context)
  }

  connect(sink: Sink): Channel {
    const waiting = this.#state.name === 'waiting' ? this.#state.calls : undefined
    this.#state = { name: 'open', sink }
    for (const { message, context } of waiting?.values() ?? []) sink.message(message, context)
    return {
      peer: this.peer,
      send: (message, options) => this.#send(message, options),
      close: () => this.#close(),
    }
  }

  /** The application does not take it. */
  refuse(refusal: Refusal): void {
    for (const { caller } of this.#over()) caller.refuse(refusal)
  }

  /** Ends it on the endpoint's account, but for requests in flight, which are answered before. */
  end(): void {
    if (this.isBusy && !this.#isRetired) {
      this.#retire()
      return
    }
    const { sink } = this.#state as { sink?: Sink }
    void this.#close()
    sink?.end()
  }

  /** Subscriptions would outlive any time it has: they end now, for their clients to open others. */
  #retire(): void {
    this.#isRetired = true
    this.#host.retired(this)
    for (const [call, context] of this.#subscriptions) {
      call.complete().catch(ignore)
      this.#left(call, context)
    }
  }

  #over(): readonly MultiplexedCall<ModernCall>[] {
    if (this.#state.name === 'over') return []
    this.#state = { name: 'over' }
    this.#host.over(this)
    return this.#multiplexer.upstreamClosed()
  }

  async #close(): Promise<void> {
    await Promise.all(this.#over().map(({ caller }) => caller.abandon().catch(ignore)))
  }

  #send(message: JsonRpcMessage, options: SendOptions | undefined): Promise<void> {
    try {
      return this.#routed(message, options?.relatedRequestId)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #routed(message: JsonRpcMessage, related: RequestId | undefined): Promise<void> {
    const step = this.#multiplexer.fromUpstream(message, related)
    if (step.kind === 'deliver') return this.#deliver(step.caller, step.message)
    const { sink } = this.#state as { sink?: Sink }
    if (step.kind === 'respond') sink?.message(step.message)
    else if (step.reason !== undefined) sink?.error(strayed(step.reason))
    return done
  }

  #deliver(call: ModernCall, message: JsonRpcMessage): Promise<void> {
    if (isResponse(message)) {
      if (call.isListen) this.#subscriptions.delete(call)
      this.#host.answered(call, message)
      return this.#last(call.respond(message))
    }
    if (message.method !== CANCELLED) return call.notify(message)
    // How the application may end a subscription (SUB-S-09); over HTTP its response says so.
    this.#multiplexer.callerClosed(call)
    this.#subscriptions.delete(call)
    return this.#last(call.complete())
  }

  /** Nothing more is said to that caller: the connection may rest once it has, or does not take, this. */
  #last(sent: Promise<void>): Promise<void> {
    const rest = (): void => this.#rests()
    void sent.then(rest, rest)
    return sent
  }

  #left(call: ModernCall, context: MessageContext): void {
    const cancellations = this.#multiplexer.callerClosed(call)
    this.#subscriptions.delete(call)
    if (this.#state.name === 'waiting') this.#state.calls.delete(call)
    if (this.#state.name === 'open') for (const each of cancellations) this.#state.sink.message(each, context)
    this.#rests()
  }

  #rests(): void {
    if (this.isBusy || this.#state.name === 'over') return
    this.#lastActive = this.#host.now()
    this.#host.rests(this)
  }
}

function strayed(why: string): Error {
  return new TransportError('SEND_FAILED', `a message was not sent to anybody: ${why}`, { delivery: 'none' })
}

function ignore(): void {}
