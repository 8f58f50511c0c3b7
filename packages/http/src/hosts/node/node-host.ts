import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import timers from 'node:timers'
import type { BudgetAccount, BudgetHolder, ByteBudget, Clock } from '@mcpwire/core'
import type { Endpoint } from '../../server/endpoint.js'
import { StallDetector, type StallLimit } from '../../server/request/stalls.js'
import type { ConnectionLimits } from './connection-limits.js'
import { type ExchangeHost, NodeExchange } from './node-exchange.js'

// Where requests of node:http enter, and what their connections share.
//
//   request ──▶ NodeHost.handle ──▶ NodeExchange ──▶ Endpoint.handle ──▶ … ──▶ NodeExchange.respond
//                   │                                                             │
//                   └ Pipelines: behind an unsent response of the connection      └ ResponseBatcher ──▶ socket
//
// StallDetector destroys a connection whose client reads nothing.

/** The settings that an exchange on Node uses. */
export interface NodeHostSettings extends StallLimit {
  readonly maxQueuedBytes: number
  readonly clock: Clock
  readonly closeTimeoutMs: number
}

/** Passes requests of `node:http` to an endpoint. */
export class NodeHost implements ExchangeHost {
  readonly settings: NodeHostSettings
  /** Whether connections are closed after their response. */
  isClosing = false
  /** The limits of connections, where the server is that of the host. */
  limits: ConnectionLimits | undefined
  readonly #endpoint: Endpoint
  readonly #stalls: StallDetector<Socket>
  readonly #pipelines: Pipelines
  readonly #batcher: ResponseBatcher

  constructor(endpoint: Endpoint, settings: NodeHostSettings) {
    this.settings = settings
    this.#endpoint = endpoint
    this.#stalls = new StallDetector(settings, {
      isBlocked: (socket) => socket.writableLength > 0 && !socket.destroyed,
      progress: (socket) => socket.bytesWritten - socket.writableLength,
      destroy: (socket) => void socket.destroy(),
    })
    const budgetOf = (): ByteBudget | undefined => endpoint.budget
    this.#pipelines = new Pipelines(this.#stalls, { ...settings, budgetOf })
    this.#batcher = new ResponseBatcher({
      unread: (response) => this.#unread(response),
      pipelined: (socket) => this.limitPipeline(socket),
    })
  }

  get budget(): ByteBudget | undefined {
    return this.#endpoint.budget
  }

  /** Handles one request. Bound. */
  readonly handle = (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown): void => {
    // Node assigns the socket when the earlier responses are sent. A middleware may have responded already.
    if (response.socket === null && !response.headersSent)
      this.#pipelines.add(request, response, () => this.#serve(request, response, parsedBody))
    else this.#serve(request, response, parsedBody)
  }

  get isCrowded(): boolean {
    return this.limits?.isCrowded === true
  }

  claim(socket: Socket, principal: string): boolean {
    return this.limits?.claim(socket, principal) ?? true
  }

  sendWhole(response: ServerResponse, body: string): void {
    this.#batcher.send(response, body)
  }

  watchStall(socket: Socket): void {
    this.#stalls.watch(socket)
  }

  limitPipeline(socket: Socket): void {
    this.#pipelines.limit(socket)
  }

  stop(): void {
    this.#stalls.stop()
  }

  /** A whole response waits for its client to read. */
  #unread(response: ServerResponse): void {
    const { socket, writableLength } = response
    if (!socket) return
    this.#stalls.watch(socket)
    const account = this.budget?.open({ shed: () => void socket.destroy() })
    if (!account) return
    response.once('close', () => account.close())
    account.hold(writableLength)
  }

  #serve(request: IncomingMessage, response: ServerResponse, parsedBody: unknown): void {
    this.#endpoint.handle(new NodeExchange(request, response, this, parsedBody))
  }
}

/** The most pipelined requests that are served at once on a connection. Further ones are queued. */
const MAX_SERVED = 16
/** The most that are queued. A client that sends more does not read its responses. */
const MAX_QUEUED = 1_024

interface PipelineSettings {
  readonly maxQueuedBytes: number
  readonly budgetOf: () => ByteBudget | undefined
}

/**
 * Pipelined requests, whose responses wait for earlier ones on their connection (RFC 9112, section 9.3.2). Node limits
 * neither, and does not report to them that the connection has closed.
 */
class Pipelines {
  readonly #lines = new WeakMap<Socket, Pipeline>()
  readonly #stalls: StallDetector<Socket>
  readonly #settings: PipelineSettings

  constructor(stalls: StallDetector<Socket>, settings: PipelineSettings) {
    this.#stalls = stalls
    this.#settings = settings
  }

  /** Serves a pipelined request, now or when fewer are served. */
  add({ socket }: IncomingMessage, response: ServerResponse, serve: () => void): void {
    if (socket.destroyed) {
      response.destroy()
      serve()
      return
    }
    let pipeline = this.#lines.get(socket)
    if (!pipeline) {
      pipeline = new Pipeline(socket, this.#stalls, this.#settings.budgetOf())
      this.#lines.set(socket, pipeline)
    }
    pipeline.add(response, serve)
  }

  /** Destroys a connection whose waiting responses exceed `maxQueuedBytes`. */
  limit(socket: Socket): void {
    const pipeline = this.#lines.get(socket)
    if (!pipeline) return
    if (pipeline.bytes > this.#settings.maxQueuedBytes) socket.destroy()
    else pipeline.count()
  }
}

interface QueuedRequest {
  readonly response: ServerResponse
  readonly serve: () => void
}

/** The pipelined requests of one connection. */
class Pipeline implements BudgetHolder {
  readonly #socket: Socket
  readonly #stalls: StallDetector<Socket>
  readonly #served = new Set<ServerResponse>()
  readonly #account: BudgetAccount | undefined
  #queue: QueuedRequest[] = []

  constructor(socket: Socket, stalls: StallDetector<Socket>, budget: ByteBudget | undefined) {
    this.#socket = socket
    this.#stalls = stalls
    this.#account = budget?.open(this)
    socket.once('close', () => this.#closed())
  }

  add(response: ServerResponse, serve: () => void): void {
    if (this.#served.size < MAX_SERVED) this.#serve({ response, serve })
    else if (this.#queue.push({ response, serve }) > MAX_QUEUED) this.#socket.destroy()
  }

  /** The bytes of responses that wait for earlier ones. */
  get bytes(): number {
    let bytes = 0
    for (const { socket, writableLength } of this.#served) if (socket === null) bytes += writableLength
    return bytes
  }

  /** Counts the waiting responses in the budget, with what the system has not taken of the earlier ones. */
  count(): void {
    this.#account?.hold(this.bytes + this.#socket.writableLength)
  }

  shed(): void {
    this.#socket.destroy()
    this.#account?.close()
  }

  #serve({ response, serve }: QueuedRequest): void {
    this.#served.add(response)
    response.once('close', () => {
      this.#served.delete(response)
      const next = this.#queue.shift()
      if (next) this.#serve(next)
      this.count()
    })
    // Node then writes all of the waiting response at once.
    response.once('socket', () => this.#stalls.watch(this.#socket))
    serve()
  }

  #closed(): void {
    this.#account?.close()
    const queue = this.#queue
    this.#queue = []
    for (const response of [...this.#served, ...queue.map((each) => each.response)]) {
      // Node itself emits `close` for the response with the socket.
      if (response.socket !== null || response.destroyed) continue
      response.destroy()
      response.emit('close')
    }
  }
}

/** The most responses in one batch. */
const MAX_BATCH = 64
/** A response this long is sent at once, so that its client reads while others are serialized. */
const LARGE_CHARACTERS = 4096

interface BatchCallbacks {
  /** Called with a response that the client has to read first. */
  readonly unread: (response: ServerResponse) => void
  /** Called with the connection of a response that waits for earlier ones. */
  readonly pipelined: (socket: Socket) => void
}

/**
 * Sends whole responses: if a turn of the event loop has several, together at its end, and otherwise at once. A client
 * with many requests in flight then wakes up once for all of them, which is most of the cost of writing.
 */
class ResponseBatcher {
  #batch: { readonly response: ServerResponse; readonly body: string }[] = []
  readonly #callbacks: BatchCallbacks
  #inTurn = 0
  /** Whether the last turn had several. It predicts the current one. */
  #isBusy = false

  constructor(callbacks: BatchCallbacks) {
    this.#callbacks = callbacks
  }

  send(response: ServerResponse, body: string): void {
    this.#inTurn++
    if (this.#inTurn === 1) timers.setImmediate(this.#endTurn)
    if ((this.#inTurn === 1 && !this.#isBusy) || body.length >= LARGE_CHARACTERS) this.#end(response, body)
    else if (this.#batch.push({ response, body }) >= MAX_BATCH) this.#flush()
  }

  readonly #endTurn = (): void => {
    this.#isBusy = this.#inTurn > 1
    this.#inTurn = 0
    this.#flush()
  }

  #flush(): void {
    const batch = this.#batch
    this.#batch = []
    for (const { response, body } of batch)
      if (!response.destroyed && !response.writableEnded) this.#end(response, body)
  }

  #end(response: ServerResponse, body: string): void {
    response.end(body)
    if (response.writableLength === 0) return
    if (response.socket) this.#callbacks.unread(response)
    else this.#callbacks.pipelined(response.req.socket)
  }
}

/**
 * Connections without a request so far, such as those that browsers and `fetch` open in advance. Node does not close
 * them as idle.
 */
export class UnusedSockets {
  readonly #sockets = new Set<Socket>()
  readonly #isTls: boolean
  #isClosed = false

  constructor(server: HttpServer | HttpsServer, { isTls }: { readonly isTls: boolean }) {
    this.#isTls = isTls
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => {
      // The TLS handshake of a late connection ends after close().
      if (this.#isClosed) socket.destroy()
      else this.#sockets.add(socket)
      socket.once('close', () => void this.#sockets.delete(socket))
    })
    server.on('request', ({ socket }: IncomingMessage) => void this.#sockets.delete(socket))
  }

  /**
   * Destroys those without a byte received. Over TLS the handshake has bytes: there, those without a byte sent. An
   * upgraded connection has both, and belongs to another listener.
   */
  close(): void {
    this.#isClosed = true
    for (const socket of this.#sockets)
      if ((this.#isTls ? socket.bytesWritten : socket.bytesRead) === 0) socket.destroy()
  }
}

/** Calls back in another turn of the event loop. */
export function nextTurn(run: () => void): void {
  timers.setImmediate(run)
}
