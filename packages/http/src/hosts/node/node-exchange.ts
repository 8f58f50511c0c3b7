import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ByteBudget, Clock, Handshake } from '@mcpwire/core'
import { ignore } from '@mcpwire/core/authoring'
import { mergeHeaders } from '../../server/endpoint.js'
import { jsonHeaders } from '../../server/request/http-errors.js'
import type {
  Body,
  BodyLimits,
  EventStream,
  FramingFault,
  HeaderLines,
  HttpExchange,
} from '../../server/request/http-exchange.js'
import { isPlainCoding } from '../../server/request/message-body.js'
import { type ByteBody, EventWriter, MAX_WRITE_CHARACTERS } from '../../server/responses/event-writer.js'
import { BodyReader, framingFault, isTlsSocket, NodeHandshake } from './node-request.js'

/** The services of the host that an exchange uses. */
export interface ExchangeHost {
  readonly settings: {
    readonly maxQueuedBytes: number
    readonly clock: Clock
    /** How long a client may go on sending a body after the response, in milliseconds. */
    readonly closeTimeoutMs: number
  }
  /** Counts the output that clients have not read. */
  readonly budget: ByteBudget | undefined
  /** Whether connections are closed after their response. */
  readonly isClosing: boolean
  /** Whether connections are scarce: refused callers then lose theirs. */
  readonly isCrowded: boolean
  /** Counts a connection for a principal. Returns false if the principal has too many. */
  claim(socket: Socket, principal: string): boolean
  /** Sends the body of a whole response, and ends it. */
  sendWhole(response: ServerResponse, body: string): void
  /** Called when the client has to read before more is sent. */
  watchStall(socket: Socket): void
  /** Called when data waits for earlier responses of the connection. */
  limitPipeline(socket: Socket): void
}

/** Allowed on a stream besides messages: ids, comments, hints. */
const SLACK_BYTES = 4096

/** The statuses of callers that are refused, and may repeat their request. */
const REFUSALS = new Set([401, 403, 404, 429, 503])

const noHeaders: HeaderLines = []
const failedBody = '{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"}}'

/** One request of `node:http` and its response. */
export class NodeExchange implements HttpExchange {
  readonly method: string
  extraHeaders: HeaderLines = noHeaders
  isDisconnected = false
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #host: ExchangeHost
  readonly #parsedBody: unknown
  #handshake: Handshake | undefined
  #onDisconnect: (() => void) | undefined
  #isWatching = false
  #isClosed = false
  /** Whether this exchange responds. A middleware may have responded instead. */
  #isOurs = false
  /** Whether the whole response was passed to Node. */
  #isWhole = false
  /** Whether the connection closes after the response. */
  #isLast = false
  #reader: BodyReader | undefined
  #writer: EventWriter | undefined

  constructor(request: IncomingMessage, response: ServerResponse, host: ExchangeHost, parsedBody?: unknown) {
    this.#request = request
    this.#response = response
    this.#host = host
    this.#parsedBody = parsedBody
    this.method = request.method ?? 'GET'
  }

  get handshake(): Handshake {
    this.#handshake ??= new NodeHandshake(this.#request)
    return this.#handshake
  }

  set handshake(handshake: Handshake) {
    this.#handshake = handshake
  }

  get url(): URL {
    const { host = 'localhost' } = this.#request.headers
    const scheme = isTlsSocket(this.#request.socket) ? 'https' : 'http'
    const target = originalUrl(this.#request)
    const url = target.startsWith('/') ? `${scheme}://${host}${target}` : target
    // The Host header may be no valid host.
    return new URL(URL.canParse(url) ? url : `${scheme}://localhost${target.startsWith('/') ? target : '/'}`)
  }

  get request(): Request {
    const headers = new Headers()
    for (const [name, value] of Object.entries(this.#request.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
    }
    return new Request(this.url, { method: this.method, headers })
  }

  whenDisconnected(callback: () => void): void {
    if (this.isDisconnected) {
      callback()
      return
    }
    this.#onDisconnect = callback
    this.#watch()
  }

  checkFraming(): FramingFault | undefined {
    const fault = framingFault(this.#request)
    if (fault) this.#isLast = true
    return fault
  }

  claimConnection(principal: string): boolean {
    const isWithin = this.#host.claim(this.#request.socket, principal)
    if (!isWithin) this.#isLast = true
    return isWithin
  }

  readBody(limits: BodyLimits, done: (body: Body) => void): void {
    const parsed = this.#parsedBody
    if (parsed !== undefined) {
      done({ kind: 'value', value: parsed })
      return
    }
    if (!isPlainCoding(this.#request.headers['content-encoding'])) {
      done({ kind: 'coded' })
      return
    }
    this.#reader = new BodyReader(this.#request, limits, done)
    this.#watch()
    this.#reader.start()
  }

  pauseReading(): void {
    this.#request.pause()
  }

  resumeReading(): void {
    this.#request.resume()
  }

  stopReading(body: Body): void {
    this.#reader?.stop(body)
  }

  respond(status: number, headers: HeaderLines, body = ''): void {
    if (this.#isRespondedElsewhere()) return
    this.#isWhole = true
    const response = this.#response
    const isUnread = this.#parsedBody === undefined && isArriving(this.#request)
    if (REFUSALS.has(status) && this.#host.isCrowded) this.#isLast = true
    const lines = this.#headerLines(headers, isUnread)
    if (status !== 204) lines.push('content-length', String(Buffer.byteLength(body)))
    response.writeHead(status, lines)
    if (!isUnread) {
      if (body.length > MAX_WRITE_CHARACTERS) this.#sendInParts(body)
      else {
        this.#host.sendWhole(response, body)
      }
      return
    }
    // If the connection were reset while the client still sends, it would not receive the response.
    response.write(body)
    this.#reader?.discard()
    this.#request.resume()
    this.#request.once('end', () => response.end())
    const { clock, closeTimeoutMs } = this.#host.settings
    const timeout = clock.deadline(closeTimeoutMs, () => response.destroy())
    response.once('close', () => timeout[Symbol.dispose]())
  }

  fail(): void {
    if (this.#isOurs) this.#response.destroy()
    else this.respond(500, jsonHeaders, failedBody)
  }

  openStream(headers: HeaderLines): EventStream {
    if (this.#isRespondedElsewhere()) {
      const closed = this.#createWriter(0)
      closed.disconnected()
      return closed
    }
    this.#response.writeHead(200, this.#headerLines(headers, false))
    return this.#createWriter(this.#host.settings.maxQueuedBytes + SLACK_BYTES)
  }

  /** Whether the response waits for earlier ones of its connection. If so, their size is limited. */
  isPipelined(): boolean {
    if (this.#response.socket !== null) return false
    this.#host.limitPipeline(this.#request.socket)
    return true
  }

  /** Called when the client has to read before more is sent. */
  blocked(): void {
    this.#host.watchStall(this.#request.socket)
  }

  /** Called once the response is complete. */
  ended(): void {
    this.#isWhole = true
    if (this.#host.isClosing) this.#response.once('finish', () => this.#request.socket.end())
  }

  get address(): string {
    return `http://${this.#request.socket.remoteAddress ?? 'unknown'}`
  }

  /** Whether a middleware has responded, for example after a timeout. It counts as a disconnect. */
  #isRespondedElsewhere(): boolean {
    if (!this.#isOurs && this.#response.headersSent) {
      this.isDisconnected = true
      // Later, as the middleware may run right now.
      queueMicrotask(() => this.#closed())
      return true
    }
    this.#isOurs = true
    return false
  }

  #createWriter(maxQueuedBytes: number): EventWriter {
    const writer = new EventWriter(new ResponseBody(this.#response, this), maxQueuedBytes, this.#host.budget)
    this.#response.on('drain', writer.drained)
    this.#writer = writer
    this.#watch()
    return writer
  }

  #sendInParts(body: string): void {
    const writer = this.#createWriter(Infinity)
    writer.write(body).catch(ignore)
    void writer.end()
  }

  #headerLines(headers: HeaderLines, isLast: boolean): string[] {
    const lines = mergeHeaders(headers, this.extraHeaders)
    if (isLast || this.#isLast || this.#host.isClosing) lines.push('connection', 'close')
    return lines
  }

  #watch(): void {
    if (this.#isWatching) return
    this.#isWatching = true
    // The client may have disconnected during a middleware.
    if (this.#response.destroyed) this.#closed()
    else this.#response.once('close', () => this.#closed())
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#reader?.stop({ kind: 'disconnected' })
    // Before the next line: Node counts a response as finished that was ended on a broken connection.
    this.#writer?.disconnected()
    if (this.#isWhole && this.#response.writableFinished) return
    this.isDisconnected = true
    this.#onDisconnect?.()
  }
}

/** Whether a body has not arrived completely. */
function isArriving({ complete, headers }: IncomingMessage): boolean {
  return (
    !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
  )
}

/** Express and others remove the mount path from `url`. */
function originalUrl(request: IncomingMessage & { originalUrl?: string }): string {
  return request.originalUrl ?? request.url ?? '/'
}

class ResponseBody implements ByteBody {
  readonly #response: ServerResponse
  readonly #exchange: NodeExchange

  constructor(response: ServerResponse, exchange: NodeExchange) {
    this.#response = response
    this.#exchange = exchange
  }

  get address(): string {
    return this.#exchange.address
  }

  write(chunk: string | Uint8Array): boolean {
    // A middleware may have ended it. A write would then be an unhandled error.
    if (this.#response.writableEnded) return false
    // A pipelined response is not blocked: its client may read the earlier ones.
    return this.#response.write(chunk) || this.#exchange.isPipelined()
  }

  flushHead(): void {
    this.#response.flushHeaders()
  }

  end(done: () => void): void {
    this.#exchange.ended()
    this.#response.end(done)
  }

  destroy(): void {
    this.#response.destroy()
  }

  encode(text: string): Uint8Array {
    return Buffer.from(text)
  }

  byteLength(text: string): number {
    return Buffer.byteLength(text)
  }

  defer(run: () => void): void {
    process.nextTick(run)
  }

  blocked(): void {
    this.#exchange.blocked()
  }
}
