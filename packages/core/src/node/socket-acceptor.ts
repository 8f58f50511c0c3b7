import type { Server, Socket } from 'node:net'
import type { TLSSocket, Server as TlsServer } from 'node:tls'
import {
  type Acceptor,
  type AcceptorSink,
  type Binding,
  type Incoming,
  toError,
  toRefusalMessage,
} from '../authoring.js'
import { type Handshake, type Peer, type Refusal, TransportError } from '../index.js'
import { bindServer, type ServerBinding } from './bind-server.js'
import { sharingChannel } from './duplex-channel.js'
import { inspectTlsBytes } from './inspect-tls-bytes.js'
import { type PreambleSettings, readPreamble } from './preamble.js'
import type { StreamLifeOptions } from './stream-life.js'
import type { TlsServerEnd } from './tls-options.js'
import { certificateRefusal, createTlsStage, type TlsStage } from './tls-server.js'

/** What a medium of sockets supplies to accept callers. */
export interface SocketAcceptorOptions extends ServerBinding {
  /** Makes the server, of `node:net` with `pauseOnConnect` and `allowHalfOpen`. Called once for each binding. */
  readonly createServer: () => Server
  readonly bindsBeyondThisHost: boolean
  /** The URL of what was bound. */
  readonly addressOf: (server: Server) => string
  /** Who is calling. */
  readonly describe: (socket: Socket) => { readonly handshake: Handshake; readonly peer: Peer }
  readonly channel: StreamLifeOptions
  /** How many callers may be in their TLS handshake, before their preamble or being turned away at once. */
  readonly maxWaiting: number
  /** Set where the server speaks TLS. */
  readonly tls?: TlsServerEnd | undefined
  /** Set where callers send headers in front of the conversation. */
  readonly preamble?: PreambleSettings | undefined
}

/** Makes an acceptor of a server of sockets. Sockets are not read before their connector connects. */
export function socketAcceptor(given: SocketAcceptorOptions): Acceptor {
  const inspectFirstBytes = given.tls ? undefined : inspectTlsBytes
  const options = { ...given, channel: { ...given.channel, inspectFirstBytes } }
  return {
    bindsBeyondThisHost: options.bindsBeyondThisHost,
    listen: async (door, signal) => {
      const server = options.createServer()
      const lobby = createPendingSockets(options)
      const stage = options.tls && createTlsStage(options.tls, door.error)
      const arrive = stage
        ? securely(stage.server, lobby, options, door)
        : (socket: Socket) => void bringToDoor(socket, lobby, options, door)
      server.on('connection', (socket: Socket) => {
        // Stays for good: a socket without it takes the process down when its peer resets.
        socket.on('error', ignore)
        if ((stage || options.preamble) && lobby.isFull()) cutOff(socket, options, door)
        else arrive(socket)
      })
      try {
        await bindServer(server, options, { door, signal })
      } catch (error) {
        stage?.stop()
        throw error
      }
      return bindingOf(server, lobby, stage, options)
    },
  }
}

/** Sockets that neither a conversation nor the listener owns: in their TLS handshake, or before their preamble, or being turned away. */
interface PendingSockets {
  readonly sockets: Set<Socket>
  isFull(): boolean
  enter(socket: Socket): void
  leave(socket: Socket): void
  isClosing: boolean
}

function createPendingSockets({ maxWaiting }: SocketAcceptorOptions): PendingSockets {
  const sockets = new Set<Socket>()
  return {
    sockets,
    isClosing: false,
    isFull: () => sockets.size >= maxWaiting,
    enter: (socket) => {
      if (sockets.has(socket)) return
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    },
    leave: (socket) => void sockets.delete(socket),
  }
}

function cutOff(socket: Socket, { maxWaiting }: SocketAcceptorOptions, door: AcceptorSink): void {
  socket.destroy()
  const message = `a caller was cut off: ${maxWaiting} others wait to be admitted (maxConnections)`
  door.error(new TransportError('REFUSED', message, { status: 503 }))
}

/** Puts TLS on sockets, and brings those to the door that are through with it. */
function securely(
  server: TlsServer,
  lobby: PendingSockets,
  options: SocketAcceptorOptions,
  door: AcceptorSink,
): (socket: Socket) => void {
  /** By their caller: nothing else says which socket is below which. */
  const below = new Map<string, Socket>()
  server.on('secureConnection', (socket) => {
    const caller = callerOf(socket)
    const plain = below.get(caller)
    below.delete(caller)
    if (plain) lobby.leave(plain)
    socket.on('error', ignore)
    socket.allowHalfOpen = true
    void bringToDoor(socket, lobby, options, door)
  })
  return (socket) => {
    const caller = callerOf(socket)
    below.set(caller, socket)
    lobby.enter(socket)
    socket.once('close', () => {
      if (below.get(caller) === socket) below.delete(caller)
    })
    // TLS takes this over, and a caller that hangs up during the handshake is to be hung up on.
    socket.allowHalfOpen = false
    server.emit('connection', socket)
  }
}

/** Never rejects: whatever goes wrong with a caller costs no more than that caller. */
async function bringToDoor(
  socket: Socket,
  lobby: PendingSockets,
  options: SocketAcceptorOptions,
  door: AcceptorSink,
): Promise<void> {
  try {
    if (!socket.destroyed) await bringSocketToDoor(socket, lobby, options, door)
  } catch (cause) {
    socket.destroy()
    door.error(toError(cause))
  }
}

async function bringSocketToDoor(
  socket: Socket,
  lobby: PendingSockets,
  options: SocketAcceptorOptions,
  door: AcceptorSink,
): Promise<void> {
  const { tls, preamble, channel } = options
  const { handshake, peer } = options.describe(socket)
  const refuse = (refusal: Refusal): void => {
    turnAway(socket, refusal, lobby, channel)
    if (lobby.isClosing) return
    const message = `${peer.address} was refused: ${refusal.reason}`
    door.error(new TransportError('REFUSED', message, { status: refusal.status }))
  }
  const certificate = tls && certificateRefusal(socket as TLSSocket, tls)
  if (certificate) {
    refuse(certificate)
    return
  }
  if (!preamble) {
    door.connection(incomingOf(socket, lobby, handshake, peer, options))
    return
  }
  lobby.enter(socket)
  const said = await readPreamble(socket, preamble, channel.clock)
  if ('refusal' in said) {
    refuse(said.refusal)
    return
  }
  lobby.leave(socket)
  door.connection(incomingOf(socket, lobby, { ...handshake, headers: said.headers }, peer, options))
}

function callerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`
}

function ignore(): void {}

function unlisten(server: Server, options: SocketAcceptorOptions): void {
  if (options.unlisten) options.unlisten(server)
  else server.close()
}

/** Those who were offered to the door are for the listener to end; it refuses or closes each of them. */
function bindingOf(
  server: Server,
  lobby: PendingSockets,
  stage: TlsStage | undefined,
  options: SocketAcceptorOptions,
): Binding {
  return {
    address: options.addressOf(server),
    close: () =>
      new Promise((resolve) => {
        lobby.isClosing = true
        stage?.stop()
        server.once('close', () => resolve())
        unlisten(server, options)
        for (const socket of lobby.sockets) socket.destroy()
      }),
  }
}

function incomingOf(
  socket: Socket,
  lobby: PendingSockets,
  handshake: Handshake,
  peer: Peer,
  options: SocketAcceptorOptions,
): Incoming {
  return {
    handshake,
    connector: {
      connectsOnce: true,
      peer,
      connect: async (sink, signal) => {
        if (signal.aborted) {
          socket.destroy()
          throw signal.reason
        }
        if (socket.destroyed) {
          const { address } = peer
          throw new TransportError('PEER_LOST', `${address} hung up before it was served`, { address })
        }
        const channel = sharingChannel(socket, sink, options.channel, peer)
        // It listens for errors from now on.
        socket.off('error', ignore)
        return channel
      },
    },
    refuse: (refusal) => turnAway(socket, refusal, lobby, options.channel),
  }
}

/**
 * Says why and hangs up. Where there is room for that, what the caller still sends is heard and dropped until it
 * hangs up too, for at most `closeTimeoutMs`: a socket that is closed on unread bytes may take the words back.
 */
function turnAway(
  socket: Socket,
  refusal: Refusal,
  lobby: PendingSockets,
  { clock, closeTimeoutMs }: SocketAcceptorOptions['channel'],
): void {
  if (socket.destroyed) return
  const late = clock.deadline(closeTimeoutMs, () => socket.destroy())
  socket.once('close', () => late[Symbol.dispose]())
  const isPatient = !lobby.isClosing && (lobby.sockets.has(socket) || !lobby.isFull())
  if (isPatient) {
    lobby.enter(socket)
    socket.resume()
  }
  socket.end(`${JSON.stringify(toRefusalMessage(refusal))}\n`, () => {
    if (!isPatient) socket.destroy()
  })
}
