/*
 * The life cycle of a listener. The state never returns to an earlier one.
 *
 *   idle --start()--> starting --bound--> open --close(), acceptor failed--> closing --> closed
 *     |                  +---- bind failed, close(), abort ------------------> closing
 *     +---- close() --------------------------------------------------------------------> closed
 *
 * A caller:  offered --> gate, session policy --> onconnection (idle transport) --> started --> ended
 *               |               +---> refused                    +---> closed after startTimeoutMs
 *               +---> refused: maxConnections, closing
 *
 * closing: refuse new callers, wait up to drainMs for pending requests, close the connections, release the address.
 */
import { isTransportError, TransportError, type TransportErrorCode, toError } from '../contract/errors.js'
import type { Admission } from '../contract/gate.js'
import type {
  Acceptor,
  AcceptorSink,
  Binding,
  Incoming,
  Listener,
  RefusedCaller,
} from '../contract/listener.js'
import type { SessionGrant } from '../contract/session-policy.js'
import type { Transport } from '../contract/transport.js'
import { layered } from '../layers/layers.js'
import {
  attempt,
  type Deferred,
  deferred,
  guarded,
  ignore,
  onAbort,
  settleWithin,
  withAbortGrace,
} from '../timing/promises.js'
import { createObservedTransport } from '../transport/create-transport.js'
import { callbackFailed } from '../transport/transport-errors.js'
import type { TransportSettings } from '../transport/transport-options.js'
import { endOnly } from '../transport/transport-parts.js'
import { admitWithRoom, requireGateFor } from './admission.js'
import { type ListenerBudget, listenerBudget } from './byte-budget.js'
import {
  type Admitted,
  ConnectionMonitor,
  type MonitorOwner,
  monitoredConnector,
} from './connection-monitor.js'
import { type ListenerOptions, type ListenerSettings, listenerOptions } from './listener-options.js'
import { admittedConnector } from './message-gate.js'
import { RefusedCallers, refusedCaller } from './refused-callers.js'
import { guardedResolver } from './resolve-caller.js'

/**
 * Makes a listener of an acceptor. It adds admission, limits, the life cycle of each connection and an orderly close.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const listener = createListener({
 *   bindsBeyondThisHost: false,
 *   async listen(sink, signal) {
 *     const server = await bind((socket) => sink.connection(incomingOf(socket)), signal)
 *     return { address: server.url, close: () => server.close() }
 *   },
 * })
 * ```
 */
export function createListener(acceptor: Acceptor, options: ListenerOptions = {}): Listener {
  return new ConnectionListener(acceptor, listenerOptions.select(options))
}

type Life =
  | { readonly name: 'idle' }
  | { readonly name: 'starting'; readonly controller: AbortController }
  | { readonly name: 'open'; readonly binding: Binding }
  | { readonly name: 'closing' }
  | { readonly name: 'closed' }

class ConnectionListener implements Listener {
  onconnection: ((connection: Transport) => void) | undefined
  onerror: ((error: Error) => void) | undefined
  onrefused: ((caller: RefusedCaller) => void) | undefined
  onclose: (() => void) | undefined
  readonly connections: Set<Transport> = new Set()

  readonly #acceptor: Acceptor
  readonly #settings: ListenerSettings
  /** Shared by all connections. */
  readonly #transportSettings: TransportSettings
  readonly #closed: Deferred<Error | undefined> = deferred()
  /** Aborts all pending admissions. */
  readonly #admitting = new AbortController()
  readonly #monitors = new Set<ConnectionMonitor>()
  /** The callers that wait for the gate. */
  readonly #admissions = new Map<Incoming, Promise<void>>()
  readonly #refusedCallers: RefusedCallers
  readonly #budget: ListenerBudget
  /** Whether `close()` was called during `starting`, which makes the end an orderly one. */
  #isClosing = false
  #life: Life = { name: 'idle' }
  #address: string | undefined

  constructor(acceptor: Acceptor, settings: ListenerSettings) {
    this.#acceptor = acceptor
    this.#settings = settings
    const { closeTimeoutMs, clock, maxTotalBytes } = settings
    this.#transportSettings = { closeTimeoutMs, clock }
    this.#budget = listenerBudget(maxTotalBytes, clock, this.#report)
    this.#refusedCallers = new RefusedCallers(clock, (caller) => this.#callOnRefused(caller))
  }

  get closed(): Promise<Error | undefined> {
    return this.#closed.promise
  }

  get address(): string | undefined {
    return this.#address
  }

  get url(): string {
    if (this.#address !== undefined) return this.#address
    throw new TransportError('NOT_STARTED', 'the listener has no url before start() has succeeded', undefined)
  }

  /** Set by an SDK server that is connected to the listener by mistake. */
  set onmessage(_callback: unknown) {
    rejectAsTransport(this)
  }

  async send(): Promise<never> {
    return rejectAsTransport(this)
  }

  async start({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { name } = this.#life
    if (name === 'closing' || name === 'closed') throw listenerClosed()
    if (name !== 'idle')
      throw new TransportError('ALREADY_STARTED', 'this listener was started before', undefined)
    const controller = new AbortController()
    this.#life = { name: 'starting', controller }
    const unsubscribe = onAbort(signal, () => controller.abort(signal?.reason))
    try {
      await this.#bind(controller.signal)
    } catch (error) {
      const reason = controller.signal.aborted ? controller.signal.reason : error
      this.#life = { name: 'closing' }
      await this.#closeConnections(0)
      this.#end(this.#isClosing ? undefined : toError(reason))
      throw reason
    } finally {
      unsubscribe()
    }
  }

  async close({ drainMs = 0 }: { drainMs?: number | undefined } = {}): Promise<void> {
    const life = this.#life
    if (life.name === 'idle') this.#end(undefined)
    else if (life.name === 'open') void this.#shutDown(life.binding, drainMs, undefined)
    else if (life.name === 'starting' && !life.controller.signal.aborted) {
      this.#isClosing = true
      life.controller.abort(listenerClosed())
    }
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #bind(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { gate, resolveCaller, clock, closeTimeoutMs: graceMs } = this.#settings
    if (this.#acceptor.bindsBeyondThisHost) requireGateFor(gate)
    const sink: AcceptorSink = {
      budget: this.#budget.budget,
      ...(resolveCaller && { resolve: guardedResolver(resolveCaller, this.#report) }),
      connection: (incoming) => this.#offer(incoming),
      error: this.#report,
      refused: (caller) => this.#refused(caller),
      end: (error) => this.#acceptorFailed(error),
    }
    const discard = (late: Binding): void => {
      attempt(() => late.close()).catch(ignore)
    }
    const listen = (): Promise<Binding> => this.#acceptor.listen(sink, signal)
    const binding = await withAbortGrace(listen, { signal, clock, graceMs, discard })
    if (signal.aborted) {
      const closing = attempt(() => binding.close())
      await this.#unbound(binding, closing)
      throw signal.reason
    }
    this.#address = binding.address
    this.#life = { name: 'open', binding }
  }

  #acceptorFailed(error: Error): void {
    if (this.#life.name === 'open') void this.#shutDown(this.#life.binding, 0, error)
    else if (this.#life.name === 'starting') this.#life.controller.abort(error)
  }

  #offer(incoming: Incoming): void {
    const { maxConnections } = this.#settings
    if (!this.#isAccepting) {
      this.#refuse(incoming, SHUTTING_DOWN)
    } else if (this.connections.size + this.#admissions.size >= maxConnections && !incoming.makeRoom?.()) {
      this.#refuse(incoming, 'the server has reached its limit of connections')
      const reason = `maxConnections (${maxConnections}) callers are connected or wait for the gate`
      this.#reportRefusal(incoming, { status: 503, reason, option: 'maxConnections' })
    } else {
      this.#admissions.set(incoming, this.#admit(incoming))
    }
  }

  /** Never rejects. */
  async #admit(incoming: Incoming): Promise<void> {
    const outcome = await admitWithRoom(incoming, this.#settings, this.#admitting.signal)
    this.#admissions.delete(incoming)
    if (!outcome.admitted) {
      if (outcome.error) this.#report(outcome.error)
      guarded(() => incoming.refuse(outcome.refusal), this.#reportAny)
      this.#reportRefusal(incoming, outcome.refusal)
      return
    }
    if (this.#admitting.signal.aborted || !this.onconnection) {
      const reason = this.onconnection ? SHUTTING_DOWN : 'the server has no connection handler'
      this.#refuse(incoming, reason)
      this.#reportRefusal(incoming, { status: 503, reason })
      this.#releaseGrant(outcome.grant)
      return
    }
    try {
      this.#connect(incoming, outcome)
    } catch (error) {
      this.#report(toError(error))
      this.#refuse(incoming, 'the server could not serve the connection')
      this.#releaseGrant(outcome.grant)
    }
  }

  /** Throws the error of a layer. */
  #connect(incoming: Incoming, admitted: Admitted): void {
    const { clock, startTimeoutMs } = this.#settings
    const { grant, admission } = admitted
    if (grant) incoming.onGrant?.(grant)
    const monitor = new ConnectionMonitor({ incoming, ...(grant && { grant }), clock, owner: this.#owner })
    const connection = this.#connectionOf(incoming, monitor, admission)
    this.connections.add(connection)
    this.#monitors.add(monitor)
    monitor.start(connection, startTimeoutMs, admission)
    if (connection.state === 'idle') this.#callOnConnection(connection)
  }

  #connectionOf(incoming: Incoming, monitor: ConnectionMonitor, admission: Admission): Transport {
    const { layers = [] } = this.#settings
    const connector = admittedConnector(incoming, admission, {
      settings: this.#settings,
      budget: this.#budget.budget,
      report: this.#report,
      refused: (refusal) => this.#reportRefusal(incoming, refusal),
    })
    // Without layers the transport itself calls the monitor, which saves memory (decision 018).
    if (layers.length === 0 && admission.authInfo === undefined) {
      return createObservedTransport(connector, this.#transportSettings, monitor)
    }
    const inner = monitoredConnector(connector, monitor, admission.authInfo)
    return createObservedTransport(layered(inner, layers), this.#transportSettings, endOnly(monitor))
  }

  readonly #owner: MonitorOwner = {
    ended: (monitor) => {
      const { connection, incoming, grant } = monitor
      if (connection) this.connections.delete(connection)
      this.#monitors.delete(monitor)
      if (incoming) void this.#refuseUnstarted(incoming, connection)
      this.#releaseGrant(grant)
    },
    replaced: (connection, successor) => {
      this.connections.delete(connection)
      this.connections.add(successor)
    },
    report: (error) => this.#report(error),
  }

  /** Never rejects. */
  async #refuseUnstarted(incoming: Incoming, connection: Transport | undefined): Promise<void> {
    const reason = await connection?.closed
    const isUpstream = isTransportError(reason) && UPSTREAM_CODES.includes(reason.code)
    const upstream = 'the upstream server could not be started or reached'
    this.#refuse(incoming, isUpstream ? upstream : 'the server did not start the connection')
  }

  #callOnConnection(connection: Transport): void {
    guarded(
      () => this.onconnection?.(connection),
      (cause) => {
        const error = callbackFailed('onconnection', cause)
        this.#report(error)
        void connection.close({ reason: error })
      },
    )
  }

  #releaseGrant(grant: SessionGrant | undefined): void {
    guarded(() => grant?.release?.(), this.#reportAny)
  }

  /** Whether callers are admitted. */
  get #isAccepting(): boolean {
    return this.#life.name === 'open' || this.#life.name === 'starting'
  }

  #reportRefusal(
    { handshake, connector }: Incoming,
    refusal: Pick<RefusedCaller, 'status' | 'reason' | 'option'>,
  ): void {
    const address = connector.peer?.address ?? handshake.remote.address ?? handshake.medium
    this.#refused(refusedCaller(handshake, { ...refusal, address }))
  }

  #refused(caller: Omit<RefusedCaller, 'omitted'>): void {
    if (this.#isAccepting && this.onrefused) this.#refusedCallers.add(caller)
  }

  #callOnRefused(caller: RefusedCaller): void {
    guarded(
      () => this.onrefused?.(caller),
      (cause) => this.#report(callbackFailed('onrefused', cause)),
    )
  }

  #refuse(incoming: Incoming, reason: string): void {
    guarded(() => incoming.refuse({ admit: false, status: 503, reason }), this.#reportAny)
  }

  /** Never rejects. */
  async #shutDown(binding: Binding, drainMs: number, reason: Error | undefined): Promise<void> {
    this.#life = { name: 'closing' }
    const closing = attempt(() => binding.close())
    // Its error is reported by #unbound.
    closing.catch(ignore)
    await this.#closeConnections(drainMs)
    await this.#unbound(binding, closing)
    this.#end(reason)
  }

  /** Refuses waiting callers, waits for pending requests, then closes the connections. Never rejects. */
  async #closeConnections(drainMs: number): Promise<void> {
    this.#admitting.abort()
    await Promise.all(this.#admissions.values())
    if (drainMs > 0) {
      const idle = Promise.all([...this.#monitors].map((each) => each.idle()))
      await settleWithin(idle, { clock: this.#settings.clock, ms: drainMs, failed: ignore, late: ignore })
    }
    await Promise.all([...this.connections].map((connection) => connection.close()))
  }

  async #unbound({ address }: Binding, closing: Promise<void>): Promise<void> {
    const { clock, closeTimeoutMs } = this.#settings
    const message = `${address} was not released within closeTimeoutMs (${closeTimeoutMs} ms)`
    const late = (): void => this.#report(new TransportError('LISTEN_FAILED', message, { address }))
    await settleWithin(closing, { clock, ms: closeTimeoutMs, failed: this.#report, late })
  }

  #end(reason: Error | undefined): void {
    if (this.#life.name === 'closed') return
    this.#life = { name: 'closed' }
    this.#refusedCallers.stop()
    this.#budget.stop()
    this.#admitting.abort()
    if (reason !== undefined) this.#report(reason)
    this.#closed.resolve(reason)
    guarded(() => this.onclose?.(), this.#reportAny)
  }

  readonly #reportAny = (error: unknown): void => this.#report(toError(error))

  readonly #report = (error: Error): void => {
    // A failure of the error callback cannot be reported.
    guarded(() => this.onerror?.(error), ignore)
  }
}

/** The codes of a reason from another connection, such as that of a bridge to its server. */
const UPSTREAM_CODES: readonly TransportErrorCode[] = ['CONNECT_FAILED', 'CONNECT_TIMEOUT', 'PROCESS_EXITED']

const SHUTTING_DOWN = 'the server is shutting down'
function rejectAsTransport(received: Listener): never {
  const hint = 'use serve(listener, accept), where accept connects a server to each connection'
  throw new TransportError('INVALID_OPTION', 'a listener is no transport', {
    option: 'transport',
    received,
    hint,
  })
}

function listenerClosed(): TransportError {
  return new TransportError('CLOSED', 'the listener is closed', undefined)
}
