import type { Clock } from '../contract/clock.js'
import type { Layer } from '../contract/connector.js'
import { TransportError, toError } from '../contract/errors.js'
import { type Admission, type Gate, requireGate } from '../contract/gate.js'
import type { Acceptor, AcceptorSink, Binding, Incoming, Listener } from '../contract/listener.js'
import {
  callback,
  clock,
  inRange,
  integer,
  list,
  objectWith,
  optional,
  rule,
} from '../contract/option-rules.js'
import {
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  options,
} from '../contract/option-table.js'
import { invalidOption } from '../contract/options.js'
import type { SessionGrant, SessionPolicy } from '../contract/session-policy.js'
import type { Transport } from '../contract/transport.js'
import { layered } from '../layers/layers.js'
import { attempt, guarded, ignore, settleWithin, withAbortGrace } from '../timing/promises.js'
import { createWatchedTransport } from '../transport/create-transport.js'
import { callbackFailed } from '../transport/transport-errors.js'
import type { TransportSettings } from '../transport/transport-parts.js'
import { endOnly } from '../transport/transport-watch.js'
import { admit } from './admission.js'
import {
  type Admitted,
  ConnectionMonitor,
  type MonitorOwner,
  monitoredConnector,
} from './connection-monitor.js'

/** Options every listener has, whatever it listens on. */
export interface ListenerOptions {
  /**
   * Who may talk: its `admit(handshake)` answers `{ admit: true, authInfo }`, or `{ admit: false, status, reason }`.
   * Required where callers on other hosts can reach the listener.
   * @defaultValue undefined
   */
  gate?: Gate | undefined
  /**
   * How long a gate may take to decide, in milliseconds; after that the caller is refused.
   * @defaultValue 5_000
   */
  gateTimeoutMs?: number | undefined
  /**
   * Layers around every connection, outermost first.
   * @defaultValue undefined
   */
  layers?: readonly Layer[] | undefined
  /**
   * Who may open a session and how long it lives: its `open(handshake, admission)` answers `{ admit: true }`, with
   * `lifetimeMs`, `idleTimeoutMs` and `release` as wanted, or what a gate refuses with.
   * @defaultValue undefined
   */
  sessionPolicy?: SessionPolicy | undefined
  /**
   * How many callers may be connected or waiting for the gate at once; further ones are refused with 503.
   * @defaultValue 1_000
   */
  maxConnections?: number | undefined
  /**
   * How long an admitted connection may stay unstarted, in milliseconds, before it is closed.
   * @defaultValue 10_000
   */
  startTimeoutMs?: number | undefined
  /**
   * How long closing one connection may take, in milliseconds.
   * @defaultValue 2_000
   */
  closeTimeoutMs?: number | undefined
  /**
   * Where deadlines come from.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** The options of a listener that may be left out and have no default. */
export type OptionalListenerOptions = 'gate' | 'layers' | 'sessionPolicy'

/** The options of every listener. */
export const listenerOptions: OptionTable<ListenerOptions, OptionalListenerOptions> = options<
  ListenerOptions,
  OptionalListenerOptions
>({
  gate: optional(rule(requireGate)),
  gateTimeoutMs: inRange(1, Infinity, 5_000),
  layers: optional(list(callback<Layer>())),
  sessionPolicy: optional(objectWith<SessionPolicy>(['open'], 'a SessionPolicy')),
  maxConnections: integer(1, Infinity, 1_000),
  startTimeoutMs: inRange(1, Infinity, 10_000),
  closeTimeoutMs: inRange(0, Infinity, 2_000),
  clock: clock(),
})

/** What a listener uses for options that are not given. */
export const listenerDefaults: OptionDefaults<ListenerOptions, OptionalListenerOptions> =
  listenerOptions.defaults

/**
 * Makes a listener of an acceptor: admission, limits, the life of each connection and the orderly end of all.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function createListener(acceptor: Acceptor, options: ListenerOptions = {}): Listener {
  return new ConnectionListener(acceptor, listenerOptions.select(options))
}

type ListenerSettings = OptionSettings<ListenerOptions, OptionalListenerOptions>

type Life =
  | { readonly name: 'idle' }
  | { readonly name: 'starting'; readonly controller: AbortController }
  | { readonly name: 'open'; readonly binding: Binding }
  | { readonly name: 'closing' }
  | { readonly name: 'closed' }

class ConnectionListener implements Listener {
  onconnection: ((connection: Transport) => void) | undefined
  onerror: ((error: Error) => void) | undefined
  onclose: (() => void) | undefined
  readonly connections: Set<Transport> = new Set()
  readonly closed: Promise<Error | undefined>

  readonly #acceptor: Acceptor
  readonly #settings: ListenerSettings
  /** One for all connections. */
  readonly #transportSettings: TransportSettings
  readonly #settleClosed: (reason: Error | undefined) => void
  /** Aborted when nobody is admitted any more. */
  readonly #door = new AbortController()
  readonly #supervisions = new Set<ConnectionMonitor>()
  /** The callers who wait for the gate. */
  readonly #admissions = new Map<Incoming, Promise<void>>()
  /** That `close()` was called while starting, which makes the end an orderly one. */
  #isClosing = false
  #life: Life = { name: 'idle' }
  #address: string | undefined

  constructor(acceptor: Acceptor, settings: ListenerSettings) {
    this.#acceptor = acceptor
    this.#settings = settings
    const { closeTimeoutMs, clock } = settings
    this.#transportSettings = { closeTimeoutMs, clock }
    let settle!: (reason: Error | undefined) => void
    this.closed = new Promise((resolve) => {
      settle = resolve
    })
    this.#settleClosed = settle
  }

  get address(): string | undefined {
    return this.#address
  }

  get url(): string {
    if (this.#address !== undefined) return this.#address
    throw new TransportError('NOT_STARTED', 'the listener has no url before start() has succeeded', undefined)
  }

  /** What an SDK sets when it takes this for a transport. */
  set onmessage(_callback: unknown) {
    this.#noTransport()
  }

  async send(): Promise<never> {
    return this.#noTransport()
  }

  async start(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { name } = this.#life
    if (name === 'closing' || name === 'closed') {
      throw new TransportError('CLOSED', 'the listener is closed', undefined)
    }
    if (name !== 'idle')
      throw new TransportError('ALREADY_STARTED', 'this listener was started before', undefined)
    const { signal } = options
    const controller = new AbortController()
    this.#life = { name: 'starting', controller }
    const abort = (): void => controller.abort(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await this.#bind(controller.signal)
    } catch (error) {
      const reason = controller.signal.aborted ? controller.signal.reason : error
      this.#life = { name: 'closing' }
      await this.#clear(0)
      this.#end(this.#isClosing ? undefined : toError(reason))
      throw reason
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  async close(options: { drainMs?: number | undefined } = {}): Promise<void> {
    const life = this.#life
    if (life.name === 'idle') this.#end(undefined)
    else if (life.name === 'open') void this.#wind(life.binding, options.drainMs ?? 0, undefined)
    else if (life.name === 'starting' && !life.controller.signal.aborted) {
      this.#isClosing = true
      life.controller.abort(new TransportError('CLOSED', 'the listener is closed', undefined))
    }
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #noTransport(): never {
    const message =
      'this is a listener: use serve(listener, accept), where accept connects a server to each connection'
    throw new TransportError('INVALID_OPTION', message, { option: 'transport', received: this })
  }

  async #bind(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { gate } = this.#settings
    if (this.#acceptor.bindsBeyondThisHost && !gate) {
      invalidOption(
        'gate',
        gate,
        'given when callers on other hosts can connect: a Gate, or allowAll() to admit anyone',
      )
    }
    const door: AcceptorSink = {
      connection: (incoming) => this.#offer(incoming),
      error: this.#report,
      end: (error) => this.#failed(error),
    }
    const { clock, closeTimeoutMs: graceMs } = this.#settings
    const discard = (late: Binding): void => {
      attempt(() => late.close()).catch(ignore)
    }
    const listen = (): Promise<Binding> => this.#acceptor.listen(door, signal)
    const binding = await withAbortGrace(listen, { signal, clock, graceMs, discard })
    if (signal.aborted) {
      await this.#unbound(
        binding,
        attempt(() => binding.close()),
      )
      throw signal.reason
    }
    this.#address = binding.address
    this.#life = { name: 'open', binding }
  }

  #failed(error: Error): void {
    if (this.#life.name === 'open') void this.#wind(this.#life.binding, 0, error)
    else if (this.#life.name === 'starting') this.#life.controller.abort(error)
  }

  #offer(incoming: Incoming): void {
    const { maxConnections } = this.#settings
    if (this.#life.name !== 'open' && this.#life.name !== 'starting') {
      this.#refuse(incoming, 'the server is shutting down')
    } else if (this.connections.size + this.#admissions.size >= maxConnections) {
      this.#refuse(incoming, 'the server has no room for another connection')
      const message = `a caller was refused: maxConnections (${maxConnections}) are connected or waiting for the gate`
      this.#report(new TransportError('REFUSED', message, { status: 503 }))
    } else {
      this.#admissions.set(incoming, this.#admit(incoming))
    }
  }

  /** Never rejects. */
  async #admit(incoming: Incoming): Promise<void> {
    const { handshake, admission } = incoming
    const outcome = await admit(handshake, this.#settings, this.#door.signal, admission)
    this.#admissions.delete(incoming)
    if (!outcome.admitted) {
      if (outcome.error) this.#report(outcome.error)
      guarded(() => incoming.refuse(outcome.refusal), this.#reportAny)
      return
    }
    if (this.#door.signal.aborted || !this.onconnection) {
      this.#refuse(incoming, this.onconnection ? 'the server is shutting down' : 'the server accepts nobody')
      this.#releaseGrant(outcome.grant)
      return
    }
    try {
      this.#yield(incoming, outcome)
    } catch (error) {
      this.#report(toError(error))
      this.#refuse(incoming, 'the server could not serve the connection')
      this.#releaseGrant(outcome.grant)
    }
  }

  /** Throws what a layer throws. */
  #yield(incoming: Incoming, admitted: Admitted): void {
    const { clock, startTimeoutMs } = this.#settings
    const { grant, admission } = admitted
    const supervision = new ConnectionMonitor({
      incoming,
      ...(grant && { grant }),
      clock,
      owner: this.#owner,
    })
    const connection = this.#connectionOf(incoming, supervision, admission)
    this.connections.add(connection)
    this.#supervisions.add(supervision)
    supervision.watch(connection, startTimeoutMs, admission)
    if (connection.state === 'idle') this.#hand(connection)
  }

  #connectionOf({ connector }: Incoming, supervision: ConnectionMonitor, admission: Admission): Transport {
    const { layers = [] } = this.#settings
    // Where nothing is between them, the transport tells by itself, which costs a connection less.
    if (layers.length === 0 && admission.authInfo === undefined)
      return createWatchedTransport(connector, this.#transportSettings, supervision)
    const inner = monitoredConnector(connector, supervision, admission.authInfo)
    return createWatchedTransport(layered(inner, layers), this.#transportSettings, endOnly(supervision))
  }

  readonly #owner: MonitorOwner = {
    left: (supervision) => {
      const { connection, incoming, grant } = supervision
      if (connection) this.connections.delete(connection)
      this.#supervisions.delete(supervision)
      if (incoming) this.#refuse(incoming, 'the server did not serve the connection')
      this.#releaseGrant(grant)
    },
    replaced: (connection, successor) => {
      this.connections.delete(connection)
      this.connections.add(successor)
    },
    report: (error) => this.#report(error),
  }

  #hand(connection: Transport): void {
    const failed = (cause: unknown): void => {
      const error = callbackFailed('onconnection', cause)
      this.#report(error)
      void connection.close({ reason: error })
    }
    guarded(() => this.onconnection?.(connection), failed)
  }

  #releaseGrant(grant: SessionGrant | undefined): void {
    guarded(() => grant?.release?.(), this.#reportAny)
  }

  #refuse(incoming: Incoming, reason: string): void {
    guarded(() => incoming.refuse({ admit: false, status: 503, reason }), this.#reportAny)
  }

  /** Ends everything in order: the door, the requests in flight, the connections. Never rejects. */
  async #wind(binding: Binding, drainMs: number, reason: Error | undefined): Promise<void> {
    this.#life = { name: 'closing' }
    const closing = attempt(() => binding.close())
    // Heard below, once everybody is gone.
    closing.catch(ignore)
    await this.#clear(drainMs)
    await this.#unbound(binding, closing)
    this.#end(reason)
  }

  /** Turns away who waits for the gate, lets requests in flight finish, and ends the connections. Never rejects. */
  async #clear(drainMs: number): Promise<void> {
    this.#door.abort()
    await Promise.all(this.#admissions.values())
    if (drainMs > 0) {
      const quiet = Promise.all([...this.#supervisions].map((each) => each.idle()))
      await settleWithin(quiet, { clock: this.#settings.clock, ms: drainMs, failed: ignore, late: ignore })
    }
    await Promise.all([...this.connections].map((connection) => connection.close()))
  }

  async #unbound({ address }: Binding, closing: Promise<void>): Promise<void> {
    const { clock, closeTimeoutMs } = this.#settings
    const late = (): void => {
      const message = `${address} was not released within closeTimeoutMs (${closeTimeoutMs} ms)`
      this.#report(new TransportError('LISTEN_FAILED', message, { address }))
    }
    await settleWithin(closing, { clock, ms: closeTimeoutMs, failed: this.#report, late })
  }

  #end(reason: Error | undefined): void {
    if (this.#life.name === 'closed') return
    this.#life = { name: 'closed' }
    this.#door.abort()
    if (reason !== undefined) this.#report(reason)
    this.#settleClosed(reason)
    guarded(() => this.onclose?.(), this.#reportAny)
  }

  readonly #reportAny = (error: unknown): void => this.#report(toError(error))

  readonly #report = (error: Error): void => {
    // There is nobody left to tell when the one who listens for errors fails.
    guarded(() => this.onerror?.(error), ignore)
  }
}
