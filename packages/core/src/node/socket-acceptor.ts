import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Acceptor, Binding, Door, Handshake, Incoming, Peer, Refusal } from '../index.js'
import { refusalMessage, TransportError, toError } from '../index.js'
import { type DuplexChannelOptions, duplexChannel } from './duplex-channel.js'
import { type PreambleSettings, readPreamble } from './preamble.js'
import { tlsMeaningOf } from './tls-errors.js'
import type { TlsServerEnd } from './tls-options.js'
import { certificateRefusal } from './tls-server.js'

/** What a medium of sockets supplies to accept callers. */
export interface SocketAcceptorOptions {
  /** Makes the server: of `node:net` with `pauseOnConnect`, or of `node:tls`. Called once for each binding. */
  readonly createServer: (report: (error: Error) => void) => Server
  readonly bindsBeyondThisHost: boolean
  /** Starts the server listening. */
  readonly listen: (server: Server) => void
  /** Stops it from listening; `server.close()` unless given. */
  readonly unlisten?: ((server: Server) => void) | undefined
  /** What to call the address in errors, before it is bound. */
  readonly requestedAddress: string
  /** The URL of what was bound. */
  readonly addressOf: (server: Server) => string
  /** Who is calling. */
  readonly describe: (socket: Socket) => { readonly handshake: Handshake; readonly peer: Peer }
  readonly channel: Omit<DuplexChannelOptions, 'peer'>
  /** How many callers may be in their TLS handshake, before their preamble or at the gate at once. */
  readonly maxWaiting: number
  /** Set where the server speaks TLS. */
  readonly tls?: TlsServerEnd | undefined
  /** Set where callers send headers in front of the conversation. */
  readonly preamble?: PreambleSettings | undefined
}

/** Makes an acceptor of a server of sockets. Sockets are not read before their connector connects. */
export function socketAcceptor(options: SocketAcceptorOptions): Acceptor {
  return {
    bindsBeyondThisHost: options.bindsBeyondThisHost,
    listen: async (door, signal) => {
      const server = options.createServer(door.report)
      const waiting = watchSockets(server, options, door)
      server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
        if (!socket.destroyed) void bringToDoor(socket, waiting, options, door)
      })
      await bind(server, options, signal)
      server.on('error', (cause) => door.failed(listenFailed(options.requestedAddress, cause)))
      return bindingOf(server, waiting, options)
    },
  }
}

/** Sockets that no conversation owns: in their TLS handshake, at the gate, or being turned away. */
interface Waiting extends Set<Socket> {
  /** The sockets below those in their TLS handshake, by their caller: nothing else says which belongs to which. */
  readonly below: Map<string, Socket>
}

function watchSockets(server: Server, { maxWaiting, tls }: SocketAcceptorOptions, door: Door): Waiting {
  const waiting: Waiting = Object.assign(new Set<Socket>(), { below: new Map<string, Socket>() })
  server.on('connection', (socket: Socket) => {
    // Stays for good: a socket without it takes the process down when its peer resets.
    socket.on('error', ignore)
    if (waiting.size >= maxWaiting) {
      socket.destroy()
      const message = `a caller was cut off: ${maxWaiting} others wait to be admitted (maxConnections)`
      door.report(new TransportError('REFUSED', message, { status: 503 }))
      return
    }
    admitToWait(socket, waiting)
    if (!tls) return
    const caller = callerOf(socket)
    waiting.below.set(caller, socket)
    socket.once('close', () => waiting.below.delete(caller))
  })
  server.on('tlsClientError', (cause: Error, socket: TLSSocket) => {
    const address = `${socket.remoteAddress ?? 'a caller'}`
    const message = `no TLS with ${address}: ${tlsMeaningOf(cause) ?? cause.message}`
    door.report(new TransportError('PEER_LOST', message, { address }, { cause }))
  })
  return waiting
}

/** Never rejects. */
async function bringToDoor(
  socket: Socket,
  waiting: Waiting,
  options: SocketAcceptorOptions,
  door: Door,
): Promise<void> {
  const { tls, preamble, channel } = options
  if (tls) {
    const below = waiting.below.get(callerOf(socket))
    if (below) waiting.delete(below)
    socket.on('error', ignore)
    admitToWait(socket, waiting)
  }
  const { handshake, peer } = options.describe(socket)
  const refuse = (refusal: Refusal): void => {
    turnAway(socket, refusal, channel)
    const message = `${peer.address} was refused: ${refusal.reason}`
    door.report(new TransportError('REFUSED', message, { status: refusal.status }))
  }
  const certificate = tls && certificateRefusal(socket as TLSSocket, tls)
  if (certificate) {
    refuse(certificate)
    return
  }
  const said = preamble && (await readPreamble(socket, preamble, channel.clock))
  if (said && 'refusal' in said) refuse(said.refusal)
  else
    door.offer(
      incomingOf(socket, waiting, said ? { ...handshake, headers: said.headers } : handshake, peer, options),
    )
}

function admitToWait(socket: Socket, waiting: Waiting): void {
  waiting.add(socket)
  socket.once('close', () => waiting.delete(socket))
}

function callerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`
}

function ignore(): void {}

function bind(server: Server, options: SocketAcceptorOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settled = (): void => {
      server.off('error', onerror)
      signal.removeEventListener('abort', onabort)
    }
    const onerror = (cause: Error): void => {
      settled()
      reject(listenFailed(options.requestedAddress, cause))
    }
    const onabort = (): void => {
      settled()
      unlisten(server, options)
      reject(signal.reason)
    }
    server.once('error', onerror)
    signal.addEventListener('abort', onabort, { once: true })
    server.once('listening', () => {
      settled()
      resolve()
    })
    try {
      options.listen(server)
    } catch (cause) {
      onerror(toError(cause))
    }
  })
}

function unlisten(server: Server, options: SocketAcceptorOptions): void {
  if (options.unlisten) options.unlisten(server)
  else server.close()
}

function bindingOf(server: Server, waiting: Waiting, options: SocketAcceptorOptions): Binding {
  return {
    address: options.addressOf(server),
    close: () =>
      new Promise((resolve) => {
        server.once('close', () => resolve())
        unlisten(server, options)
        for (const socket of waiting) socket.destroy()
      }),
  }
}

function incomingOf(
  socket: Socket,
  waiting: Waiting,
  handshake: Handshake,
  peer: Peer,
  options: SocketAcceptorOptions,
): Incoming {
  return {
    handshake,
    connector: {
      connectsOnce: true,
      connect: async (sink, signal) => {
        signal.throwIfAborted()
        if (socket.destroyed) {
          const { address } = peer
          throw new TransportError('PEER_LOST', `${address} hung up before it was served`, { address })
        }
        waiting.delete(socket)
        return duplexChannel(socket, sink, { ...options.channel, peer })
      },
    },
    refuse: (refusal) => turnAway(socket, refusal, options.channel),
  }
}

/** Says why, hangs up, and waits no longer than `closeTimeoutMs` for the caller to take note. */
function turnAway(
  socket: Socket,
  refusal: Refusal,
  { clock, closeTimeoutMs }: SocketAcceptorOptions['channel'],
): void {
  const late = clock.deadline(closeTimeoutMs, () => socket.destroy())
  socket.once('close', () => late[Symbol.dispose]())
  socket.end(`${JSON.stringify(refusalMessage(refusal))}\n`, () => socket.destroySoon())
}

function listenFailed(address: string, cause: Error): Error {
  return new TransportError(
    'LISTEN_FAILED',
    `cannot listen on ${address}: ${cause.message}`,
    { address },
    { cause },
  )
}
