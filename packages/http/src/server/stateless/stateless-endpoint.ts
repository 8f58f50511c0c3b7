import {
  type Handshake,
  isRequest,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
  TransportError,
} from '@mcpwire/core'
import { CANCELLED_METHOD, type Connector, ignore, LISTEN_METHOD } from '@mcpwire/core/authoring'
import { paramFault } from '../../headers/header-faults.js'
import { VERSION_KEY } from '../../headers/standard-headers.js'
import { ToolSchemas } from '../../headers/tool-schemas.js'
import {
  type HttpFailure,
  invalidRequest,
  overloaded,
  respondWithError,
  tooManyInFlight,
} from '../request/http-errors.js'
import type { Caller, HttpExchange } from '../request/http-exchange.js'
import { acceptsEvents, HttpContext, type ResponseFormat } from '../request/message-body.js'
import { peerOf } from '../request/session-caller.js'
import { newSessionId, type SessionRegistry } from '../request/session-registry.js'
import { checkRequest, headerMismatch } from './check-request.js'
import { ListenFeed, type NotifyOptions } from './listen-feed.js'
import type { QueuedRequest } from './request-queue.js'
import { SharedConnection, type SharedHost } from './shared-connection.js'
import { StatelessRequest } from './stateless-request.js'

const CALL_TOOL_METHOD = 'tools/call'
const LIST_TOOLS_METHOD = 'tools/list'
const done: Promise<void> = Promise.resolve()
const MAX_TOOLS = 1_000
/** The number of principals whose tool schemas are kept. */
const MAX_PRINCIPALS = 1_000

/** A message of a POST, with its JSON text where a framework has not parsed it. */
export interface PostedMessage {
  readonly message: JsonRpcMessage
  readonly text: string | undefined
  /** The format of the response. */
  readonly format: ResponseFormat
}

/**
 * The endpoint of 2026-07-28, which has no sessions. With `multiplexed` all requests of a principal use one connection
 * to the application, with `per-request` each has its own.
 */
export class StatelessEndpoint {
  readonly #registry: SessionRegistry
  readonly #isShared: boolean
  readonly #host: SharedHost
  /** The shared connection of each principal. */
  readonly #connections = new Map<string, SharedConnection>()
  readonly #feed: ListenFeed
  /** The number of requests in flight of each principal, with `per-request`. */
  readonly #inFlight = new Map<string, number>()
  readonly #schemas = new Map<string, ToolSchemas>()

  constructor(registry: SessionRegistry) {
    const { clock, idleTimeoutMs, lifetimeMs, bodyTimeoutMs, maxInFlight, maxInFlightPerCaller, modern } =
      registry.settings
    this.#registry = registry
    this.#feed = new ListenFeed(registry.report)
    this.#isShared = modern === 'multiplexed'
    this.#host = {
      clock,
      idleTimeoutMs,
      lifetimeMs,
      bodyTimeoutMs,
      maxInFlight,
      maxInFlightPerCaller,
      get budget() {
        return registry.budget
      },
      responded: (request, response) => this.#readToolSchemas(request, response),
      idle: (connection) => this.#idle(connection),
      retired: (connection) => this.#retired(connection),
      ended: (connection) => this.#ended(connection),
    }
  }

  /** Handles one posted message. */
  post(exchange: HttpExchange, caller: Caller, posted: PostedMessage): void {
    const { message } = posted
    if (isRequest(message)) this.#request(exchange, caller, { ...posted, message })
    else if (isResponse(message)) {
      respondWithError(exchange, invalidRequest(400, 'a response, and this revision has none from clients'))
    } else {
      // A cancellation closes the HTTP stream in this revision. Other notifications reach an open connection only.
      if (isDeliverable(message)) {
        const context = new HttpContext(exchange, caller.authInfo)
        const connection = this.#connections.get(caller.principal)
        if (connection && !connection.notify(message, context)) {
          this.#registry.fail(exchange, overloaded('the application accepts no messages now', undefined))
          return
        }
      }
      exchange.respond(202, [])
    }
  }

  /** Notifies the subscriptions that the endpoint itself serves. */
  notify(notification: JsonRpcNotification, options?: NotifyOptions): Promise<void> {
    return this.#feed.notify(notification, options)
  }

  /** Ends the subscriptions that the endpoint itself serves. */
  close(): void {
    void this.#feed.close()
  }

  #request(
    exchange: HttpExchange,
    caller: Caller,
    { message, text, format }: PostedMessage & { readonly message: JsonRpcRequest },
  ): void {
    const { headers } = exchange.handshake
    const failure =
      checkRequest(message, (name) => headers[name]) ?? this.#paramFailure(message, caller, headers)
    if (failure) {
      respondWithError(exchange, failure)
      return
    }
    const isListen = message.method === LISTEN_METHOD
    if (isListen && !acceptsEvents(headers['accept'])) {
      respondWithError(exchange, invalidRequest(406, 'accept text/event-stream', message.id))
      return
    }
    const request = new StatelessRequest(this.#registry, exchange, {
      message,
      caller,
      format: isListen ? 'sse' : format,
    })
    if (!this.#isShared && !this.#count(request)) {
      request.fail(tooManyInFlight(this.#host.maxInFlight, request.id))
    } else if (isListen && !this.#isShared) this.#feed.open(request, message)
    else this.#forward(exchange, request, message, text)
  }

  /** Counts a request until it is over. Returns false, and does not count it, at `maxInFlight`. */
  #count(request: StatelessRequest): boolean {
    const { principal } = request.caller
    const others = this.#inFlight.get(principal) ?? 0
    if (others >= this.#host.maxInFlight) return false
    this.#inFlight.set(principal, others + 1)
    request.whenOver(() => {
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
    if (request.method !== CALL_TOOL_METHOD) return undefined
    const params = this.#schemas.get(principal)?.headersOf(request.params?.['name'])
    const fault = params && paramFault(request, params, (name) => headers[name])
    return fault && headerMismatch(request, fault)
  }

  /** Sends a request over the connection of its principal, or over a new one that it offers to the listener. */
  #forward(
    exchange: HttpExchange,
    request: StatelessRequest,
    message: JsonRpcRequest,
    text: string | undefined,
  ): void {
    const { caller } = request
    const { handshake } = exchange
    const open = this.#isShared ? this.#connections.get(caller.principal) : undefined
    const refusal = open && this.#registry.refusalBySession(open, exchange, caller)
    if (refusal) {
      request.refuse(refusal)
      this.#registry.refused(exchange, refusal)
      return
    }
    const connection = open ?? this.#createConnection(exchange, caller)
    const context = new HttpContext(exchange, caller.authInfo)
    // Before the offer, so that a refusal reaches the request.
    connection.send({ request, message, context, ...turnOf(handshake, request) }, text)
    if (open) return
    this.#registry.offer(caller, {
      handshake,
      connector: connectorOf(connection),
      onGrant: (grant) => {
        connection.grant = grant
      },
      refuse: (refusal) => connection.refuse(refusal),
    })
  }

  #createConnection({ handshake }: HttpExchange, { principal }: Caller): SharedConnection {
    this.#registry.makeRoom()
    const start = { id: newSessionId(), peer: peerOf(handshake), owner: principal }
    const connection = new SharedConnection(this.#host, start)
    this.#registry.add(connection)
    if (this.#isShared) this.#connections.set(principal, connection)
    return connection
  }

  /** Keeps the schemas of listed tools, which name the arguments that are mirrored in headers. */
  #readToolSchemas({ method, caller }: StatelessRequest, response: JsonRpcResponse): void {
    if (method !== LIST_TOOLS_METHOD) return
    const { principal } = caller
    const schemas = this.#schemas.get(principal) ?? new ToolSchemas(MAX_TOOLS)
    for (const { tool, reason } of schemas.check(response).excluded) {
      const message = `clients will not show the tool ${JSON.stringify(tool.slice(0, 80))}: ${reason}`
      this.#registry.report(new TransportError('SEND_FAILED', message, { delivery: 'unknown' }))
    }
    this.#schemas.delete(principal)
    this.#schemas.set(principal, schemas)
    for (const oldest of this.#schemas.keys()) {
      if (this.#schemas.size <= MAX_PRINCIPALS) return
      this.#schemas.delete(oldest)
    }
  }

  #idle(connection: SharedConnection): void {
    if (this.#isShared && !connection.isRetired) this.#registry.idle(connection)
    // Two turns later, so that the send() with the last response has settled.
    else void done.then(ignore).then(() => connection.end())
  }

  #retired(connection: SharedConnection): void {
    if (this.#connections.get(connection.owner) === connection) this.#connections.delete(connection.owner)
  }

  #ended(connection: SharedConnection): void {
    this.#retired(connection)
    this.#registry.ended(connection)
  }
}

/** Whose turn it takes. Subscriptions have turns of their own, as they are in flight for as long as they are open. */
function turnOf(
  { remote: { address = '', port } }: Handshake,
  { caller: { authInfo, principal }, isListen }: StatelessRequest,
): Pick<QueuedRequest, 'caller' | 'connection'> {
  const caller = authInfo ? principal : address
  return { caller: isListen ? `${caller} ${LISTEN_METHOD}` : caller, connection: `${address} ${port}` }
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
      throw new TransportError('PEER_LOST', `${address} disconnected before it was served`, { address })
    },
  }
}

/** Whether a notification names its revision. Without it, a server of several eras could mistake the era. */
function isDeliverable(message: JsonRpcMessage): boolean {
  return (
    'method' in message &&
    message.method !== CANCELLED_METHOD &&
    message.params?._meta?.[VERSION_KEY] !== undefined
  )
}
