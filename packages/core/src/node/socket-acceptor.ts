import type { ListenOptions, Server, Socket } from 'node:net'
import type { Acceptor, Binding, Handshake, Incoming, Peer, Refusal } from '../index.js'
import { refusalMessage, TransportError } from '../index.js'
import { type DuplexChannelOptions, duplexChannel } from './duplex-channel.js'

/** What a medium of sockets supplies to accept callers. */
export interface SocketAcceptorOptions {
  /** Makes the server: of `node:net` with `pauseOnConnect`, or of `node:tls`. Called once for each binding. */
  readonly createServer: () => Server
  /** The event with which a socket is ready to be talked to: `secureConnection` where TLS comes first. */
  readonly readyEvent: 'connection' | 'secureConnection'
  readonly bindsBeyondThisHost: boolean
  readonly listenOptions: ListenOptions
  /** What to call the address in errors, before it is bound. */
  readonly requestedAddress: string
  /** The URL of what was bound. */
  readonly addressOf: (server: Server) => string
  /** Who is calling. */
  readonly describe: (socket: Socket) => { readonly handshake: Handshake; readonly peer: Peer }
  readonly channel: Omit<DuplexChannelOptions, 'peer'>
}

/** Makes an acceptor of a server of sockets. Sockets are not read before their connector connects. */
export function socketAcceptor(options: SocketAcceptorOptions): Acceptor {
  return {
    bindsBeyondThisHost: options.bindsBeyondThisHost,
    listen: async (offer, failed, signal) => {
      const server = options.createServer()
      /** Sockets that no conversation owns: in their TLS handshake, at the gate, or being turned away. */
      const unowned = new Set<Socket>()
      server.on('connection', (socket: Socket) => {
        unowned.add(socket)
        socket.once('close', () => unowned.delete(socket))
        // Stays for good: a socket without it takes the process down when its peer resets.
        socket.on('error', ignore)
      })
      server.on(options.readyEvent, (socket: Socket) => {
        if (options.readyEvent !== 'connection') socket.on('error', ignore)
        offer(incomingOf(socket, unowned, options))
      })
      await bind(server, options, signal)
      server.on('error', (cause) => failed(listenFailed(options.requestedAddress, cause)))
      return bindingOf(server, unowned, options.addressOf(server))
    },
  }
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
      server.close()
      reject(signal.reason)
    }
    server.once('error', onerror)
    signal.addEventListener('abort', onabort, { once: true })
    server.listen(options.listenOptions, () => {
      settled()
      resolve()
    })
  })
}

function bindingOf(server: Server, unowned: Set<Socket>, address: string): Binding {
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of unowned) socket.destroy()
      }),
  }
}

function incomingOf(socket: Socket, unowned: Set<Socket>, options: SocketAcceptorOptions): Incoming {
  const { handshake, peer } = options.describe(socket)
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
        unowned.delete(socket)
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
