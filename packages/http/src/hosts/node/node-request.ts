import { isUtf8 } from 'node:buffer'
import { type IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { BudgetAccount, Handshake, TlsFacts } from '@mcpwire/core'
import { tlsFactsOf } from '@mcpwire/core/node'
import type { Body, BodyLimits, FramingFault } from '../../server/request/http-exchange.js'

// A request of node:http on its way in: headers, handshake and body.

/** Header names as they were sent, and in lower case. */
const lowerCaseNames = new Map<string, string>()
/** Enough for the clients of a server. Made-up names do not fill the memory. */
const MAX_NAMES = 512
const MAX_NAME_LENGTH = 64

/**
 * A request with a faster `headers`. Node creates the lower-case string of every name anew, and here it is looked up.
 * The difference is measurable for a small request.
 */
export class FastIncomingMessage extends IncomingMessage {
  cachedHeaders: IncomingHttpHeaders | undefined
}

Object.defineProperty(FastIncomingMessage.prototype, 'headers', {
  get(this: FastIncomingMessage): IncomingHttpHeaders {
    this.cachedHeaders ??=
      parseHeaders(this.rawHeaders) ?? Reflect.get(IncomingMessage.prototype, 'headers', this)
    return this.cachedHeaders as IncomingHttpHeaders
  },
})

/** The headers by lower-case name. `undefined` where one occurs twice: Node joins these. */
function parseHeaders(rawHeaders: readonly string[]): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = lowerCase(rawHeaders[at] as string)
    if (headers[name] !== undefined || name === 'set-cookie') return undefined
    headers[name] = rawHeaders[at + 1] as string
  }
  return headers
}

function lowerCase(sent: string): string {
  const known = lowerCaseNames.get(sent)
  if (known !== undefined) return known
  const name = sent.toLowerCase()
  if (lowerCaseNames.size < MAX_NAMES && sent.length <= MAX_NAME_LENGTH) lowerCaseNames.set(sent, name)
  return name
}

/** The first rule of HTTP that the headers of a request break, and that Node does not check. */
export function framingFault({ headers, rawHeaders }: IncomingMessage): FramingFault | undefined {
  const coding = headers['transfer-encoding']
  // Node removes the coding "chunked" only (RFC 9112, section 6.1). It responds with 400 itself where that is not the last.
  if (coding !== undefined && /.chunked\s*$/i.test(coding))
    return { status: 501, reason: 'the Transfer-Encoding must be "chunked"' }
  // Another server could read the other one (RFC 9112, section 3.2).
  if (countOf('host', rawHeaders) > 1) return { status: 400, reason: 'more than one Host header' }
  // Node takes the first one, and a proxy may have checked another.
  return countOf('authorization', rawHeaders) > 1
    ? { status: 400, reason: 'more than one Authorization header' }
    : undefined
}

function countOf(name: string, rawHeaders: readonly string[]): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const each = rawHeaders[at] as string
    if (each.length === name.length && each.toLowerCase() === name) count++
  }
  return count
}

/** The handshake of a request. A class: object literals with optional members have one hidden class each. */
export class NodeHandshake implements Handshake {
  readonly medium = 'http'
  readonly remote: { readonly address?: string; readonly port?: number }
  declare readonly host?: string
  readonly path: string
  readonly method: string
  readonly scheme: string
  readonly headers: Readonly<Record<string, string>>
  declare readonly tls?: TlsFacts

  constructor(request: IncomingMessage) {
    const { socket } = request
    this.remote = remoteOf(socket)
    this.path = pathOf(request)
    this.method = request.method ?? ''
    this.scheme = isTlsSocket(socket) ? 'https' : 'http'
    this.headers = headersOf(request)
    const host = authorityIn(request) ?? request.headers.host
    if (host !== undefined) this.host = host
    if (isTlsSocket(socket)) this.tls = cachedTlsFacts(socket)
  }
}

/** A request target in absolute form, which every server must accept (RFC 9112, section 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** The path of a request, without its query. */
function pathOf({ url = '/' }: IncomingMessage): string {
  const target = url.startsWith('/') ? url : url.replace(ABSOLUTE, '')
  const end = target.search(/[?#]/)
  const path = end < 0 ? target : target.slice(0, end)
  return path === '' ? '/' : path
}

/** The host in an absolute target, which takes precedence over the `Host` header. */
function authorityIn({ url = '/' }: IncomingMessage): string | undefined {
  return url.startsWith('/') ? undefined : ABSOLUTE.exec(url)?.[1]
}

/** Whether the socket uses TLS. */
export function isTlsSocket(socket: Socket): socket is TLSSocket {
  return 'getPeerX509Certificate' in socket
}

function remoteOf(socket: Socket): Handshake['remote'] {
  const { remoteAddress, remotePort } = socket
  // A reset socket has no address any more. Its requests are still read, and must not count as local.
  if (remoteAddress === undefined) return isUnixSocket(socket) ? {} : { address: 'unknown' }
  // A dual-stack socket shows IPv4 addresses as `::ffff:127.0.0.1`.
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '')
  return remotePort === undefined ? { address } : { address, port: remotePort }
}

/** Whether the server listens on a path, so that clients have no address. Node's types lack `server` of a socket. */
function isUnixSocket({ server }: Socket & { readonly server?: Partial<Server> | null }): boolean {
  return typeof server?.address?.() === 'string'
}

/** Each header as one string. Node joins repeated ones, except `set-cookie`, which is not a request header. */
function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  if (!headers['set-cookie']) return headers as Readonly<Record<string, string>>
  const { 'set-cookie': _, ...rest } = headers
  return rest as Readonly<Record<string, string>>
}

const tlsFactsBySocket = new WeakMap<TLSSocket, TlsFacts>()

/** The facts do not change during a connection, and parsing a certificate is slow. */
function cachedTlsFacts(socket: TLSSocket): TlsFacts {
  const known = tlsFactsBySocket.get(socket)
  if (known) return known
  const facts = tlsFactsOf(socket)
  tlsFactsBySocket.set(socket, facts)
  return facts
}

/** The most chunks of a body that are kept separately: each costs far more than its bytes may. */
const MAX_LOOSE_CHUNKS = 1024
/** What a chunk takes besides its bytes. */
const CHUNK_BYTES = 256

/** Reads one body, and buffers at most `maxBytes` of it. A body in one piece is not counted in the budget. */
export class BodyReader {
  readonly #request: IncomingMessage
  readonly #limits: BodyLimits
  /** The length that the client has declared. */
  readonly #declared: number
  #done: ((body: Body) => void) | undefined
  #chunks: Buffer[] = []
  /** The number of leading chunks that were joined from others. */
  #packed = 0
  #bytes = 0
  #account: BudgetAccount | undefined

  constructor(request: IncomingMessage, limits: BodyLimits, done: (body: Body) => void) {
    this.#request = request
    this.#limits = limits
    this.#declared = Number(request.headers['content-length'] ?? 0)
    this.#done = done
  }

  start(): void {
    if (this.#request.readableEnded) throw new Error('the body was read before: pass it to handle()')
    if (this.#declared > this.#limits.maxBytes) {
      this.stop({ kind: 'too-large', bytes: this.#declared })
      return
    }
    this.#request.on('data', this.#ondata)
    this.#request.on('end', this.#onend)
  }

  /** Ends the read with this result, unless it has ended. */
  stop(body: Body): void {
    const done = this.#done
    this.discard()
    done?.(body)
  }

  /** Ends the read without a result. */
  discard(): void {
    this.#done = undefined
    this.#chunks = []
    this.#request.off('data', this.#ondata)
    this.#account?.close()
  }

  readonly #ondata = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limits.maxBytes) {
      this.stop({ kind: 'too-large', bytes: this.#bytes })
      return
    }
    if (this.#chunks.push(chunk) - this.#packed > MAX_LOOSE_CHUNKS) {
      this.#chunks.push(Buffer.concat(this.#chunks.splice(this.#packed)))
      this.#packed++
    }
    if (this.#bytes !== this.#declared) this.#count()
  }

  #count(): void {
    this.#account ??= this.#limits.budget?.open({ shed: () => this.stop({ kind: 'overloaded' }) })
    this.#account?.hold(this.#bytes + (this.#chunks.length - this.#packed) * CHUNK_BYTES)
  }

  readonly #onend = (): void => {
    const done = this.#done
    if (!done) return
    const [first] = this.#chunks
    const whole = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks)
    this.#done = undefined
    this.#chunks = []
    this.#account?.close()
    done(isUtf8(whole) ? { kind: 'text', text: whole.toString() } : { kind: 'not-utf-8' })
  }
}
