import { admit } from './admission.js'
import { type Clock, systemClock } from './clock.js'
import type { Layer } from './connector.js'
import { createTransport } from './create-transport.js'
import { TransportError, toError } from './errors.js'
import type { Gate } from './gate.js'
import type { Acceptor, Binding, Incoming, Listener } from './listener.js'
import { invalidOption, requireInRange, requireInteger, resolveOptions } from './options.js'
import type { SessionPolicy } from './session-policy.js'
import { type Supervision, superviseConnection } from './supervision.js'
import type { Transport } from './transport.js'

/** Options every listener has, whatever it listens on. */
export interface ListenerOptions {
  /**
   * Who may talk. Required where callers on other hosts can reach the listener.
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
   * Who may open a session and how long it lives.
   * @defaultValue undefined
   */
  sessions?: SessionPolicy | undefined
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

export const listenerDefaults: {
  readonly gateTimeoutMs: 5_000
  readonly maxConnections: 1_000
  readonly startTimeoutMs: 10_000
  readonly closeTimeoutMs: 2_000
  readonly clock: Clock
} = {
  gateTimeoutMs: 5_000,
  maxConnections: 1_000,
  startTimeoutMs: 10_000,
  closeTimeoutMs: 2_000,
  clock: systemClock,
}

/**
 * Makes a listener of an acceptor: admission, limits, the life of each connection and the orderly end of all.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function createListener(acceptor: Acceptor, options: ListenerOptions = {}): Listener {
  const settings = resolveOptions(listenerDefaults, options)
  requireInRange('gateTimeoutMs', settings.gateTimeoutMs, 1, Infinity)
  requireInteger('maxConnections', settings.maxConnections, 1, Infinity)
  requireInRange('startTimeoutMs', settings.startTimeoutMs, 1, Infinity)
  requireInRange('closeTimeoutMs', settings.closeTimeoutMs, 0, Infinity)
  return new ConnectionListener(acceptor, settings)
}

type ListenerSettings = ReturnType<typeof resolveOptions<typeof listenerDefaults, ListenerOptions>>

type Life =
  | { readonly name: 'idle' }
  | { readonly name: 'starting'; readonly attempt: AbortController }
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
  readonly #settleClosed: (reason: Error | undefined) => void
  /** Aborted when nobody is admitted any more. */
  readonly #door = new AbortController()
  readonly #supervisions = new Map<Transport, Supervision>()
  #waiting = 0
  #life: Life = { name: 'idle' }
  #address: string | undefined

  constructor(acceptor: Acceptor, settings: ListenerSettings) {
    this.#acceptor = acceptor
    this.#settings = settings
    let settle!: (reason: Error | undefined) => void
    this.closed = new Promise((resolve) => {
      settle = resolve
    })
    this.#settleClosed = settle
  }

  get address(): string | undefined {
    return this.#address
  }

  async start(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { name } = this.#life
    if (name === 'closing' || name === 'closed') {
      throw new TransportError('CLOSED', 'the listener is closed', undefined)
    }
    if (name !== 'idle')
      throw new TransportError('ALREADY_STARTED', 'this listener was started before', undefined)
    const { signal } = options
    const attempt = new AbortController()
    this.#life = { name: 'starting', attempt }
    const abort = (): void => attempt.abort(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await this.#bind(attempt.signal)
    } catch (error) {
      const reason = attempt.signal.aborted ? attempt.signal.reason : error
      this.#end(toError(reason))
      throw reason
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  async close(options: { drainMs?: number | undefined } = {}): Promise<void> {
    const life = this.#life
    if (life.name === 'idle') this.#end(undefined)
    else if (life.name === 'starting')
      life.attempt.abort(new TransportError('CLOSED', 'the listener is closed', undefined))
    else if (life.name === 'open') void this.#wind(life.binding, options.drainMs ?? 0, undefined)
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
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
    const binding = await this.#acceptor.listen(
      {
        offer: (incoming) => this.#offer(incoming),
        report: this.#report,
        failed: (error) => this.#failed(error),
      },
      signal,
    )
    if (signal.aborted) {
      await binding.close()
      throw signal.reason
    }
    this.#address = binding.address
    this.#life = { name: 'open', binding }
  }

  #failed(error: Error): void {
    if (this.#life.name === 'open') void this.#wind(this.#life.binding, 0, error)
  }

  #offer(incoming: Incoming): void {
    const { maxConnections } = this.#settings
    if (this.#life.name !== 'open' && this.#life.name !== 'starting') {
      this.#refuse(incoming, 'the server is shutting down')
    } else if (this.connections.size + this.#waiting >= maxConnections) {
      this.#refuse(incoming, 'the server has no room for another connection')
      const message = `a caller was refused: maxConnections (${maxConnections}) are connected or waiting for the gate`
      this.#report(new TransportError('REFUSED', message, { status: 503 }))
    } else {
      this.#waiting++
      this.#admit(incoming).finally(() => {
        this.#waiting--
      })
    }
  }

  /** Never rejects. */
  async #admit(incoming: Incoming): Promise<void> {
    const outcome = await admit(incoming.handshake, this.#settings, this.#door.signal)
    if (!outcome.admitted) {
      if (outcome.error) this.#report(outcome.error)
      attempt(() => incoming.refuse(outcome.refusal), this.#report)
      return
    }
    if (this.#door.signal.aborted || !this.onconnection) {
      outcome.grant?.release?.()
      this.#refuse(incoming, this.onconnection ? 'the server is shutting down' : 'the server accepts nobody')
      return
    }
    this.#yield(incoming, outcome)
  }

  #yield(incoming: Incoming, admitted: Parameters<typeof superviseConnection>[1]): void {
    const { layers = [], closeTimeoutMs, clock, startTimeoutMs } = this.#settings
    const supervision = superviseConnection(incoming.connector, admitted, clock)
    const layered = layers.reduceRight((next, layer) => layer(next), supervision.connector)
    const connection = createTransport(layered, { closeTimeoutMs, clock })
    supervision.watch(connection, startTimeoutMs)
    this.connections.add(connection)
    this.#supervisions.set(connection, supervision)
    connection.closed.then(() => {
      this.connections.delete(connection)
      this.#supervisions.delete(connection)
      if (!supervision.wasConnected) this.#refuse(incoming, 'the server did not serve the connection')
    })
    try {
      this.onconnection?.(connection)
    } catch (cause) {
      const error = new TransportError(
        'CALLBACK_FAILED',
        'onconnection failed',
        { slot: 'onconnection' },
        { cause },
      )
      this.#report(error)
      connection.close({ reason: error })
    }
  }

  #refuse(incoming: Incoming, reason: string): void {
    attempt(() => incoming.refuse({ admit: false, status: 503, reason }), this.#report)
  }

  /** Ends everything in order: the door, the requests in flight, the connections. Never rejects. */
  async #wind(binding: Binding, drainMs: number, reason: Error | undefined): Promise<void> {
    this.#life = { name: 'closing' }
    this.#door.abort()
    const unbound = binding.close().catch((error) => this.#report(toError(error)))
    if (drainMs > 0) await this.#drain(drainMs)
    await Promise.all([...this.connections].map((connection) => connection.close()))
    await unbound
    this.#end(reason)
  }

  async #drain(drainMs: number): Promise<void> {
    const quiet = Promise.all([...this.#supervisions.values()].map((each) => each.quiet()))
    await new Promise<void>((resolve) => {
      const patience = this.#settings.clock.deadline(drainMs, resolve)
      quiet.then(() => {
        patience[Symbol.dispose]()
        resolve()
      })
    })
  }

  #end(reason: Error | undefined): void {
    if (this.#life.name === 'closed') return
    this.#life = { name: 'closed' }
    this.#door.abort()
    if (reason !== undefined) this.#report(reason)
    this.#settleClosed(reason)
    attempt(() => this.onclose?.(), this.#report)
  }

  readonly #report = (error: Error): void => {
    try {
      this.onerror?.(error)
    } catch {
      // There is nobody left to tell: the one who listens for errors is the one who failed.
    }
  }
}

function attempt(call: () => void, report: (error: Error) => void): void {
  try {
    call()
  } catch (error) {
    report(toError(error))
  }
}
