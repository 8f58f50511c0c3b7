import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Handshake } from '@mcpwire/core'
import type { Body, EventStream, Exchange, HeaderLines } from '../../server/request/http-exchange.js'
import { isPlainCoding } from '../../server/request/media-types.js'
import { mergedHeaders } from '../../server/request/merged-headers.js'
import type { Stalls } from '../../server/request/stalls.js'
import { type ByteBody, EventWriter, MOST_TOGETHER_CHARACTERS } from '../../server/responses/event-writer.js'
import type { Departures } from './departures.js'
import { handshakeOf, isSecure } from './node-handshake.js'
import type { Pipelines } from './pipelines.js'

/** What an exchange on Node needs to know besides its request. */
export interface NodeExchangeSettings {
  readonly maxQueuedBytes: number
  readonly clock: Clock
  /** How long a caller that was answered may go on with a body nobody wants, in milliseconds. */
  readonly closeTimeoutMs: number
  readonly departures: Departures
  readonly stalls: Stalls<Socket>
  readonly pipelines: Pipelines
  /** Whether connections are to end with the answers they carry. */
  readonly isClosing: () => boolean
}

/** Room on a stream for what is no message: ids, comments, hints. */
const SLACK_BYTES = 4096

const noHeaders: HeaderLines = []
const failedBody = '{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"}}'

/** One request of `node:http`. */
export class NodeExchange implements Exchange {
  readonly method: string
  extraHeaders: HeaderLines = noHeaders
  hasLeft = false
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #settings: NodeExchangeSettings
  readonly #parsedBody: unknown
  #handshake: Handshake | undefined
  #left: (() => void) | undefined
  #isWatching = false
  #isClosed = false
  /** Whether the answer is ours: somebody in front of us may have given one. */
  #isOurs = false
  /** Whether all of it was handed over. */
  #isWhole = false
  #reading: BodyReading | undefined
  #writer: EventWriter | undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    settings: NodeExchangeSettings,
    parsedBody?: unknown,
  ) {
    this.#request = request
    this.#response = response
    this.#settings = settings
    this.#parsedBody = parsedBody
    this.method = request.method ?? 'GET'
  }

  get handshake(): Handshake {
    this.#handshake ??= handshakeOf(this.#request)
    return this.#handshake
  }

  get url(): URL {
    const { host = 'localhost' } = this.#request.headers
    const scheme = isSecure(this.#request.socket) ? 'https' : 'http'
    const target = originalUrl(this.#request)
    const url = target.startsWith('/') ? `${scheme}://${host}${target}` : target
    // A caller may call us by what is no name.
    return new URL(URL.canParse(url) ? url : `${scheme}://localhost${target.startsWith('/') ? target : '/'}`)
  }

  get request(): Request {
    const headers = new Headers()
    for (const [name, value] of Object.entries(this.#request.headers)) {
      if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
    }
    return new Request(this.url, { method: this.method, headers })
  }

  whenLeft(left: () => void): void {
    if (this.hasLeft) {
      left()
      return
    }
    this.#left = left
    this.#watch()
  }

  readBody(maxBytes: number, done: (body: Body) => void): void {
    const parsed = this.#parsedBody
    if (parsed !== undefined) {
      done({ kind: 'value', value: parsed })
      return
    }
    if (!isPlainCoding(this.#request.headers['content-encoding'])) {
      done({ kind: 'coded' })
      return
    }
    this.#reading = new BodyReading(this.#request, maxBytes, done)
    this.#watch()
    this.#reading.start()
  }

  stopReading(): void {
    this.#reading?.stop({ kind: 'too-slow' })
  }

  answer(status: number, headers: HeaderLines, body = ''): void {
    if (this.#isTaken()) return
    this.#isWhole = true
    const response = this.#response
    const isUnread = this.#parsedBody === undefined && isArriving(this.#request)
    const lines = this.#lines(headers, isUnread)
    if (status !== 204) lines.push('content-length', String(Buffer.byteLength(body)))
    response.writeHead(status, lines)
    if (!isUnread) {
      if (body.length > MOST_TOGETHER_CHARACTERS) this.#leaveInParts(body)
      else {
        this.#settings.departures.leave(response, body)
        this.isBehindOthers()
      }
      return
    }
    // A connection that is reset while the caller still sends would take the answer with it.
    response.write(body)
    this.#reading?.discard()
    this.#request.resume()
    this.#request.once('end', () => response.end())
    const { clock, closeTimeoutMs } = this.#settings
    const late = clock.deadline(closeTimeoutMs, () => response.destroy())
    response.once('close', () => late[Symbol.dispose]())
  }

  fail(): void {
    if (this.#isOurs) this.#response.destroy()
    else this.answer(500, ['content-type', 'application/json'], failedBody)
  }

  stream(headers: HeaderLines): EventStream {
    if (this.#isTaken()) {
      const nowhere = this.#newWriter(0)
      nowhere.left()
      return nowhere
    }
    this.#response.writeHead(200, this.#lines(headers, false))
    return this.#newWriter(this.#settings.maxQueuedBytes + SLACK_BYTES)
  }

  /** Whether answers before this one on its connection are not out; then heeds how much waits for them. */
  isBehindOthers(): boolean {
    if (this.#response.socket !== null) return false
    this.#settings.pipelines.heed(this.#request.socket)
    return true
  }

  /** Called when the caller has to read before more leaves. */
  fellBehind(): void {
    this.#settings.stalls.watch(this.#request.socket)
  }

  /** Called once the answer is complete. */
  ended(): void {
    this.#isWhole = true
    if (this.#settings.isClosing()) this.#response.once('finish', () => this.#request.socket.end())
  }

  get address(): string {
    return `http://${this.#request.socket.remoteAddress ?? 'unknown'}`
  }

  /** Whether others have answered, as a middleware does that waits for so long only: then our caller is as good as gone. */
  #isTaken(): boolean {
    if (!this.#isOurs && this.#response.headersSent) {
      this.hasLeft = true
      // Not while whoever answers is about to note that it has.
      queueMicrotask(() => this.#closed())
      return true
    }
    this.#isOurs = true
    return false
  }

  #newWriter(maxQueuedBytes: number): EventWriter {
    const writer = new EventWriter(new ResponseBody(this.#response, this), maxQueuedBytes)
    this.#response.on('drain', writer.drained)
    this.#writer = writer
    this.#watch()
    return writer
  }

  #leaveInParts(body: string): void {
    const writer = this.#newWriter(Infinity)
    writer.write(body).catch(ignore)
    void writer.end()
  }

  #lines(headers: HeaderLines, isLast: boolean): string[] {
    const lines = mergedHeaders(headers, this.extraHeaders)
    if (isLast || this.#settings.isClosing()) lines.push('connection', 'close')
    return lines
  }

  #watch(): void {
    if (this.#isWatching) return
    this.#isWatching = true
    // Whoever brought the request here may have taken long.
    if (this.#response.destroyed) this.#closed()
    else this.#response.once('close', () => this.#closed())
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#reading?.stop({ kind: 'gone' })
    // Before the next line: an answer that was ended on a broken connection counts as finished, and never says so.
    this.#writer?.left()
    if (this.#isWhole && this.#response.writableFinished) return
    this.hasLeft = true
    this.#left?.()
  }
}

/** Whether a body is on its way of which not all is here. */
function isArriving({ complete, headers }: IncomingMessage): boolean {
  return (
    !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
  )
}

/** Express and its like cut the path they are mounted at off `url`. */
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
    // Others may have ended it, and would be told of a write after that by an error that nobody expects.
    if (this.#response.writableEnded) return false
    // The caller may well read what is in front of it.
    return this.#response.write(chunk) || this.#exchange.isBehindOthers()
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

  soon(run: () => void): void {
    process.nextTick(run)
  }

  fellBehind(): void {
    this.#exchange.fellBehind()
  }
}

/** How many pieces of a body are kept as they came: each costs far more than the bytes in it may. */
const MOST_LOOSE_CHUNKS = 1024

/** Reads one body, holding no more of it than is allowed. */
class BodyReading {
  readonly #request: IncomingMessage
  readonly #maxBytes: number
  #done: ((body: Body) => void) | undefined
  #chunks: Buffer[] = []
  /** How many of them are several in one. */
  #packed = 0
  #bytes = 0

  constructor(request: IncomingMessage, maxBytes: number, done: (body: Body) => void) {
    this.#request = request
    this.#maxBytes = maxBytes
    this.#done = done
  }

  start(): void {
    if (this.#request.readableEnded) throw new Error('the body was read before: pass it to handle()')
    const declared = Number(this.#request.headers['content-length'] ?? 0)
    if (declared > this.#maxBytes) {
      this.stop({ kind: 'too-large', bytes: declared })
      return
    }
    this.#request.on('data', this.#ondata)
    this.#request.on('end', this.#onend)
  }

  /** Ends the reading, unless it has ended. */
  stop(body: Body): void {
    const done = this.#done
    this.discard()
    done?.(body)
  }

  /** Holds nothing more. */
  discard(): void {
    this.#done = undefined
    this.#chunks = []
    this.#request.off('data', this.#ondata)
  }

  readonly #ondata = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.stop({ kind: 'too-large', bytes: this.#bytes })
    else if (this.#chunks.push(chunk) - this.#packed > MOST_LOOSE_CHUNKS) {
      this.#chunks.push(Buffer.concat(this.#chunks.splice(this.#packed)))
      this.#packed++
    }
  }

  readonly #onend = (): void => {
    const done = this.#done
    if (!done) return
    const [first] = this.#chunks
    const whole = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks)
    this.#done = undefined
    this.#chunks = []
    done(isUtf8(whole) ? { kind: 'text', text: whole.toString() } : { kind: 'not-utf-8' })
  }
}

function ignore(): void {}
