import type { Handshake, TlsFacts } from '@mcpwire/core'
import type { Body, EventStream, Exchange, HeaderLines } from '../server/request/http-exchange.js'
import { isPlainCoding } from '../server/request/media-types.js'
import { mergedHeaders } from '../server/request/merged-headers.js'
import { type StallLimit, Stalls } from '../server/request/stalls.js'
import { type ByteBody, EventWriter } from '../server/responses/event-writer.js'

/** What a runtime knows of a request that the request itself does not tell. */
export interface HttpFetchInfo {
  /** The IP address it came from. Gates that ask for it refuse without. */
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly tls?: TlsFacts | undefined
  /** The body, where somebody has parsed it already. */
  readonly parsedBody?: unknown
}

/** Room on a stream for what is no message: ids, comments, hints. */
const SLACK_BYTES = 4096
/** What the platform holds of a stream before it asks to wait. */
const HIGH_WATER_BYTES = 16_384

const failedBody = '{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"}}'
const encoder = new TextEncoder()

/** What an exchange needs to know besides its request. */
export interface WebExchangeSettings {
  readonly maxQueuedBytes: number
  readonly stalls: Stalls<WebExchange>
}

/** Cuts off streams of which nothing is taken. */
export function webStalls(limit: StallLimit): Stalls<WebExchange> {
  return new Stalls(limit, {
    isBehind: (exchange) => exchange.isBehind,
    progress: (exchange) => exchange.drains,
    cutOff: (exchange) => exchange.cutOff(),
  })
}

/** One web-standard request, answered with a web-standard response. */
export class WebExchange implements Exchange {
  readonly method: string
  readonly handshake: Handshake
  readonly request: Request
  readonly response: Promise<Response>
  extraHeaders: HeaderLines = []
  hasLeft = false
  readonly #info: HttpFetchInfo
  readonly #settings: WebExchangeSettings
  #respond!: (response: Response) => void
  #isAnswered = false
  #left: (() => void) | undefined
  #stopReading: ((body: Body) => void) | undefined
  #writer: EventWriter | undefined

  constructor(request: Request, info: HttpFetchInfo, settings: WebExchangeSettings) {
    this.request = request
    this.method = request.method
    this.handshake = handshakeOf(request, info)
    this.#info = info
    this.#settings = settings
    this.response = new Promise((resolve) => {
      this.#respond = resolve
    })
    if (request.signal.aborted) this.#gone()
    else request.signal.addEventListener('abort', this.#gone, { once: true })
  }

  get url(): URL {
    return new URL(this.request.url)
  }

  whenLeft(left: () => void): void {
    this.#left = left
    if (this.hasLeft) left()
  }

  readBody(maxBytes: number, done: (body: Body) => void): void {
    const { parsedBody } = this.#info
    if (parsedBody !== undefined) {
      done({ kind: 'value', value: parsedBody })
      return
    }
    const { body } = this.request
    if (body?.locked || this.request.bodyUsed)
      throw new Error('the body was read before: pass it as `parsedBody`')
    if (!isPlainCoding(this.handshake.headers['content-encoding'])) done({ kind: 'coded' })
    else void this.#read(body?.getReader(), maxBytes, done)
  }

  stopReading(): void {
    this.#stopReading?.({ kind: 'too-slow' })
  }

  answer(status: number, headers: HeaderLines, body = ''): void {
    if (this.#isAnswered) return
    // Such as 204, which may not even have an empty one.
    const content = body === '' ? null : body
    const response = new Response(content, {
      status,
      headers: pairs(mergedHeaders(headers, this.extraHeaders)),
    })
    this.#isAnswered = true
    this.request.signal.removeEventListener('abort', this.#gone)
    this.#respond(response)
  }

  fail(): void {
    if (this.#writer) this.#writer.destroy()
    else this.answer(500, ['content-type', 'application/json'], failedBody)
  }

  stream(headers: HeaderLines): EventStream {
    this.#isAnswered = true
    const { maxQueuedBytes, stalls } = this.#settings
    const body = new StreamBody(this.handshake.remote.address, {
      fellBehind: () => stalls.watch(this),
      cut: this.#gone,
    })
    const writer = new EventWriter(body, maxQueuedBytes + SLACK_BYTES)
    this.#writer = writer
    const readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => body.open(controller),
        pull: () => writer.drained(),
        cancel: () => this.#gone(),
      },
      { highWaterMark: HIGH_WATER_BYTES, size: (chunk) => chunk.byteLength },
    )
    this.#respond(new Response(readable, { headers: pairs(mergedHeaders(headers, this.extraHeaders)) }))
    return writer
  }

  /** Whether its caller has to read before more leaves. */
  get isBehind(): boolean {
    return this.#writer?.isBlocked === true && !this.hasLeft
  }

  /** How often the caller has caught up after being behind. */
  get drains(): number {
    return this.#writer?.drains ?? 0
  }

  /** Gives up a caller that takes nothing any more. */
  cutOff(): void {
    this.#writer?.destroy()
  }

  readonly #gone = (): void => {
    this.request.signal.removeEventListener('abort', this.#gone)
    if (this.hasLeft) return
    this.hasLeft = true
    this.#stopReading?.({ kind: 'gone' })
    this.#writer?.left()
    this.#left?.()
    // Nobody hears it, but whoever called waits for a response.
    if (!this.#isAnswered) this.answer(499, [])
  }

  async #read(
    reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
    maxBytes: number,
    done: (body: Body) => void,
  ): Promise<void> {
    const declared = Number(this.handshake.headers['content-length'] ?? 0)
    if (declared > maxBytes) {
      done({ kind: 'too-large', bytes: declared })
      return
    }
    const body = await new Promise<Body>((resolve) => {
      this.#stopReading = resolve
      // Whoever brought the request waits for a response, whatever became of its body.
      bodyOf(reader, maxBytes).then(resolve, this.#gone)
    })
    this.#stopReading = undefined
    if (body.kind !== 'text') reader?.cancel().catch(ignore)
    done(body)
  }
}

async function bodyOf(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  maxBytes: number,
): Promise<Body> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  let bytes = 0
  for (;;) {
    const part = await reader?.read()
    bytes += part?.value?.length ?? 0
    if (bytes > maxBytes) return { kind: 'too-large', bytes }
    try {
      text += decoder.decode(part?.value, { stream: part?.done === false })
    } catch {
      return { kind: 'not-utf-8' }
    }
    if (part?.done !== false) return { kind: 'text', text }
  }
}

function handshakeOf(request: Request, { remoteAddress, remotePort, tls }: HttpFetchInfo): Handshake {
  const { host, pathname } = new URL(request.url)
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
  readonly fellBehind: () => void
  readonly #cut: () => void
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(
    address: string | undefined,
    { fellBehind, cut }: { readonly fellBehind: () => void; readonly cut: () => void },
  ) {
    this.address = `http://${address ?? ''}`
    this.fellBehind = fellBehind
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

  /** The platform has the head already. */
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

  soon(run: () => void): void {
    queueMicrotask(run)
  }
}

function ignore(): void {}
