import type { IncomingMessage } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Handshake, type Peer, TransportError } from '@mcpwire/core'
import type { AcceptorSink, Incoming, Sink } from '@mcpwire/core/authoring'
import { tlsFactsOf } from '@mcpwire/core/node'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Deflate } from '../deflate.js'
import { isTokenSubprotocol, SUBPROTOCOL, tokenAmong } from '../subprotocol.js'
import { type WsChannelOptions, wsChannel } from '../ws-channel.js'
import { closeTimeout } from './close-timeout.js'
import { deflateSettings } from './deflate-settings.js'
import { answerPlainly, answerRefusal } from './http-refusal.js'
import { wsFrames } from './ws-frames.js'

/** What decides about upgrades, besides the gate. */
export interface UpgradeSettings extends WsChannelOptions {
  readonly deflate: Deflate | undefined
  readonly requireSubprotocol: boolean
  readonly tokenInSubprotocol: boolean
  /** The address of the server where that is a Unix socket: callers have none then. */
  readonly unixAddress?: string | undefined
}

/** Takes upgrade requests for the right path to the door. Errors of the socket go to `ignore` by then. */
export type Upgrader = (request: IncomingMessage, socket: Socket, head: Buffer, door: AcceptorSink) => void

/** The form of a key: 16 bytes in base64 (RFC 6455, section 4.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/
const VERSION = '13'

/** Makes one. Nothing is said to a caller, and nothing of it is read, before its connection is started. */
export function createUpgrader(settings: UpgradeSettings): Upgrader {
  const upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    autoPong: false,
    maxPayload: settings.maxMessageBytes,
    ...closeTimeout(settings),
    perMessageDeflate: deflateSettings(settings.deflate),
    handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  })
  const channel = { ...settings, hearsPages: true }
  return (request, socket, head, door) => {
    const offered = subprotocolsIn(request)
    const wrong = whatIsWrong(request, offered, settings)
    if (wrong) {
      answerPlainly(socket, ...wrong)
      return
    }
    const { handshake, peer } = describe(request, socket, offered, settings)
    // Let go of once it is answered: a transport keeps its connector for life.
    let waiting: Waiting | undefined = { request, head }
    door.connection({
      handshake,
      connector: {
        connectsOnce: true,
        peer,
        connect: async (sink, signal) => {
          if (signal.aborted) {
            socket.destroy()
            throw signal.reason
          }
          const { address } = peer
          const ws = waiting && upgraded(upgrader, waiting, socket)
          waiting = undefined
          if (typeof ws === 'object') return channelOn(ws, socket, sink, channel, peer)
          if (ws !== undefined) {
            const message = `${address} was answered with 400: ${ws}`
            throw new TransportError('MALFORMED_MESSAGE', message, { preview: '' })
          }
          throw new TransportError('PEER_LOST', `${address} hung up before it was served`, { address })
        },
      },
      refuse: (refusal) => answerRefusal(socket, refusal),
    } satisfies Incoming)
  }
}

/** Listens for errors of a socket as long as nobody else does: without it a peer that resets ends the process. */
export function ignore(): void {}

type Answer = readonly [status: number, text: string, headers?: Readonly<Record<string, string>>]

/** What keeps a request from being an upgrade, and the answer to it (RFC 6455, section 4.2). */
function whatIsWrong(
  { method, headers }: IncomingMessage,
  offered: readonly string[],
  { requireSubprotocol }: UpgradeSettings,
): Answer | undefined {
  if (method !== 'GET') return [405, 'a WebSocket is opened with GET', { allow: 'GET' }]
  if (headers.upgrade?.toLowerCase() !== 'websocket')
    return [426, 'this is a WebSocket', { upgrade: 'websocket' }]
  if (headers['sec-websocket-version'] !== VERSION)
    return [426, `the WebSocket version must be ${VERSION}`, { 'sec-websocket-version': VERSION }]
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return [400, 'Sec-WebSocket-Key is missing or malformed']
  // Node asks for it in other requests only, and gates judge by it.
  if (headers.host === undefined) return [400, 'Host is missing']
  if (requireSubprotocol && !offered.includes(SUBPROTOCOL))
    return [400, `the subprotocol "${SUBPROTOCOL}" must be offered`]
  return undefined
}

function subprotocolsIn({ headers }: IncomingMessage): readonly string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
}

function describe(
  request: IncomingMessage,
  socket: Socket | TLSSocket,
  offered: readonly string[],
  { tokenInSubprotocol, unixAddress }: UpgradeSettings,
): { handshake: Handshake; peer: Peer } {
  const remote = unixAddress === undefined ? remoteOf(socket) : undefined
  const headers = headersOf(request, offered)
  const token = tokenInSubprotocol ? tokenAmong(offered) : undefined
  if (token !== undefined) headers['authorization'] ??= `Bearer ${token}`
  const { host } = request.headers
  const tls = 'getPeerX509Certificate' in socket ? { tls: tlsFactsOf(socket) } : {}
  return {
    handshake: {
      medium: 'ws',
      remote: { ...remote },
      ...(host !== undefined && { host }),
      path: pathOf(request),
      headers,
      ...tls,
    },
    peer: Object.freeze({
      medium: 'ws',
      address: remote
        ? wsAddress({ host: remote.address, port: remote.port, path: '' }, 'tls' in tls)
        : String(unixAddress),
      ...tls,
    }),
  }
}

/** One that has reset has no address any more. What it said before can be read, so it must not pass for a local one. */
function remoteOf({ remoteAddress = 'unknown', remotePort = 0 }: Socket): { address: string; port: number } {
  // A socket for both families shows callers from the older one as `::ffff:127.0.0.1`.
  return { address: remoteAddress.replace(/^::ffff:(?=\d+\.)/i, ''), port: remotePort }
}

/** The headers as the gate sees them: each once, and without tokens where it does not look for them. */
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
  // Each connection keeps one: joined it is one string, where a template would keep all its parts.
  return [isSecure ? 'wss' : 'ws', '://', isIPv6(host) ? `[${host}]` : host, ':', port, path].join('')
}

/** What a caller said, until it is answered. */
interface Waiting {
  readonly request: IncomingMessage
  readonly head: Buffer
}

/** Switches protocols. What is wrong where the caller asks for what makes no sense; nothing where it is gone. */
function upgraded(
  upgrader: WebSocketServer,
  { request, head }: Waiting,
  socket: Socket,
): WebSocket | string | undefined {
  let made: WebSocket | string | undefined
  if (socket.destroyed) return undefined
  upgrader.once('wsClientError', ({ message }) => {
    answerPlainly(socket, 400, message)
    made = message
  })
  upgrader.handleUpgrade(request, socket, head, (ws) => {
    made = ws
  })
  upgrader.removeAllListeners('wsClientError')
  return made
}

function channelOn(
  ws: WebSocket,
  socket: Socket,
  sink: Sink,
  settings: UpgradeSettings,
  peer: Peer,
): ReturnType<typeof wsChannel> {
  const { maxMessageBytes, deflate } = settings
  // The library listens for errors of the socket from now on.
  socket.off('error', ignore)
  const frames = wsFrames(ws, socket, { address: peer.address, maxMessageBytes, deflate, isClient: false })
  return wsChannel(frames, sink, settings, peer)
}
