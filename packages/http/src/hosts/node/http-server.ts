import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, isIPv6, type Socket } from 'node:net'
import { localOnly, TransportError } from '@mcpwire/core'
import {
  type Acceptor,
  type AcceptorSink,
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
  loadTlsServer,
  type TlsServerEnd,
  type TlsServerOptions,
  watchTls,
} from '@mcpwire/core/node'
import { Endpoint } from '../../server/endpoint.js'
import type { HttpListener } from '../../server/http-listener.js'
import {
  type HttpEndpointOptions,
  httpEndpointDefaults,
  knownEndpointOptions,
  requireEndpointOptions,
  requirePath,
} from '../../server/request/endpoint-options.js'
import { Departures } from './departures.js'
import { NodeExchange } from './node-exchange.js'
import { Pipelines } from './pipelines.js'
import { ServedMessage } from './served-message.js'
import { socketStalls } from './socket-stalls.js'
import { UnusedSockets } from './unused-sockets.js'

/** Options of an HTTP server. */
export interface HttpServerOptions extends HttpEndpointOptions {
  /** Port to listen on; 0 for one that is free. */
  port: number
  /**
   * Address to listen on. Beyond this host, `start()` asks for a `gate`.
   * @defaultValue '127.0.0.1'
   */
  host?: string | undefined
  /**
   * Path of the endpoint.
   * @defaultValue '/mcp'
   */
  path?: string | undefined
  /**
   * Serves `https:`, with the certificate in `certFile` and `keyFile`, or as content in `cert` and `key`, with
   * `passphrase`; a `source` of these that may change; `caFile` or `ca` for the authorities of callers, and
   * `clientCertificates` (`'none'`, `'optional'`, `'required'`) for whether they must have one of theirs;
   * `minVersion`, `'TLSv1.3'` unless given; and `handshakeTimeoutMs`, 10 000.
   * @defaultValue undefined
   */
  tls?: TlsServerOptions | undefined
  /**
   * How long a caller may take over the headers of a request, in milliseconds; then it is answered with 408.
   * @defaultValue 10_000
   */
  headersTimeoutMs?: number | undefined
  /**
   * Most connections of clients at once, whatever is said on them; further ones are cut off. Ten for each of
   * `maxConnections` unless given.
   * @defaultValue undefined
   */
  maxSockets?: number | undefined
}

/** What `httpServer` uses for options that are not given. */
export const httpServerDefaults: {
  readonly host: '127.0.0.1'
  readonly path: '/mcp'
  readonly headersTimeoutMs: 10_000
} & typeof httpEndpointDefaults = {
  host: '127.0.0.1',
  path: '/mcp',
  headersTimeoutMs: 10_000,
  ...httpEndpointDefaults,
}

const known: KnownOptions<HttpServerOptions> = {
  ...httpServerDefaults,
  ...knownEndpointOptions,
  port: 1,
  tls: 1,
  maxSockets: 1,
}

/**
 * A listener for MCP over HTTP on a port of its own, which yields a connection for each session. Without a gate it
 * serves callers on this host only, by their address, `Host` and `Origin`. Binds nothing until `start()`.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function httpServer(options: HttpServerOptions): HttpListener {
  requireKnownOptions(options, known)
  const settings = resolveOptions(httpServerDefaults, options)
  requireText('host', settings.host)
  requireInteger('port', settings.port, 0, 65_535)
  requirePath('path', settings.path)
  requireInRange('headersTimeoutMs', settings.headersTimeoutMs, 1, Infinity)
  if (settings.maxSockets !== undefined) requireInteger('maxSockets', settings.maxSockets, 1, Infinity)
  requireEndpointOptions(settings)
  const tls = settings.tls === undefined ? undefined : loadTlsServer(settings.tls)
  const bindsBeyondThisHost = settings.host !== 'localhost' && !isLoopback(settings.host)
  const gate = settings.gate ?? (bindsBeyondThisHost ? undefined : localOnly())
  const endpoint = new Endpoint({ ...settings, gate }, settings.path)
  const acceptor = acceptorOf(settings, { endpoint, tls, bindsBeyondThisHost })
  const listener = createListener(acceptor, { ...settings, gate: endpoint.gate })
  return Object.assign(listener, { notify: endpoint.notify })
}

type Settings = ReturnType<typeof resolveOptions<typeof httpServerDefaults, HttpServerOptions>>

interface Parts {
  readonly endpoint: Endpoint
  readonly tls: TlsServerEnd | undefined
  readonly bindsBeyondThisHost: boolean
}

function acceptorOf(settings: Settings, { endpoint, tls, bindsBeyondThisHost }: Parts): Acceptor {
  return {
    bindsBeyondThisHost,
    listen: async (door, signal) => {
      let isClosing = false
      const server = tls ? httpsServer(settings, tls) : createServer(serverOptions(settings))
      const stalls = socketStalls(settings)
      const departures = new Departures(stalls)
      const pipelines = new Pipelines(stalls, settings.maxQueuedBytes)
      const exchanges = { ...settings, departures, stalls, pipelines, isClosing: () => isClosing }
      const serve = (request: IncomingMessage, response: ServerResponse): void =>
        endpoint.handle(new NodeExchange(request, response, exchanges))
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        if (pipelines.isBehind(response)) pipelines.add(request, response, () => serve(request, response))
        else serve(request, response)
      })
      server.on('connection', (socket: Socket) => socket.on('error', ignore))
      limitSockets(server, settings, door)
      const unused = new UnusedSockets(server, { isTls: tls !== undefined })
      const watching = tls && watchTls(server as HttpsServer, tls, door.error)
      const { host, port: requestedPort } = settings
      const listen = (): void => void server.listen({ host, port: requestedPort })
      try {
        await bindServer(server, { requestedAddress: urlOf(settings), listen }, { sink: door, signal })
      } catch (error) {
        watching?.[Symbol.dispose]()
        throw error
      }
      endpoint.open(door)
      const { port } = server.address() as AddressInfo
      return {
        address: urlOf({ ...settings, port }),
        close: async () => {
          isClosing = true
          await closed(server, { endpoint, unused, settings })
          watching?.[Symbol.dispose]()
          stalls.stop()
        },
      } satisfies Binding
    },
  }
}

const SOCKETS_PER_CONNECTION = 10

/** Nobody was asked yet who calls: without a limit anybody could take all the files that may be open. */
function limitSockets(server: HttpServer | HttpsServer, settings: Settings, door: AcceptorSink): void {
  const { maxConnections, maxSockets = maxConnections * SOCKETS_PER_CONNECTION } = settings
  server.maxConnections = maxSockets
  server.on('drop', () => {
    const message = `a caller was cut off: ${maxSockets} connections are open (maxSockets)`
    door.error(new TransportError('REFUSED', message, { status: 503 }))
  })
}

/** Longer than load balancers keep theirs, lest they send a request on a connection that is about to close. */
const KEEP_ALIVE_TIMEOUT_MS = 80_000
/** How long a socket may be silent before the system finds out whether its peer is still there. */
const TCP_KEEP_ALIVE_MS = 30_000
const MOST_CHECKING_MS = 5_000
const LEAST_CHECKING_MS = 20

/** The deadline for bodies is the endpoint's, which has streams to keep open besides. */
function serverOptions({ headersTimeoutMs }: Settings): object {
  const isLimited = headersTimeoutMs !== Infinity
  return {
    headersTimeout: isLimited ? headersTimeoutMs : 0,
    connectionsCheckingInterval: Math.max(
      Math.min(headersTimeoutMs / 4, MOST_CHECKING_MS),
      LEAST_CHECKING_MS,
    ),
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    IncomingMessage: ServedMessage,
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
    rejectUnauthorized: tls.clientCertificates === 'required',
  })
}

function ignore(): void {}

interface Closing {
  readonly endpoint: Endpoint
  readonly unused: UnusedSockets
  readonly settings: Settings
}

/**
 * Ends idle connections at once and listens for as long as there are sessions: a client answers what it is asked with
 * another request, for which it may have no socket left. Then ends connections with an answer under way after it, and
 * none later than in time.
 */
function closed(server: HttpServer, { endpoint, unused, settings }: Closing): Promise<void> {
  const { clock, closeTimeoutMs } = settings
  return new Promise((resolve) => {
    server.closeIdleConnections()
    endpoint.close(() => {
      const late = clock.deadline(closeTimeoutMs / 2, () => server.closeAllConnections())
      server.close(() => {
        late[Symbol.dispose]()
        resolve()
      })
      unused.close()
    })
  })
}

function urlOf({ host, port, path, tls }: Pick<Settings, 'host' | 'port' | 'path' | 'tls'>): string {
  return `${tls ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${port}${path}`
}
