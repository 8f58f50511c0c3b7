/*
 * Accepts the connections of a `node:net` server and offers each to the listener. The steps for one socket:
 *
 *   connection ─▶ (PROXY header) ─▶ (TLS handshake) ─▶ (client certificate) ─▶ (preamble) ─▶ sink.connection(incoming)
 *        │              │                  │                    │                   │                  │
 *     destroy()      refuse()          PEER_LOST              refuse()            refuse()     connect() or refuse()
 *
 * The steps in parentheses depend on the options. `createListener` decides about the offered socket: it asks the gate,
 * then calls `connector.connect()`, which makes a `duplexChannel`, or `refuse()`. Until the offer, and while a refusal
 * is sent, the socket is in `PendingSockets`, which is limited to `maxPending`; `Binding.close()` destroys these.
 */
import type { Server, Socket } from 'node:net'
import type { TLSSocket, Server as TlsServer } from 'node:tls'
import type { Acceptor, AcceptorSink, Binding, Incoming, ProxyProtocol } from '../authoring.js'
import { isRefusal, refusedCaller, toError, toRefusalMessage } from '../authoring.js'
import type { Handshake, Peer, Refusal } from '../index.js'
import { TransportError } from '../index.js'
import { ignore } from '../timing/promises.js'
import { bindServer, type ServerBinding } from './bind-server.js'
import { encodeCloseReason } from './close-reason.js'
import { createDuplexChannel } from './duplex-channel.js'
import type { SharedChannelOptions } from './duplex-options.js'
import { LINE_REFUSAL } from './file-descriptors.js'
import { HTTP_RESPONSE, inspectClientStart } from './first-bytes.js'
import { createMessageDeadlines } from './message-deadlines.js'
import { PendingSockets } from './pending-sockets.js'
import { type PreambleSettings, readPreamble } from './read-preamble.js'
import { readProxyHeader } from './read-proxy-header.js'
import { certificateRefusal, createTlsTerminator, type TlsTerminator } from './tls-server.js'
import type { TlsServerEnd } from './tls-server-options.js'

/** What a socket medium supplies to accept connections. */
export interface SocketAcceptorOptions extends ServerBinding {
  /** Creates a `node:net` server with `pauseOnConnect` and `allowHalfOpen`. Called once for each binding. */
  readonly createServer: () => Server
  readonly bindsBeyondThisHost: boolean
  /** The URL of the bound server. */
  readonly addressOf: (server: Server) => string
  /** The handshake for the gate, without the headers of a preamble. */
  readonly describe: (socket: Socket) => Handshake
  /** The peer of a connection, by the handshake of its caller. */
  readonly peerOf: (handshake: Handshake) => Peer
  readonly channel: SharedChannelOptions
  /** Longest time in which a message of a client completes, in milliseconds. No limit without it. */
  readonly messageTimeoutMs?: number | undefined
  /** Most sockets in their TLS handshake, before their preamble, or being refused. Beyond it, the oldest is destroyed. */
  readonly maxPending: number
  /** Enables TLS. */
  readonly tls?: TlsServerEnd | undefined
  /** Requires headers before the first message. */
  readonly preamble?: PreambleSettings | undefined
  /** Reads the header of proxies, before TLS. */
  readonly proxyProtocol?: ProxyProtocol | undefined
}

/**
 * Makes an acceptor of a socket server. A socket is not read before its connector connects.
 *
 * @example
 * ```ts
 * const acceptor = socketAcceptor({
 *   createServer: () => createServer({ pauseOnConnect: true, allowHalfOpen: true }),
 *   bindsBeyondThisHost: false,
 *   requestedAddress: 'tcp://127.0.0.1:7000',
 *   listen: (server) => void server.listen({ host: '127.0.0.1', port: 7000 }),
 *   addressOf: () => 'tcp://127.0.0.1:7000',
 *   describe: () => ({ medium: 'tcp', remote: {}, headers: {} }),
 *   peerOf: () => ({ medium: 'tcp', address: 'client' }),
 *   channel: byteStreamDefaults,
 *   maxPending: 1_000,
 * })
 * const listener = createListener(acceptor)
 * ```
 */
export function socketAcceptor(given: SocketAcceptorOptions): Acceptor {
  return {
    bindsBeyondThisHost: given.bindsBeyondThisHost,
    listen: async (sink, signal) => {
      const { budget } = sink
      const { clock } = given.channel
      const messageDeadlines = createMessageDeadlines(given.messageTimeoutMs ?? Infinity, clock)
      const channel = { ...given.channel, inspectStart: inspectClientStart, budget, messageDeadlines }
      /** The callers that proxies have named, by their sockets. */
      const proxied: ProxiedCallers = new WeakMap()
      const describe = (socket: Socket): Handshake => {
        const remote = proxied.get(socket)
        return remote ? { ...given.describe(socket), remote } : given.describe(socket)
      }
      const options = { ...given, channel, describe }
      const { maxPending } = options
      const server = options.createServer()
      const onEvicted = (socket: Socket): void => {
        const { address } = options.peerOf(options.describe(socket))
        const reason = `maxConnections (${maxPending}) newer connections wait for admission`
        sink.refused({ address, status: 503, reason, option: 'maxConnections' })
      }
      const pending = new PendingSockets({ maxPending, budget, onEvicted })
      const terminator = options.tls && createTlsTerminator(options.tls, sink.error)
      const accept = terminator
        ? acceptTls(terminator.server, pending, options, { sink, proxied })
        : (socket: Socket) => void offer(socket, pending, options, sink)
      server.on('connection', (socket: Socket) => {
        // Not removed before the channel has its own: an unhandled reset by the peer takes the process down.
        socket.on('error', ignore)
        if (options.proxyProtocol)
          void acceptProxied(socket, options.proxyProtocol, pending, options, { sink, proxied, accept })
        else accept(socket)
      })
      try {
        const refusal = options.tls ? undefined : LINE_REFUSAL
        const binding = { ...options, refusal, clock: options.channel.clock }
        await bindServer(server, binding, { sink, signal })
      } catch (error) {
        terminator?.stop()
        throw error
      }
      return bindingOf(server, pending, terminator, options)
    },
  }
}

type ProxiedCallers = WeakMap<Socket, Handshake['remote']>

interface ProxiedSteps {
  readonly sink: AcceptorSink
  readonly proxied: ProxiedCallers
  /** The next step. */
  readonly accept: (socket: Socket) => void
}

/** Reads the header of a proxy before the next step, or refuses the socket. Never rejects. */
async function acceptProxied(
  socket: Socket,
  proxyProtocol: ProxyProtocol,
  pending: PendingSockets,
  options: SocketAcceptorOptions,
  { sink, proxied, accept }: ProxiedSteps,
): Promise<void> {
  try {
    const { remoteAddress } = socket
    if (remoteAddress === undefined) {
      socket.destroy()
      return
    }
    const expected = proxyProtocol.expect(remoteAddress)
    if (expected === 'caller') {
      accept(socket)
      return
    }
    if (expected === 'header') {
      pending.add(socket)
      const outcome = await readProxyHeader(socket, proxyProtocol, options.channel.clock)
      if (pending.isEvicted(socket)) return
      if (outcome === 'disconnected') {
        socket.destroy()
        return
      }
      if ('remote' in outcome) {
        if (outcome.remote) proxied.set(socket, outcome.remote)
        pending.delete(socket)
        accept(socket)
        return
      }
      refuseProxied(socket, outcome.refusal, pending, options, sink)
    } else refuseProxied(socket, expected, pending, options, sink)
  } catch (cause) {
    socket.destroy()
    sink.error(toError(cause))
  }
}

/** Before a TLS handshake there is no text that the other end could read. */
function refuseProxied(
  socket: Socket,
  refusal: Refusal,
  pending: PendingSockets,
  options: SocketAcceptorOptions,
  sink: AcceptorSink,
): void {
  const handshake = options.describe(socket)
  const { address } = options.peerOf(handshake)
  if (options.tls) socket.destroy()
  else refuse(socket, refusal, pending, options.channel)
  if (!pending.isClosing) sink.refused(refusedCaller(handshake, { ...refusal, address }))
}

/** Starts TLS on each socket, and offers it after the handshake. */
function acceptTls(
  server: TlsServer,
  pending: PendingSockets,
  options: SocketAcceptorOptions,
  { sink, proxied }: Omit<ProxiedSteps, 'accept'>,
): (socket: Socket) => void {
  /** By remote address and port: a TLS socket has no public reference to the socket below. */
  const rawSockets = new Map<string, Socket>()
  server.on('secureConnection', (socket) => {
    const remote = remoteOf(socket)
    const raw = rawSockets.get(remote)
    rawSockets.delete(remote)
    if (raw) {
      pending.delete(raw)
      const caller = proxied.get(raw)
      if (caller) proxied.set(socket, caller)
    }
    socket.on('error', ignore)
    socket.allowHalfOpen = true
    void offer(socket, pending, options, sink)
  })
  // Before the listener that destroys the socket: the request and its response have no TLS.
  server.prependListener('tlsClientError', (cause: NodeJS.ErrnoException, socket) => {
    if (cause.code === 'ERR_SSL_HTTP_REQUEST') rawSockets.get(remoteOf(socket))?.write(HTTP_RESPONSE)
  })
  return (socket) => {
    const remote = remoteOf(socket)
    rawSockets.set(remote, socket)
    pending.add(socket)
    socket.once('close', () => {
      if (rawSockets.get(remote) === socket) rawSockets.delete(remote)
    })
    // A client that ends during the handshake gets no half-open socket.
    socket.allowHalfOpen = false
    server.emit('connection', socket)
  }
}

function remoteOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`
}

/** Offers a socket to the listener, or refuses it. Never rejects: a failure affects this socket only. */
async function offer(
  socket: Socket,
  pending: PendingSockets,
  options: SocketAcceptorOptions,
  sink: AcceptorSink,
): Promise<void> {
  try {
    if (!socket.destroyed) await offerOpenSocket(socket, pending, options, sink)
  } catch (cause) {
    socket.destroy()
    sink.error(toError(cause))
  }
}

async function offerOpenSocket(
  socket: Socket,
  pending: PendingSockets,
  options: SocketAcceptorOptions,
  sink: AcceptorSink,
): Promise<void> {
  const { tls, preamble, channel } = options
  const handshake = options.describe(socket)
  const { address } = options.peerOf(handshake)
  const refuseAndReport = (refusal: Refusal): void => {
    refuse(socket, refusal, pending, channel)
    sink.refused(refusedCaller(handshake, { ...refusal, address }))
  }
  const certificate = tls && certificateRefusal(socket as TLSSocket, tls)
  if (certificate) {
    refuseAndReport(certificate)
    return
  }
  let headers: Handshake['headers'] | undefined
  if (preamble) {
    pending.add(socket)
    const outcome = await readPreamble(socket, preamble, { clock: channel.clock, address })
    if (pending.isEvicted(socket)) return
    if ('foreign' in outcome) {
      const { error, response = encodeCloseReason(error, address) } = outcome.foreign
      endWith(socket, response, pending, channel)
      if (!pending.isClosing) sink.error(error)
      return
    }
    if ('refusal' in outcome) {
      refuseAndReport(outcome.refusal)
      return
    }
    pending.delete(socket)
    ;({ headers } = outcome)
  }
  const sent = headers ? { ...handshake, headers } : handshake
  const caller = sink.resolve ? sink.resolve(sent) : sent
  if (isRefusal(caller)) refuseAndReport(caller)
  else sink.connection(incomingOf(socket, pending, caller, options))
}

function incomingOf(
  socket: Socket,
  pending: PendingSockets,
  handshake: Handshake,
  options: SocketAcceptorOptions,
): Incoming {
  const peer = options.peerOf(handshake)
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
          throw new TransportError('PEER_LOST', `${address} disconnected before it was served`, { address })
        }
        const channel = createDuplexChannel(socket, sink, options.channel, peer)
        // The channel has its own error listener now.
        socket.off('error', ignore)
        return channel
      },
    },
    refuse: (refusal) => refuse(socket, refusal, pending, options.channel),
  }
}

function refuse(
  socket: Socket,
  refusal: Refusal,
  pending: PendingSockets,
  channel: SharedChannelOptions,
): void {
  endWith(socket, `${JSON.stringify(toRefusalMessage(refusal))}\n`, pending, channel)
}

/**
 * Sends a last text and closes the socket. If there is capacity, the input is drained until the client closes too, for
 * at most `closeTimeoutMs`: closing a socket with unread bytes may discard the text.
 */
function endWith(
  socket: Socket,
  text: string | undefined,
  pending: PendingSockets,
  { clock, closeTimeoutMs }: SharedChannelOptions,
): void {
  if (socket.destroyed) return
  const timer = clock.deadline(closeTimeoutMs, () => socket.destroy())
  socket.once('close', () => timer[Symbol.dispose]())
  const isDraining = pending.addRefused(socket)
  if (isDraining) socket.resume()
  socket.end(text ?? '', () => {
    if (!isDraining) socket.destroy()
  })
}

/** Closes the server and destroys pending sockets. The listener refuses or closes the offered ones. */
function bindingOf(
  server: Server,
  pending: PendingSockets,
  terminator: TlsTerminator | undefined,
  options: SocketAcceptorOptions,
): Binding {
  return {
    address: options.addressOf(server),
    close: () =>
      new Promise((resolve) => {
        terminator?.stop()
        server.once('close', () => resolve())
        if (options.unlisten) options.unlisten(server)
        else server.close()
        pending.destroyAll()
      }),
  }
}
