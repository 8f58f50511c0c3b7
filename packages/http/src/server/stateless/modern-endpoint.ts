import {
  isRequest,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  TransportError,
} from '@mcpwire/core'
import type { Connector } from '@mcpwire/core/authoring'
import { paramFault } from '../../headers/header-faults.js'
import { VERSION_KEY } from '../../headers/standard-headers.js'
import { ToolSchemas } from '../../headers/tool-schemas.js'
import { HttpContext } from '../request/http-context.js'
import { answerFailure, type HttpFailure, tooManyInFlight } from '../request/http-errors.js'
import type { Exchange, HeaderLines } from '../request/http-exchange.js'
import { acceptsEvents } from '../request/media-types.js'
import { invalid } from '../request/posted-messages.js'
import type { Caller } from '../request/principal.js'
import { newSessionId } from '../request/session-id.js'
import { peerOf, type SessionRegistry } from '../request/session-registry.js'
import type { AnswerFormat } from '../responses/post-answer.js'
import { ListenFeed, type NotifyOptions } from './listen-feed.js'
import { ModernCall } from './modern-call.js'
import { failureOf, mismatch, refusalOf } from './modern-era.js'
import { SharedConnection, type SharedHost } from './shared-connection.js'

const LISTEN = 'subscriptions/listen'
const TOOL_LIST = 'tools/list'
const TOOL_CALL = 'tools/call'
const CANCELLED = 'notifications/cancelled'
const noHeaders: HeaderLines = []
const done: Promise<void> = Promise.resolve()
const MAX_TOOLS = 1_000
/** For how many principals it is remembered which arguments of tools travel in headers. */
const MAX_PRINCIPALS = 1_000

/** Serves the era without sessions: every request stands for itself. */
export class ModernEndpoint {
  readonly #reception: SessionRegistry
  readonly #isShared: boolean
  readonly #host: SharedHost
  readonly #connections = new Map<string, SharedConnection>()
  readonly #feed: ListenFeed
  /** How many requests of a principal are under way, where each has a connection of its own. */
  readonly #inFlight = new Map<string, number>()
  readonly #schemas = new Map<string, ToolSchemas>()

  constructor(reception: SessionRegistry) {
    const { clock, idleTimeoutMs, lifetimeMs, maxInFlight, modern } = reception.settings
    this.#reception = reception
    this.#feed = new ListenFeed(reception.report)
    this.#isShared = modern === 'multiplexed'
    this.#host = {
      now: () => clock.now(),
      idleTimeoutMs,
      lifetimeMs,
      maxInFlight,
      answered: (call, response) => this.#answered(call, response),
      rests: (connection) => this.#rests(connection),
      retired: (connection) => this.#retired(connection),
      over: (connection) => this.#forget(connection),
    }
  }

  /** Answers what was posted. */
  take(
    exchange: Exchange,
    caller: Caller,
    { message, format }: { message: JsonRpcMessage; format: AnswerFormat },
  ): void {
    if (isRequest(message)) {
      this.#call(exchange, caller, { request: message, format })
      return
    }
    const refusal = refusalOf(message)
    if (refusal) {
      answerFailure(exchange, refusal)
      return
    }
    // Cancellations are told by closing a stream here, and others are rare: whoever is there may hear them.
    if (isHeard(message))
      this.#connections.get(caller.principal)?.tell(message, new HttpContext(exchange, caller.authInfo))
    exchange.answer(202, noHeaders)
  }

  /** Tells the subscriptions that the endpoint itself serves of a change. */
  notify(notification: JsonRpcNotification, options?: NotifyOptions): Promise<void> {
    return this.#feed.notify(notification, options)
  }

  /** Ends the subscriptions that the endpoint itself serves. */
  close(): void {
    void this.#feed.close()
  }

  #call(
    exchange: Exchange,
    caller: Caller,
    { request, format }: { request: JsonRpcRequest; format: AnswerFormat },
  ): void {
    const { headers } = exchange.handshake
    const failure =
      failureOf(request, (name) => headers[name]) ?? this.#paramFailure(request, caller, headers)
    if (failure) {
      answerFailure(exchange, failure)
      return
    }
    const isListen = request.method === LISTEN
    if (isListen && !acceptsEvents(headers['accept'])) {
      answerFailure(exchange, invalid(406, 'accept text/event-stream', request.id))
      return
    }
    const call = new ModernCall(this.#reception, exchange, {
      request,
      caller,
      format: isListen ? 'sse' : format,
    })
    if (!this.#isShared && !this.#counts(call)) {
      call.fail(tooManyInFlight(this.#host.maxInFlight, call.id))
      return
    }
    if (isListen && !this.#isShared) this.#feed.open(call, request)
    else {
      const context = new HttpContext(exchange, caller.authInfo)
      this.#connectionFor(exchange, caller, (connection) => connection.take(call, request, context))
    }
  }

  /** Whether its principal may ask for that as well; then counts it until it is over. */
  #counts(call: ModernCall): boolean {
    const { principal } = call.caller
    const others = this.#inFlight.get(principal) ?? 0
    if (others >= this.#host.maxInFlight) return false
    this.#inFlight.set(principal, others + 1)
    call.whenOver(() => {
      const left = (this.#inFlight.get(principal) ?? 0) - 1
      if (left > 0) this.#inFlight.set(principal, left)
      else this.#inFlight.delete(principal)
    })
    return true
  }

  #paramFailure(
    request: JsonRpcRequest,
    { principal }: Caller,
    headers: Readonly<Record<string, string>>,
  ): HttpFailure | undefined {
    if (request.method !== TOOL_CALL) return undefined
    const params = this.#schemas.get(principal)?.headersOf(request.params?.['name'])
    const fault = params && paramFault(request, params, (name) => headers[name])
    return fault && mismatch(request, fault)
  }

  #connectionFor(exchange: Exchange, caller: Caller, ask: (connection: SharedConnection) => void): void {
    const known = this.#isShared ? this.#connections.get(caller.principal) : undefined
    const connection = known ?? this.#newConnection(exchange, caller)
    // Before it is offered, lest it is refused with nobody there to hear of it.
    ask(connection)
    if (known) return
    this.#reception.hand(caller, {
      handshake: exchange.handshake,
      connector: connectorOf(connection),
      refuse: (refusal) => connection.refuse(refusal),
    })
    if (this.#isShared) this.#makeRoom(connection)
  }

  #newConnection({ handshake }: Exchange, { principal }: Caller): SharedConnection {
    const opening = { id: newSessionId(), peer: peerOf(handshake), owner: principal }
    const connection = new SharedConnection(this.#host, opening)
    this.#reception.sessions.add(connection)
    if (this.#isShared) this.#connections.set(principal, connection)
    return connection
  }

  /** Ends the connection that rests the longest where the next principal would find no room. */
  #makeRoom(newest: SharedConnection): void {
    if (!this.#reception.isFull) return
    let longest: SharedConnection | undefined
    for (const each of this.#connections.values()) {
      if (each !== newest && !each.isBusy && each.dueAt < (longest?.dueAt ?? Infinity)) longest = each
    }
    longest?.end()
  }

  /** Learns from lists of tools, which tell what arguments are to be in headers. */
  #answered({ method, caller }: ModernCall, response: JsonRpcResponse): void {
    if (method !== TOOL_LIST) return
    const { principal } = caller
    const schemas = this.#schemas.get(principal) ?? new ToolSchemas(MAX_TOOLS)
    for (const { tool, reason } of schemas.check(response).excluded) {
      const message = `clients will not show the tool ${JSON.stringify(tool.slice(0, 80))}: ${reason}`
      this.#reception.report(new TransportError('SEND_FAILED', message, { delivery: 'unknown' }))
    }
    this.#schemas.delete(principal)
    this.#schemas.set(principal, schemas)
    for (const oldest of this.#schemas.keys()) {
      if (this.#schemas.size <= MAX_PRINCIPALS) return
      this.#schemas.delete(oldest)
    }
  }

  #rests(connection: SharedConnection): void {
    if (this.#isShared && !connection.isRetired) this.#reception.rests(connection)
    // One turn later, so that the send that has answered it is over first.
    else void done.then(ignore).then(() => connection.end())
  }

  #retired(connection: SharedConnection): void {
    if (this.#connections.get(connection.owner) === connection) this.#connections.delete(connection.owner)
  }

  #forget(connection: SharedConnection): void {
    this.#retired(connection)
    this.#reception.over(connection)
  }
}

function connectorOf(connection: SharedConnection): Connector {
  const { peer } = connection
  return {
    connectsOnce: true,
    peer,
    connect: async (sink, signal) => {
      signal.throwIfAborted()
      if (!connection.isOver) return connection.connect(sink)
      const { address } = peer
      throw new TransportError('PEER_LOST', `${address} left before it was served`, { address })
    },
  }
}

/** Whether a notification says which revision it keeps to; a server that tells eras apart could mistake another. */
function isHeard(message: JsonRpcMessage): boolean {
  return (
    'method' in message && message.method !== CANCELLED && message.params?._meta?.[VERSION_KEY] !== undefined
  )
}

function ignore(): void {}
