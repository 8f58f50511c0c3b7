import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Handshake, TlsFacts } from '@mcpwire/core'
import { tlsFactsOf } from '@mcpwire/core/node'

/** What a request says about its caller. */
export function handshakeOf(request: IncomingMessage): Handshake {
  return new NodeHandshake(request)
}

// A class, as one is there for each request: object literals with optional members cost a shape each.
class NodeHandshake implements Handshake {
  readonly medium = 'http'
  readonly remote: { readonly address?: string; readonly port?: number }
  declare readonly host?: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  declare readonly tls?: TlsFacts

  constructor(request: IncomingMessage) {
    const { socket } = request
    this.remote = remoteOf(socket)
    this.path = pathOf(request)
    this.headers = headersOf(request)
    const host = authorityIn(request) ?? request.headers.host
    if (host !== undefined) this.host = host
    if (isSecure(socket)) this.tls = tlsFactsOnce(socket)
  }
}

/** A target in absolute form, as it is sent to proxies and taken by all (RFC 9112, section 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** The path of a request, without its query. */
function pathOf({ url = '/' }: IncomingMessage): string {
  const target = url.startsWith('/') ? url : url.replace(ABSOLUTE, '')
  const end = target.search(/[?#]/)
  const path = end < 0 ? target : target.slice(0, end)
  return path === '' ? '/' : path
}

/** Who is called, where the target says so: what `Host` says then does not count. */
function authorityIn({ url = '/' }: IncomingMessage): string | undefined {
  return url.startsWith('/') ? undefined : ABSOLUTE.exec(url)?.[1]
}

/** Whether the socket speaks TLS. */
export function isSecure(socket: Socket): socket is TLSSocket {
  return 'getPeerX509Certificate' in socket
}

function remoteOf(socket: Socket): Handshake['remote'] {
  const { remoteAddress, remotePort } = socket
  // One that has reset has none any more. What it said before is read all the same, and must not pass for local.
  if (remoteAddress === undefined) return isAtUnixSocket(socket) ? {} : { address: 'unknown' }
  // A socket for both families shows callers from the older one as `::ffff:127.0.0.1`.
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '')
  return remotePort === undefined ? { address } : { address, port: remotePort }
}

/** Whether the caller has no address because the server is at a path. Node's types do not know the server of a socket. */
function isAtUnixSocket({ server }: Socket & { readonly server?: Partial<Server> | null }): boolean {
  return typeof server?.address?.() === 'string'
}

/** Each header once. Node joins what is repeated, but for `set-cookie`, which is none of a request. */
function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  if (!headers['set-cookie']) return headers as Readonly<Record<string, string>>
  const { 'set-cookie': _, ...rest } = headers
  return rest as Readonly<Record<string, string>>
}

const factsBySocket = new WeakMap<TLSSocket, TlsFacts>()

/** They do not change while the connection lasts, and reading a certificate takes long. */
function tlsFactsOnce(socket: TLSSocket): TlsFacts {
  const known = factsBySocket.get(socket)
  if (known) return known
  const facts = tlsFactsOf(socket)
  factsBySocket.set(socket, facts)
  return facts
}
