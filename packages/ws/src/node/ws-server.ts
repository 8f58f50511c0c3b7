import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Listener, localOnly } from '@mcpwire/core'
import {
  type Acceptor,
  type Binding,
  createListener,
  defaultsOf,
  group,
  inRange,
  integer,
  isLoopback,
  type OptionDefaults,
  type OptionSettings,
  optional,
  options,
  text,
} from '@mcpwire/core/authoring'
import {
  bindServer,
  certificateRefusal,
  HTTP_REFUSAL,
  loadTlsServer,
  type TlsServerEnd,
  type TlsServerOptions,
  tlsServerOptions,
  watchTls,
} from '@mcpwire/core/node'
import { deflateSettings } from '../ws-options.js'
import { sendRefusal, sendText } from './http-refusal.js'
import { isWebSocketUpgrade } from './ordinary-request.js'
import { createPendingSockets, type PendingSockets } from './pending-sockets.js'
import { createUpgrader, ignore, pathOf, remoteOf, wsAddress } from './upgrade.js'
import { type OptionalUpgradeOptions, upgradeOptions, type WsUpgradeOptions } from './upgrade-options.js'

// The way of a connection:
//
//   socket ──▶ pending (TLS handshake, request headers) ──▶ upgrade ──▶ AcceptorSink.connection ──▶ gate ──▶ channel
//                 │                                            │                                      │
//                 │ maxConnections: destroyed                  │ wrong path, certificate, handshake   │ refused:
//                 │ headersTimeoutMs: destroyed                │ field: HTTP response                 │ HTTP response
//
// `close()` stops the server and destroys the pending sockets. The listener ends the connections that it has received.

/** Options of a WebSocket server. */
export interface WsServerOptions extends WsUpgradeOptions {
  /** Port to listen on. 0 selects a free one. */
  port: number
  /**
   * Address to listen on. An address that other hosts can reach requires a `gate`.
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * TLS options, for `wss:`: server certificate, authorities of client certificates.
   * @defaultValue undefined
   */
  tls?: TlsServerOptions | undefined
  /**
   * Time limit for the TLS handshake and the headers of the request, in milliseconds.
   * @defaultValue 10_000
   */
  headersTimeoutMs?: number | undefined
}

type OptionalMember = OptionalUpgradeOptions | 'tls'

const table = options<WsServerOptions, OptionalMember>({
  ...upgradeOptions.rules,
  port: integer(0, 65_535),
  host: text('127.0.0.1'),
  tls: optional(group(tlsServerOptions)),
  headersTimeoutMs: inRange(1, Infinity, 10_000),
})

/** Defaults of the options of `wsServer`. */
export const wsServerDefaults: OptionDefaults<WsServerOptions, OptionalMember> =
  /* @__PURE__ */ defaultsOf(table)

/**
 * A listener for WebSockets on a port of its own. Binds nothing until `start()`.
 *
 * Without a gate it admits callers on this host only, by address, `Host` and `Origin`. A refused caller gets an HTTP
 * response in place of a WebSocket.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const listener = await serve(wsServer({ port: 8080 }), (connection) => newServer().connect(connection))
 * console.log(listener.url)
 * ```
 */
export function wsServer(given: WsServerOptions): Listener {
  const settings = table.read(given)
  const tls = settings.tls === undefined ? undefined : loadTlsServer(settings.tls)
  const bindsBeyondThisHost = settings.host !== 'localhost' && !isLoopback(settings.host)
  const gate = settings.gate ?? (bindsBeyondThisHost ? undefined : localOnly())
  return createListener(acceptorOf(settings, tls, bindsBeyondThisHost), { ...settings, gate })
}

type Settings = OptionSettings<WsServerOptions, OptionalMember>

function acceptorOf(
  settings: Settings,
  tls: TlsServerEnd | undefined,
  bindsBeyondThisHost: boolean,
): Acceptor {
  return {
    bindsBeyondThisHost,
    listen: async (sink, signal) => {
      let isClosing = false
      const { maxConnections, headersTimeoutMs: timeoutMs, clock } = settings
      const pending = createPendingSockets({ maxConnections, timeoutMs, clock })
      const deflate = deflateSettings(settings.deflate)
      const upgrade = createUpgrader({ ...settings, deflate, isGoingAway: () => isClosing })
      const server = tls ? httpsServer(tls) : createServer(httpOptions)
      server.on('connection', (socket: Socket) => {
        socket.on('error', ignore)
        pending.add(socket, sink)
      })
      server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        pending.remove(socket)
        // Under TLS this is another socket than that of 'connection'.
        if (tls) socket.on('error', ignore)
        const refusal = tls && certificateRefusal(socket as TLSSocket, tls)
        if (refusal) {
          sendRefusal(socket, refusal)
          const { address, port } = remoteOf(socket)
          sink.refused({ ...refusal, address: wsAddress({ host: address, port, path: '' }, true) })
        } else if (pathOf(request) !== settings.path) sendText(socket, 404, 'not found')
        else if (!isWebSocketUpgrade(request))
          sendText(socket, 426, UPGRADE_REQUIRED, { upgrade: 'websocket' })
        else upgrade(request, socket, head, sink)
      })
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        refuseRequest(response, pathOf(request) === settings.path)
      })
      const tlsWatch = tls && watchTls(server as HttpsServer, tls, sink.error)
      const requestedAddress = wsAddress(settings, tls !== undefined)
      const { host, port: requestedPort } = settings
      const listen = (): void => void server.listen({ host, port: requestedPort })
      try {
        const refusal = tls ? undefined : HTTP_REFUSAL
        await bindServer(server, { requestedAddress, listen, refusal, clock }, { sink, signal })
      } catch (error) {
        tlsWatch?.[Symbol.dispose]()
        throw error
      }
      const { port } = server.address() as AddressInfo
      return bindingOf(server, pending, wsAddress({ ...settings, port }, tls !== undefined), () => {
        isClosing = true
        tlsWatch?.[Symbol.dispose]()
      })
    },
  }
}

/** Pending sockets have a timeout of their own, which includes the TLS handshake and uses `clock`. */
const httpOptions = { headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 1, noDelay: true } as const

function httpsServer(tls: TlsServerEnd): HttpsServer {
  return createHttpsServer({
    ...httpOptions,
    ...tls.current(),
    minVersion: tls.minVersion,
    // WebSocket over HTTP/2 has another handshake (RFC 8441).
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: tls.handshakeTimeoutMs,
    requestCert: tls.clientCertificates !== 'none',
    rejectUnauthorized: false,
  })
}

const UPGRADE_REQUIRED = 'WebSocket upgrade required'

/** Answers a request without an upgrade. */
function refuseRequest(response: ServerResponse, isOwnPath: boolean): void {
  const headers = { 'content-type': 'text/plain', connection: 'close' }
  if (isOwnPath) response.writeHead(426, { ...headers, upgrade: 'websocket' }).end(`${UPGRADE_REQUIRED}\n`)
  else response.writeHead(404, headers).end('not found\n')
}

function bindingOf(
  server: HttpServer | HttpsServer,
  pending: PendingSockets,
  address: string,
  onclosing: () => void,
): Binding {
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        onclosing()
        server.close(() => resolve())
        pending.destroyAll()
      }),
  }
}
