import type { BudgetAccount, ByteBudget, Handshake, TlsFacts } from '@mcpwire/core'
import { ignore } from '@mcpwire/core/authoring'
import { mergeHeaders } from '../server/endpoint.js'
import { jsonHeaders } from '../server/request/http-errors.js'
import type {
  Body,
  BodyLimits,
  EventStream,
  HeaderLines,
  HttpExchange,
} from '../server/request/http-exchange.js'
import { isPlainCoding } from '../server/request/message-body.js'
import { StallDetector, type StallLimit } from '../server/request/stalls.js'
import { type ByteBody, EventWriter } from '../server/responses/event-writer.js'
import { stringBytes } from '../shared/utf8-length.js'

/** Facts about a request that only the runtime has. */
export interface HttpFetchInfo {
  /** IP address of the client. Without it, gates such as `localOnly()` may refuse the request. */
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly tls?: TlsFacts | undefined
  /** The body, if a framework has parsed it already. */
  readonly parsedBody?: unknown
}

/** Allowed on a stream besides messages: ids, comments, hints. */
const SLACK_BYTES = 4096
/** The buffer of the platform for one stream. */
const HIGH_WATER_BYTES = 16_384

const failedBody = '{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"}}'
const encoder = new TextEncoder()

/** The settings that a web-standard exchange uses. */
export interface WebExchangeSettings {
  readonly maxQueuedBytes: number
  readonly stalls: StallDetector<WebExchange>
  /** Counts the output that clients have not read. */
  readonly budget: () => ByteBudget | undefined
}

/** Destroys streams whose client reads nothing. */
export function createWebStalls(limit: StallLimit): StallDetector<WebExchange> {
  return new StallDetector(limit, {
    isBlocked: (exchange) => exchange.isBlocked,
    progress: (exchange) => exchange.drains,
    destroy: (exchange) => exchange.destroy(),
  })
}

/** One web-standard request and its response. */
export class WebExchange implements HttpExchange {
  readonly method: string
  handshake: Handshake
  readonly request: Request
  readonly response: Promise<Response>
  extraHeaders: HeaderLines = []
  isDisconnected = false
  readonly #info: HttpFetchInfo
  readonly #settings: WebExchangeSettings
  #resolveResponse!: (response: Response) => void
  #hasResponded = false
  #onDisconnect: (() => void) | undefined
  #reader: WebBodyReader | undefined
  #writer: EventWriter | undefined

  constructor(request: Request, info: HttpFetchInfo, settings: WebExchangeSettings) {
    this.request = request
    this.method = request.method
    this.handshake = handshakeOf(request, info)
    this.#info = info
    this.#settings = settings
    this.response = new Promise((resolve) => {
      this.#resolveResponse = resolve
    })
    if (request.signal.aborted) this.#disconnected()
    else request.signal.addEventListener('abort', this.#disconnected, { once: true })
  }

  get url(): URL {
    return new URL(this.request.url)
  }

  whenDisconnected(callback: () => void): void {
    this.#onDisconnect = callback
    if (this.isDisconnected) callback()
  }

  readBody(limits: BodyLimits, done: (body: Body) => void): void {
    const { parsedBody } = this.#info
    if (parsedBody !== undefined) {
      done({ kind: 'value', value: parsedBody })
      return
    }
    const { body } = this.request
    if (body?.locked || this.request.bodyUsed)
      throw new Error('the body was read before: pass it as `parsedBody`')
    if (!isPlainCoding(this.handshake.headers['content-encoding'])) done({ kind: 'coded' })
    else {
      const declared = Number(this.handshake.headers['content-length'] ?? 0)
      this.#reader = new WebBodyReader(body?.getReader(), { ...limits, declared }, done)
      // A failed read counts as a disconnect: the caller of fetch() awaits a response.
      this.#reader.start(this.#disconnected)
    }
  }

  pauseReading(): void {
    this.#reader?.pause()
  }

  resumeReading(): void {
    this.#reader?.resume()
  }

  stopReading(body: Body): void {
    this.#reader?.stop(body)
  }

  respond(status: number, headers: HeaderLines, body = ''): void {
    if (this.#hasResponded) return
    // A response with status 204 must not even have an empty body.
    const content = body === '' ? null : body
    const response = new Response(content, {
      status,
      headers: pairs(mergeHeaders(headers, this.extraHeaders)),
    })
    this.#hasResponded = true
    this.request.signal.removeEventListener('abort', this.#disconnected)
    this.#resolveResponse(response)
  }

  fail(): void {
    if (this.#writer) this.#writer.destroy()
    else this.respond(500, jsonHeaders, failedBody)
  }

  openStream(headers: HeaderLines): EventStream {
    this.#hasResponded = true
    const { maxQueuedBytes, stalls, budget } = this.#settings
    const body = new StreamBody(this.handshake.remote.address, {
      blocked: () => stalls.watch(this),
      cut: this.#disconnected,
    })
    const writer = new EventWriter(body, maxQueuedBytes + SLACK_BYTES, budget())
    this.#writer = writer
    const readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => body.open(controller),
        pull: () => writer.drained(),
        cancel: () => this.#disconnected(),
      },
      { highWaterMark: HIGH_WATER_BYTES, size: (chunk) => chunk.byteLength },
    )
    this.#resolveResponse(
      new Response(readable, { headers: pairs(mergeHeaders(headers, this.extraHeaders)) }),
    )
    return writer
  }

  /** Whether the client has to read before more is sent. */
  get isBlocked(): boolean {
    return this.#writer?.isBlocked === true && !this.isDisconnected
  }

  /** How often the client has read all of a blocked stream. */
  get drains(): number {
    return this.#writer?.drains ?? 0
  }

  /** Destroys the stream of a client that reads nothing. */
  destroy(): void {
    this.#writer?.destroy()
  }

  readonly #disconnected = (): void => {
    this.request.signal.removeEventListener('abort', this.#disconnected)
    if (this.isDisconnected) return
    this.isDisconnected = true
    this.#reader?.stop({ kind: 'disconnected' })
    this.#writer?.disconnected()
    this.#onDisconnect?.()
    // The client is gone, but the caller of fetch() awaits a response.
    if (!this.#hasResponded) this.respond(499, [])
  }
}

/** What a chunk takes besides its bytes. */
const CHUNK_BYTES = 64

interface WebBodyLimits extends BodyLimits {
  /** The length that the client has declared. */
  readonly declared: number
}

/** Reads one body, chunk by chunk. A body in one chunk is not counted in the budget. */
class WebBodyReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  readonly #limits: WebBodyLimits
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #done: ((body: Body) => void) | undefined
  #text = ''
  #bytes = 0
  #heldBytes = 0
  #account: BudgetAccount | undefined
  #isPaused = false
  #continue: (() => void) | undefined

  constructor(
    reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
    limits: WebBodyLimits,
    done: (body: Body) => void,
  ) {
    this.#reader = reader
    this.#limits = limits
    this.#done = done
  }

  start(failed: () => void): void {
    const { declared, maxBytes } = this.#limits
    if (declared > maxBytes) this.stop({ kind: 'too-large', bytes: declared })
    else this.#read().catch(failed)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#continue?.()
    this.#continue = undefined
  }

  /** Ends the read with this result, unless it has ended. */
  stop(body: Body): void {
    const done = this.#done
    this.#done = undefined
    this.#text = ''
    this.#account?.close()
    if (done && body.kind !== 'text') this.#reader?.cancel().catch(ignore)
    this.resume()
    done?.(body)
  }

  async #read(): Promise<void> {
    while (this.#done) {
      if (this.#isPaused) {
        await new Promise<void>((resolve) => {
          this.#continue = resolve
        })
        continue
      }
      const part = await this.#reader?.read()
      this.#add(part?.value, part?.done !== false)
    }
  }

  #add(chunk: Uint8Array | undefined, isLast: boolean): void {
    if (!this.#done) return
    const { maxBytes, declared, budget } = this.#limits
    this.#bytes += chunk?.length ?? 0
    if (this.#bytes > maxBytes) {
      this.stop({ kind: 'too-large', bytes: this.#bytes })
      return
    }
    let text: string
    try {
      text = this.#decoder.decode(chunk, { stream: !isLast })
    } catch {
      this.stop({ kind: 'not-utf-8' })
      return
    }
    this.#text += text
    if (isLast) this.stop({ kind: 'text', text: this.#text })
    else if (this.#bytes !== declared) {
      this.#heldBytes += stringBytes(text) + CHUNK_BYTES
      this.#account ??= budget?.open({ shed: () => this.stop({ kind: 'overloaded' }) })
      this.#account?.hold(this.#heldBytes)
    }
  }
}

function handshakeOf(request: Request, { remoteAddress, remotePort, tls }: HttpFetchInfo): Handshake {
  const { host, pathname, protocol } = new URL(request.url)
  const headers: Record<string, string> = Object.create(null)
  request.headers.forEach((value, name) => {
    headers[name] = value
  })
  return {
    medium: 'http',
    remote: {
      ...(remoteAddress !== undefined && { address: remoteAddress }),
      ...(remotePort !== undefined && { port: remotePort }),
    },
    host: headers['host'] ?? host,
    path: pathname,
    method: request.method,
    scheme: protocol.slice(0, -1),
    headers,
    ...(tls && { tls }),
  }
}

function pairs(lines: HeaderLines): [string, string][] {
  const all: [string, string][] = []
  for (let at = 0; at + 1 < lines.length; at += 2) all.push([lines[at] ?? '', lines[at + 1] ?? ''])
  return all
}

class StreamBody implements ByteBody {
  readonly address: string
  readonly blocked: () => void
  readonly #cut: () => void
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(
    address: string | undefined,
    { blocked, cut }: { readonly blocked: () => void; readonly cut: () => void },
  ) {
    this.address = `http://${address ?? ''}`
    this.blocked = blocked
    this.#cut = cut
  }

  open(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
  }

  write(chunk: string | Uint8Array): boolean {
    const bytes = typeof chunk === 'string' ? encoder.encode(chunk) : chunk
    this.#controller?.enqueue(bytes)
    return (this.#controller?.desiredSize ?? 0) > 0
  }

  /** The head was returned with the Response. */
  flushHead(): void {}

  end(done: () => void): void {
    this.#controller?.close()
    done()
  }

  destroy(): void {
    this.#controller?.error(new Error('the stream was cut off'))
    this.#cut()
  }

  encode(text: string): Uint8Array {
    return encoder.encode(text)
  }

  byteLength(text: string): number {
    return encoder.encode(text).length
  }

  defer(run: () => void): void {
    queueMicrotask(run)
  }
}
