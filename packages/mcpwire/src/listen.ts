import {
  type ByteBudget,
  createByteBudget,
  isTransportError,
  type Listener,
  type Pipe,
  pipe,
  type RefusedCaller,
  serve,
  type TlsSource,
  type Transport,
  TransportError,
} from '@mcpwire/core'
import type { HttpServerListener } from '@mcpwire/http/node'
import { type Access, createAccess } from './access.js'
import type { AccessFlags } from './access-flags.js'
import { type ConnectionQuota, createConnectionQuota, NO_CAPACITY } from './connection-quota.js'
import { endpoint, isHttp, isSecure, isTcp, listenerAt, mediumOf } from './endpoint.js'
import type { Endpoint, EndpointOptions } from './endpoint-provider.js'
import { type ListenCertificateFiles, listenCertificates } from './listen-certificates.js'
import { logInBursts, logTraffic, monitorServer, oncePerError } from './logging.js'
import { UsageError, usageMessage } from './program.js'
import { log, logError } from './report.js'
import { sharedPorts } from './shared-ports.js'
import { onFirstSignal } from './signals.js'

const NAME = 'mcpwire bridge'
const ANONYMOUS = '--allow-anonymous: clients on other hosts are admitted without authentication'

// client ⇄ listener (gate, quota) ⇄ pipe ⇄ monitorServer ⇄ server, once for each client
//
// listening     → shutting down: a signal, or the end of a listener; no client is admitted any more
// shutting down → exit:          requests in flight have drainMs, then all servers end
// any           → exit:          a second signal

/** Options of a bridge that listens. */
export interface ListenBridgeOptions {
  /** URLs to listen at. */
  readonly urls: readonly string[]
  /** The most clients at a time, at all URLs together. */
  readonly maxConnections: number
  /** How long a session over HTTP may have no open stream and no request in flight, in milliseconds. */
  readonly sessionIdleMs: number
  /** The most bytes that all connections hold together. */
  readonly maxTotalBytes: number
  /** How long requests in flight may take when the bridge shuts down, in milliseconds. */
  readonly drainMs: number
  /** The flags that decide which clients are admitted. They were checked by `checkAccess()`. */
  readonly access: AccessFlags
  /** Certificate and authorities for URLs with TLS. */
  readonly tls: ListenCertificateFiles
  readonly server: EndpointOptions & { readonly maxMessageBytes: number; readonly closeTimeoutMs: number }
  /** Whether to log the start and the traffic of each server, besides errors. */
  readonly verbose: boolean
}

/** What all listeners and connections of a bridge share. */
interface Common {
  readonly quota: ConnectionQuota
  readonly budget: ByteBudget
  readonly access: Access
  readonly logBurst: ReturnType<typeof logInBursts>
  /** The certificates, where a URL has TLS. */
  readonly source: (TlsSource & Disposable) | undefined
}

/** A listener and its URL on the command line. */
interface UrlListener {
  readonly url: string
  listener: Listener
}

/**
 * Connects each client at any of the URLs to its own server: a new process if the server is a command.
 * A signal, or the end of a listener, closes all connections. Then the promise resolves with the exit code: 0 for an
 * orderly end, 1 otherwise.
 *
 * Rejects with `UsageError` or `INVALID_OPTION` if an option is invalid.
 */
export async function listenBridge(target: Endpoint, options: ListenBridgeOptions): Promise<number> {
  // Opens nothing, but rejects invalid options before the first client connects.
  await endpoint(target, options.server)
  const logBurst = logInBursts()
  const { maxConnections, maxTotalBytes, tls } = options
  const access = await createAccess(options.access, (text) => log(NAME, text, 'warn'))
  const shared = sharedPorts(options.urls)
  const secureUrl = options.urls.find(isSecure)
  const source =
    secureUrl === undefined
      ? undefined
      : await withUsageErrors(secureUrl, async () => listenCertificates(tls, NAME))
  const common: Common = {
    quota: createConnectionQuota(maxConnections),
    budget: createByteBudget({ maxTotalBytes }, (error) => logError(NAME, error, 'client')),
    access,
    logBurst,
    source,
  }
  const listeners: UrlListener[] = []
  for (const url of options.urls) listeners.push({ url, listener: await listenerFor(url, options, common) })
  const connections = new BridgedConnections(target, options, common)
  if (options.access.allowAnonymous) log(NAME, ANONYMOUS, 'warn')
  let isShuttingDown = false
  const shutDown = async (drainMs: number): Promise<void> => {
    isShuttingDown = true
    await Promise.all(listeners.map(({ listener }) => listener.close({ drainMs })))
    await connections.closed()
    source?.[Symbol.dispose]()
    access[Symbol.dispose]()
  }
  onFirstSignal(NAME, () => void shutDown(options.drainMs))
  try {
    for (const [at, each] of listeners.entries()) if (!shared.has(at)) await startListener(each, connections)
    for (const [at, partner] of shared) {
      const each = listeners[at] as UrlListener
      const { server } = (listeners[partner] as UrlListener).listener as HttpServerListener
      each.listener = await listenerFor(each.url, options, common, server)
      await startListener(each, connections)
    }
  } catch (error) {
    const wasShuttingDown = isShuttingDown
    await shutDown(0)
    if (error instanceof UsageError) throw error
    return wasShuttingDown ? 0 : 1
  }
  for (const { listener } of listeners) log(NAME, `listening on ${listener.address}`)
  const reason = await Promise.race(listeners.map(({ listener }) => listener.closed))
  await shutDown(options.drainMs)
  return reason ? 1 : 0
}

async function listenerFor(
  url: string,
  options: ListenBridgeOptions,
  { quota, budget, access, source }: Common,
  server?: HttpServerListener['server'],
): Promise<Listener> {
  const { maxConnections, sessionIdleMs } = options
  const { maxMessageBytes, closeTimeoutMs, pingIntervalMs } = options.server
  const settings = {
    ...access.optionsFor(url, () => listener.address),
    sessionPolicy: quota.policy,
    maxConnections,
    maxTotalBytes: budget,
    maxMessageBytes,
    closeTimeoutMs,
  }
  const listener: Listener = await withUsageErrors(url, () =>
    listenerAt(url, {
      ...settings,
      ...(server ? { server } : source && isSecure(url) && { tls: { source } }),
      ...(isTcp(url) && { pingIntervalMs }),
      ...(isHttp(url) && { idleTimeoutMs: sessionIdleMs }),
    }),
  )
  return listener
}

/** Starts a listener. Logs the error that it rejects with, except for usage errors. */
async function startListener({ url, listener }: UrlListener, connections: BridgedConnections): Promise<void> {
  listener.onrefused = (caller) => logError(NAME, refusal(caller, connections.maxConnections), 'client')
  listener.onerror = (error) => {
    if (!isTransportError(error, 'INVALID_OPTION')) connections.common.logBurst(NAME, error, 'client')
  }
  await withUsageErrors(url, () => serve(listener, (client) => connections.add(client)))
}

/** A refused client as an error for the log. */
function refusal({ address, status, omitted, ...caller }: RefusedCaller, maxConnections: number): Error {
  const isQuota = caller.reason === NO_CAPACITY
  const reason = isQuota ? `maxConnections (${maxConnections}) connections are open` : caller.reason
  const others = omitted > 0 ? `; ${omitted} more callers were refused` : ''
  const option = isQuota ? 'maxConnections' : caller.option
  return new TransportError('REFUSED', `${address} was refused (${status}): ${reason}${others}`, {
    status,
    ...(option !== undefined && { option }),
  })
}

/** Turns `INVALID_OPTION` into an error about `--listen`. */
async function withUsageErrors<T>(url: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (!isTransportError(error, 'INVALID_OPTION')) throw error
    throw new UsageError(`--listen ${url}: ${usageMessage(error, 'client')}`)
  }
}

/** The open connections, each a client and its server. */
class BridgedConnections {
  readonly #target: Endpoint
  readonly #options: ListenBridgeOptions
  readonly common: Common
  readonly #open = new Set<Pipe>()
  #count = 0

  constructor(target: Endpoint, options: ListenBridgeOptions, common: Common) {
    this.#target = target
    this.#options = options
    this.common = common
  }

  get maxConnections(): number {
    return this.#options.maxConnections
  }

  /** Connects a client to its own server. Logs errors of both. */
  async add(client: Transport): Promise<void> {
    const { server: settings, drainMs, verbose } = this.#options
    const source = { name: NAME, connection: ++this.#count, caller: client.peer?.address }
    const server = await endpoint(this.#target, settings)
    const ofClient = { ...source, wire: client.peer?.medium }
    const ofServer = { ...source, wire: mediumOf(this.#target) }
    // A signal may have closed the client meanwhile.
    if (client.state !== 'idle') return
    const report = oncePerError((error: Error, side: 'a' | 'b') => {
      // At a limit of all connections, many of them end at once.
      const write = isTransportError(error, 'OVERLOADED') ? this.common.logBurst : logError
      if (side === 'a') write(ofClient, error, 'client')
      else write(ofServer, error)
    })
    const { transport } = monitorServer(server, { source: ofServer, report: (error) => report(error, 'b') })
    const connection = pipe(client, verbose ? logTraffic(transport, ofServer) : transport, {
      onError: report,
      drainTimeoutMs: drainMs,
      budget: this.common.budget,
    })
    this.#open.add(connection)
    void client.closed.then(() => this.common.quota.holdUntil(connection.closed))
    void connection.closed.then(() => this.#open.delete(connection))
  }

  /** Resolves once all connections are closed, including their servers. */
  async closed(): Promise<void> {
    await Promise.all([...this.#open].map(({ closed }) => closed))
  }
}
