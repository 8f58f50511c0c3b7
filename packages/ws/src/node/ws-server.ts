import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Listener, localOnly } from '@mcpwire/core'
import {
  type Acceptor,
  type Binding,
  createListener,
  isLoopback,
  type KnownOptions,
  requireInRange,
  requireInteger,
  requireKnownOptions,
  requireText,
  resolveOptions,
} from '@mcpwire/core/authoring'
import {
  bindServer,
  certificateRefusal,
  loadTlsServer,
  type TlsServerEnd,
  type TlsServerOptions,
  watchTls,
} from '@mcpwire/core/node'
import { deflateOf } from '../deflate.js'
import { answerPlainly, answerRefusal } from './http-refusal.js'
import { createPendingSockets, type PendingSockets } from './lobby.js'
import { createUpgrader, ignore, pathOf, wsAddress } from './upgrade.js'
import {
  knownUpgradeOptions,
  requireUpgradeOptions,
  type WsUpgradeOptions,
  wsUpgradeDefaults,
} from './upgrade-options.js'

/** Options of a WebSocket server. */
export interface WsServerOptions extends WsUpgradeOptions {
  /** Port to listen on; 0 for one that is free. */
  port: number
  /**
   * Address to listen on. Beyond this host, `start()` asks for a `gate`.
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * Serves `wss:`, with the certificate in `certFile` and `keyFile`, or as content in `cert` and `key`, with
   * `passphrase`; a `source` of these that may change; `caFile` or `ca` for the authorities of callers, and
   * `clientCertificates` (`'none'`, `'optional'`, `'required'`) for whether they must have one of theirs;
   * `minVersion`, `'TLSv1.3'` unless given; and `handshakeTimeoutMs`, 10 000.
   * @defaultValue undefined
   */
  tls?: TlsServerOptions | undefined
  /**
   * How long a caller may take over its TLS handshake and the headers of its request, in milliseconds.
   * @defaultValue 10_000
   */
  headersTimeoutMs?: number | undefined
}

/** What `wsServer` uses for options that are not given. */
export const wsServerDefaults: {
  readonly host: '127.0.0.1'
  readonly headersTimeoutMs: 10_000
} & typeof wsUpgradeDefaults = {
  host: '127.0.0.1',
  headersTimeoutMs: 10_000,
  ...wsUpgradeDefaults,
}

const known: KnownOptions<WsServerOptions> = { ...wsServerDefaults, ...knownUpgradeOptions, port: 1, tls: 1 }

/**
 * A listener for WebSockets on a port of its own. Without a gate it admits callers on this host only, by their
 * address, `Host` and `Origin`; whom the gate refuses gets an HTTP answer instead of a WebSocket. Binds nothing until
 * `start()`.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function wsServer(options: WsServerOptions): Listener {
  requireKnownOptions(options, known)
  const settings = resolveOptions(wsServerDefaults, options)
  requireText('host', settings.host)
  requireInteger('port', settings.port, 0, 65_535)
  requireInRange('headersTimeoutMs', settings.headersTimeoutMs, 1, Infinity)
  requireUpgradeOptions(settings)
  const tls = settings.tls === undefined ? undefined : loadTlsServer(settings.tls)
  const bindsBeyondThisHost = settings.host !== 'localhost' && !isLoopback(settings.host)
  const gate = settings.gate ?? (bindsBeyondThisHost ? undefined : localOnly())
  return createListener(acceptorOf(settings, tls, bindsBeyondThisHost), { ...settings, gate })
}

type Settings = ReturnType<typeof resolveOptions<typeof wsServerDefaults, WsServerOptions>>

function acceptorOf(
  settings: Settings,
  tls: TlsServerEnd | undefined,
  bindsBeyondThisHost: boolean,
): Acceptor {
  return {
    bindsBeyondThisHost,
    listen: async (door, signal) => {
      let isClosing = false
      const { maxConnections: maxWaiting, headersTimeoutMs: timeoutMs, clock } = settings
      const lobby = createPendingSockets({ maxWaiting, timeoutMs, clock })
      const deflate = deflateOf(settings.deflate)
      const usher = createUpgrader({ ...settings, deflate, isGoingAway: () => isClosing })
      const server = tls ? httpsServer(tls) : createServer(plainOptions)
      server.on('connection', (socket: Socket) => {
        socket.on('error', ignore)
        lobby.enter(socket, door)
      })
      server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        lobby.leave(socket)
        // The one of `connection` is on the socket below this one.
        if (tls) socket.on('error', ignore)
        const certificate = tls && certificateRefusal(socket as TLSSocket, tls)
        if (certificate) answerRefusal(socket, certificate)
        else if (pathOf(request) !== settings.path) answerPlainly(socket, 404, 'there is nothing here')
        else usher(request, socket, head, door)
      })
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        answerOther(response, pathOf(request) === settings.path)
      })
      const watching = tls && watchTls(server as HttpsServer, tls, door.error)
      const requestedAddress = wsAddress(settings, tls !== undefined)
      const { host, port: requestedPort } = settings
      const listen = (): void => void server.listen({ host, port: requestedPort })
      try {
        await bindServer(server, { requestedAddress, listen }, { sink: door, signal })
      } catch (error) {
        watching?.[Symbol.dispose]()
        throw error
      }
      const { port } = server.address() as AddressInfo
      return bindingOf(server, lobby, wsAddress({ ...settings, port }, tls !== undefined), () => {
        isClosing = true
        watching?.[Symbol.dispose]()
      })
    },
  }
}

/** Deadlines come from the lobby, so that they cover the TLS handshake too and follow the clock of the options. */
const plainOptions = { headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 1, noDelay: true } as const

function httpsServer(tls: TlsServerEnd): HttpsServer {
  return createHttpsServer({
    ...plainOptions,
    ...tls.current(),
    minVersion: tls.minVersion,
    // The upgrade of HTTP/2 is another (RFC 8441).
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: tls.handshakeTimeoutMs,
    requestCert: tls.clientCertificates !== 'none',
    rejectUnauthorized: false,
  })
}

/** A request that does not even ask to upgrade. */
function answerOther(response: ServerResponse, isOurPath: boolean): void {
  const headers = { 'content-type': 'text/plain', connection: 'close' }
  if (isOurPath) response.writeHead(426, { ...headers, upgrade: 'websocket' }).end('this is a WebSocket\n')
  else response.writeHead(404, headers).end('there is nothing here\n')
}

/** Those who were offered to the door are for the listener to end; it refuses or closes each of them. */
function bindingOf(
  server: HttpServer | HttpsServer,
  lobby: PendingSockets,
  address: string,
  closing: () => void,
): Binding {
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        closing()
        server.close(() => resolve())
        lobby.clear()
      }),
  }
}
