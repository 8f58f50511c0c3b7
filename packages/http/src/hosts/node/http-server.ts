import { createServer, type Server as HttpServer } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, isIPv6, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { localOnly } from '@mcpwire/core'
import {
  type Acceptor,
  type AcceptorSink,
  type Binding,
  createListener,
  defaultsOf,
  group,
  ignore,
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
import { Endpoint, type HttpListener } from '../../server/endpoint.js'
import {
  endpointOptions,
  type HttpEndpointOptions,
  type OptionalEndpointOptions,
  path,
  requireConsistent,
} from '../../server/request/endpoint-options.js'
import { ConnectionLimits } from './connection-limits.js'
import { NodeHost, nextTurn, UnusedSockets } from './node-host.js'
import { FastIncomingMessage } from './node-request.js'

/** Options of an HTTP server. */
export interface HttpServerOptions extends HttpEndpointOptions {
  /** Port to listen on; 0 for one that is free. */
  port: number
  /**
   * Address to listen on. If other hosts can reach it, `start()` requires a `gate`.
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * Path of the endpoint.
   * @defaultValue '/mcp'
   */
  path?: string | undefined
  /**
   * TLS material, which makes the server one of `https:`. Certificate and key: `certFile` and `keyFile`, or `cert` and
   * `key` with their content, and `passphrase`, or a `source` of changing material. Client certificates:
   * `clientCertificates` (`'none'`, `'optional'`, `'required'`), with their authorities in `caFile` or `ca`. Also
   * `minVersion` (`'TLSv1.3'`) and `handshakeTimeoutMs` (10 000).
   * @defaultValue undefined
   */
  tls?: TlsServerOptions | undefined
  /**
   * Time the headers of a request may take to arrive, in milliseconds. After it, the client gets status 408.
   * @defaultValue 10_000
   */
  headersTimeoutMs?: number | undefined
  /**
   * Limit for open TCP connections. Further ones are destroyed. Above three quarters of it, refused callers lose their
   * connection. The default is ten times `maxConnections`.
   * @defaultValue undefined
   */
  maxSockets?: number | undefined
  /**
   * Limit for the open TCP connections of one principal that the gate names. A request on a further one gets status 429,
   * and the connection is closed. A connection counts for the principal of its latest request. The default is a quarter
   * of `maxSockets`.
   * @defaultValue undefined
   */
  maxSocketsPerPrincipal?: number | undefined
}

/** A listener for MCP over HTTP on a port of its own. */
export interface HttpServerListener extends HttpListener {
  /**
   * The server of `node:http` or `node:https` while the listener is bound. WebSockets can share its port: pass it to
   * `upgradeHandler` of `@mcpwire/ws`, and close that listener too.
   */
  readonly server: HttpServer | HttpsServer | undefined
}

type OptionalServerOptions = OptionalEndpointOptions | 'tls' | 'maxSockets' | 'maxSocketsPerPrincipal'

const table = options<HttpServerOptions, OptionalServerOptions>({
  port: integer(0, 65_535),
  host: text('127.0.0.1'),
  path: path('/mcp'),
  tls: optional(group(tlsServerOptions)),
  headersTimeoutMs: inRange(1, Infinity, 10_000),
  maxSockets: optional(integer(1, Infinity)),
  maxSocketsPerPrincipal: optional(integer(1, Infinity)),
  ...endpointOptions.rules,
})

/** What `httpServer` uses for options that are not given. */
export const httpServerDefaults: OptionDefaults<HttpServerOptions, OptionalServerOptions> =
  /* @__PURE__ */ defaultsOf(table)

type Settings = OptionSettings<HttpServerOptions, OptionalServerOptions>

/**
 * A listener for MCP over HTTP on a port of its own, with one connection for each session. Without a gate it serves
 * callers on this host only, by their address, `Host` and `Origin`. Binds nothing until `start()`.
 *
 * @throws TransportError `INVALID_OPTION`
 * @example
 * ```ts
 * const listener = httpServer({ port: 8080 })
 * await serve(listener, (connection) => createServer().connect(connection))
 * ```
 */
export function httpServer(given: HttpServerOptions): HttpServerListener {
  const read = table.read(given)
  requireConsistent(read, read.path)
  const tls = read.tls === undefined ? undefined : loadTlsServer(read.tls)
  const bindsBeyondThisHost = read.host !== 'localhost' && !isLoopback(read.host)
  const settings: Settings = { ...read, gate: read.gate ?? (bindsBeyondThisHost ? undefined : localOnly()) }
  const endpoint = new Endpoint(settings, nextTurn, settings.path)
  let server: HttpServer | HttpsServer | undefined
  const bound = (current: typeof server): void => {
    server = current
  }
  const listener = createListener(
    acceptorOf(settings, { endpoint, tls, bindsBeyondThisHost, bound }),
    settings,
  )
  return Object.defineProperty(Object.assign(listener, { notify: endpoint.notify }), 'server', {
    get: () => server,
  }) as HttpServerListener
}

interface Parts {
  readonly endpoint: Endpoint
  /** Called with the server that is bound, and without one when it closes. */
  readonly bound: (server: HttpServer | HttpsServer | undefined) => void
  readonly tls: TlsServerEnd | undefined
  readonly bindsBeyondThisHost: boolean
}

function acceptorOf(settings: Settings, { endpoint, tls, bindsBeyondThisHost, bound }: Parts): Acceptor {
  return {
    bindsBeyondThisHost,
    listen: async (sink, signal) => {
      const server = tls ? httpsServer(settings, tls) : createServer(serverOptions(settings))
      const host = new NodeHost(endpoint, settings)
      server.on('request', host.handle)
      server.on('connection', (socket: Socket) => socket.on('error', ignore))
      host.limits = new ConnectionLimits(server, settings, sink)
      const unused = new UnusedSockets(server, { isTls: tls !== undefined })
      if (tls) refuseCertificates(server as HttpsServer, tls, sink)
      const watching = tls && watchTls(server as HttpsServer, tls, sink.error)
      const listen = (): void => void server.listen({ host: settings.host, port: settings.port })
      try {
        const refusal = tls ? undefined : HTTP_REFUSAL
        const { clock } = settings
        await bindServer(
          server,
          { requestedAddress: urlOf(settings), listen, refusal, clock },
          { sink, signal },
        )
      } catch (error) {
        watching?.[Symbol.dispose]()
        throw error
      }
      endpoint.open(sink)
      bound(server)
      const { port } = server.address() as AddressInfo
      return {
        address: urlOf({ ...settings, port }),
        close: async () => {
          bound(undefined)
          host.isClosing = true
          await close(server, { endpoint, unused, settings })
          watching?.[Symbol.dispose]()
          host.stop()
        },
      } satisfies Binding
    },
  }
}

/** Longer than load balancers keep idle connections: otherwise they would send a request on a closing one. */
const KEEP_ALIVE_TIMEOUT_MS = 80_000
/** The idle time after which the system probes a peer. */
const TCP_KEEP_ALIVE_MS = 30_000
const MAX_CHECKING_MS = 5_000
const MIN_CHECKING_MS = 20

/** Without `requestTimeout`: the endpoint limits the time of bodies, and streams stay open. */
function serverOptions({ headersTimeoutMs }: Settings): object {
  return {
    headersTimeout: headersTimeoutMs === Infinity ? 0 : headersTimeoutMs,
    connectionsCheckingInterval: Math.max(Math.min(headersTimeoutMs / 4, MAX_CHECKING_MS), MIN_CHECKING_MS),
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    IncomingMessage: FastIncomingMessage,
  }
}

function httpsServer(settings: Settings, tls: TlsServerEnd): HttpsServer {
  return createHttpsServer({
    ...serverOptions(settings),
    ...tls.current(),
    minVersion: tls.minVersion,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: tls.handshakeTimeoutMs,
    requestCert: tls.clientCertificates !== 'none',
    rejectUnauthorized: false,
  })
}

/**
 * Closes connections whose client certificate is missing or not accepted, before a request is read. A response with 401
 * would make clients of MCP look for an authorization server.
 */
function refuseCertificates(server: HttpsServer, tls: TlsServerEnd, sink: AcceptorSink): void {
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const refusal = certificateRefusal(socket, tls)
    if (!refusal) return
    sink.refused({ ...refusal, address: `http://${socket.remoteAddress ?? 'unknown'}` })
    socket.destroy()
  })
}

interface Closing {
  readonly endpoint: Endpoint
  readonly unused: UnusedSockets
  readonly settings: Settings
}

/**
 * Closes idle connections at once, and the port when no session is left: a client in a session may need a new socket to
 * respond. Other connections close after their response, or at the deadline.
 */
function close(server: HttpServer, { endpoint, unused, settings }: Closing): Promise<void> {
  const { clock, closeTimeoutMs } = settings
  return new Promise((resolve) => {
    server.closeIdleConnections()
    endpoint.close(() => {
      // What is left then are upgraded connections, which belong to other listeners. The port is free.
      let timeout = clock.deadline(closeTimeoutMs / 2, () => {
        server.closeAllConnections()
        timeout = clock.deadline(closeTimeoutMs / 4, resolve)
      })
      server.close(() => {
        timeout[Symbol.dispose]()
        resolve()
      })
      unused.close()
    })
  })
}

function urlOf({ host, port, path, tls }: Pick<Settings, 'host' | 'port' | 'path' | 'tls'>): string {
  return `${tls ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${port}${path}`
}
