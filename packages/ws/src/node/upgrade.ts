import type { IncomingMessage } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Handshake, type Peer, TransportError } from '@mcpwire/core'
import { type AcceptorSink, type Incoming, isRefusal, refusedCaller } from '@mcpwire/core/authoring'
import { createMessageDeadlines, tlsFactsOf } from '@mcpwire/core/node'
import { type WebSocket, WebSocketServer } from 'ws'
import { isTokenSubprotocol, SUBPROTOCOL, tokenIn } from '../subprotocol.js'
import { type WsChannelOptions, wsChannel } from '../ws-channel.js'
import type { DeflateSettings } from '../ws-options.js'
import { sendRefusal, sendText } from './http-refusal.js'
import { libraryOptions } from './library-options.js'
import { wsFrames } from './ws-frames.js'

/** Options of a library. */
export interface UpgraderOptions extends WsChannelOptions {
  readonly deflate: DeflateSettings | undefined
  readonly requireSubprotocol: boolean
  readonly tokenInSubprotocol: boolean
  readonly messageTimeoutMs: number
  /** The address of a server on a Unix socket, whose callers have no address. */
  readonly unixAddress?: string | undefined
}

/** Offers the connection of an upgrade request to a listener. The caller adds `ignore` to the socket before. */
export type Upgrader = (request: IncomingMessage, socket: Socket, head: Buffer, sink: AcceptorSink) => void

/** A valid key: 16 bytes in base64 (RFC 6455, section 4.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/
const VERSION = '13'

/**
 * Creates a library. It checks the handshake, and switches protocols when the connection is started: until then
 * nothing is sent to an admitted caller and nothing is read.
 */
export function createUpgrader(options: UpgraderOptions): Upgrader {
  const library = new WebSocketServer({
    ...libraryOptions(options),
    noServer: true,
    clientTracking: false,
    handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  })
  const channelOptions = { ...options, mayBePage: true }
  const messageDeadlines = createMessageDeadlines(options.messageTimeoutMs, options.clock)
  return (request, socket, head, sink) => {
    const offered = subprotocolsIn(request)
    const fault = faultOf(request, offered, options)
    if (fault) {
      sendText(socket, ...fault)
      return
    }
    const sent = describe(request, socket, offered, options)
    const handshake = sink.resolve ? sink.resolve(sent) : sent
    if (isRefusal(handshake)) {
      sendRefusal(socket, handshake)
      sink.refused(refusedCaller(sent, { ...handshake, address: peerOf(sent, options).address }))
      return
    }
    const peer = peerOf(handshake, options)
    // Released after the upgrade: a transport keeps its connector for life.
    let pending: PendingUpgrade | undefined = { request, head }
    sink.connection({
      handshake,
      connector: {
        connectsOnce: true,
        peer,
        connect: async (channelSink, signal) => {
          if (signal.aborted) {
            socket.destroy()
            throw signal.reason
          }
          const { address } = peer
          const ws = pending && switchProtocols(library, pending, socket)
          pending = undefined
          if (typeof ws === 'object') {
            // From here on the library listens for errors of the socket.
            socket.off('error', ignore)
            const { maxMessageBytes, deflate, clock } = options
            const limits = { address, maxMessageBytes, deflate, clock, messageDeadlines, budget: sink.budget }
            return wsChannel(
              wsFrames(ws, socket, { ...limits, isClient: false }),
              channelSink,
              channelOptions,
              peer,
            )
          }
          if (ws !== undefined) {
            const message = `refused the handshake of ${address} with status 400: ${ws}`
            throw new TransportError('MALFORMED_MESSAGE', message, { preview: '' })
          }
          throw new TransportError('PEER_LOST', `lost ${address} before its connection started`, { address })
        },
      },
      refuse: (refusal) => sendRefusal(socket, refusal),
    } satisfies Incoming)
  }
}

/** An error listener. A socket without one makes a reset of the peer an uncaught exception. */
export function ignore(): void {}

type Fault = readonly [status: number, text: string, headers?: Readonly<Record<string, string>>]

/** The first fault of a handshake request, as the response to it (RFC 6455, section 4.2). */
function faultOf(
  { method, headers, rawHeaders, httpVersion }: IncomingMessage,
  offered: readonly string[],
  { requireSubprotocol }: UpgraderOptions,
): Fault | undefined {
  if (method !== 'GET') return [405, 'a WebSocket handshake uses GET', { allow: 'GET' }]
  if (httpVersion === '1.0') return [400, 'a WebSocket handshake needs HTTP/1.1']
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0)
    return [400, 'a WebSocket handshake has no body']
  if (headers['sec-websocket-version'] !== VERSION)
    return [426, `the WebSocket version must be ${VERSION}`, { 'sec-websocket-version': VERSION }]
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return [400, 'Sec-WebSocket-Key is missing or malformed']
  // Node requires it in other requests only, and gates check it.
  if (headers.host === undefined) return [400, 'Host is missing']
  if (isRepeated('host', rawHeaders)) return [400, 'more than one Host header']
  // Node takes the first one, and a proxy may have checked another.
  if (isRepeated('authorization', rawHeaders)) return [400, 'more than one Authorization header']
  if (requireSubprotocol && !offered.includes(SUBPROTOCOL))
    return [400, `the subprotocol "${SUBPROTOCOL}" must be offered`]
  return undefined
}

function isRepeated(name: string, rawHeaders: readonly string[]): boolean {
  return rawHeaders.filter((each, at) => at % 2 === 0 && each.toLowerCase() === name).length > 1
}

function subprotocolsIn({ headers }: IncomingMessage): readonly string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
}

function describe(
  request: IncomingMessage,
  socket: Socket | TLSSocket,
  offered: readonly string[],
  { tokenInSubprotocol, unixAddress }: UpgraderOptions,
): Handshake {
  const remote = unixAddress === undefined ? remoteOf(socket) : undefined
  const headers = headersOf(request, offered)
  const token = tokenInSubprotocol ? tokenIn(offered) : undefined
  if (token !== undefined) headers['authorization'] ??= `Bearer ${token}`
  const { host } = request.headers
  const tls = 'getPeerX509Certificate' in socket ? { tls: tlsFactsOf(socket) } : {}
  return {
    medium: 'ws',
    remote: { ...remote },
    ...(host !== undefined && { host }),
    path: pathOf(request),
    method: 'GET',
    scheme: 'tls' in tls ? 'wss' : 'ws',
    headers,
    ...tls,
  }
}

/** The peer of a connection. A caller on a Unix socket has no address, unless a proxy names one. */
function peerOf({ remote, tls }: Handshake, { unixAddress }: UpgraderOptions): Peer {
  const { address: host = 'unknown', port = 0 } = remote
  const isUnix = unixAddress !== undefined && remote.address === undefined
  return Object.freeze({
    medium: 'ws',
    address: isUnix ? unixAddress : wsAddress({ host, port, path: '' }, tls !== undefined),
    ...(tls && { tls }),
  })
}

/** A socket that was reset has no address. Its request can still arrive, and must not count as local. */
export function remoteOf({ remoteAddress = 'unknown', remotePort = 0 }: Socket): {
  address: string
  port: number
} {
  // A dual-stack socket reports IPv4 callers as `::ffff:127.0.0.1`.
  return { address: remoteAddress.replace(/^::ffff:(?=\d+\.)/i, ''), port: remotePort }
}

/** The headers for the gate: one value for each name, and no token in `sec-websocket-protocol`. */
function headersOf(request: IncomingMessage, offered: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  if (offered.some(isTokenSubprotocol)) {
    headers['sec-websocket-protocol'] = offered.filter((name) => !isTokenSubprotocol(name)).join(', ')
  }
  return headers
}

/** The path of a request, without its query. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}

/** A URL for a WebSocket endpoint. */
export function wsAddress(
  { host, port, path }: { host: string; port: number; path: string },
  isSecure: boolean,
): string {
  // Every connection keeps the address. A joined string is flat, a template keeps all its parts.
  return [isSecure ? 'wss' : 'ws', '://', isIPv6(host) ? `[${host}]` : host, ':', port, path].join('')
}

interface PendingUpgrade {
  readonly request: IncomingMessage
  readonly head: Buffer
}

/** Switches protocols. Returns a text for a fault of the request, `undefined` for a caller that has disconnected. */
function switchProtocols(
  library: WebSocketServer,
  { request, head }: PendingUpgrade,
  socket: Socket,
): WebSocket | string | undefined {
  let result: WebSocket | string | undefined
  if (socket.destroyed) return undefined
  library.once('wsClientError', ({ message }) => {
    sendText(socket, 400, message)
    result = message
  })
  library.handleUpgrade(request, socket, head, (ws) => {
    result = ws
  })
  library.removeAllListeners('wsClientError')
  return result
}
