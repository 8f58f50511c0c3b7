import type { Clock } from '../contract/clock.js'
import type { Channel, Connector, Sink } from '../contract/connector.js'
import { TransportError, toError } from '../contract/errors.js'
import type { JsonRpcMessage } from '../contract/message.js'
import { clock, inRange } from '../contract/option-rules.js'
import { type OptionDefaults, type OptionTable, options } from '../contract/option-table.js'
import type {
  Flow,
  MessageContext,
  Peer,
  SendOptions,
  Transport,
  TransportState,
} from '../contract/transport.js'
import { noMessage } from '../messages/message-limits.js'
import {
  attempt,
  type Deferred,
  deferred,
  guarded,
  ignore,
  isThenable,
  settleWithin,
  withAbortGrace,
} from '../timing/promises.js'
import { Delivery, type DeliveryHandlers } from './delivery.js'
import { PendingSends, sentImmediately } from './pending-sends.js'
import { withProcessTraits } from './process-traits.js'
import { callbackFailed, closedError, hungUpError } from './transport-errors.js'
import { PARTS, type TransportParts, type TransportSettings } from './transport-parts.js'
import type { TransportWatch } from './transport-watch.js'

/** What the lifecycle of a transport needs to know. */
export interface CreateTransportOptions {
  /**
   * How long `close()`, or a `start()` that was aborted, waits for the channel to let go, in milliseconds.
   * @defaultValue 2_000
   */
  closeTimeoutMs?: number | undefined
  /**
   * Where deadlines come from.
   * @defaultValue systemClock
   */
  clock?: Clock | undefined
}

/** The options of every transport. */
export const createTransportOptions: OptionTable<CreateTransportOptions> = options<CreateTransportOptions>({
  closeTimeoutMs: inRange(0, Infinity, 2_000),
  clock: clock(),
})

/** What `createTransport` uses for options that are not given. */
export const createTransportDefaults: OptionDefaults<CreateTransportOptions> = createTransportOptions.defaults

/**
 * Makes a transport of a connector: adds the life cycle and keeps the clauses C1 to C8, C11, C13, C16 and C17,
 * whatever the connector does. Connects when `start()` is called.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function createTransport(connector: Connector, options: CreateTransportOptions = {}): Transport {
  const transport = new ConnectedTransport(connector, createTransportOptions.select(options))
  return connector.process ? withProcessTraits(transport, connector.process) : transport
}

/** Makes a transport somebody watches over. For listeners. */
export function createWatchedTransport(
  connector: Connector,
  settings: TransportSettings,
  watch: TransportWatch,
): Transport {
  return new ConnectedTransport(connector, settings, watch)
}

type Life =
  | { readonly name: 'idle' }
  | { readonly name: 'starting'; readonly controller: AbortController }
  | { readonly name: 'open'; readonly channel: Channel }
  | { readonly name: 'closing' }
  | { readonly name: 'closed'; readonly reason: Error | undefined }

/**
 * The life cycle, around whatever the connector makes. There are many of these: what not every one of them needs is
 * made when it is needed, and what is needed no more is let go of.
 */
class ConnectedTransport implements Transport {
  onmessage: ((message: JsonRpcMessage, context?: MessageContext) => void) | undefined
  onerror: ((error: Error) => void) | undefined
  onclose: (() => void) | undefined

  readonly #settings: TransportSettings
  #watch: TransportWatch | undefined
  /** The transport that was made of this one while it was idle, where somebody watches over it. */
  #successor: Transport | undefined
  readonly #delivery: Delivery<ConnectedTransport>
  #life: Life = { name: 'idle' }
  /** Until it has connected, for it may hold much. */
  #connector: Connector | undefined
  #peer: Peer | undefined
  #pending: PendingSends | undefined
  #closed: Deferred<Error | undefined> | undefined
  /** Kept beyond the end, for those who resume. */
  #lastSessionId: string | undefined
  /** How the channel ended while arrivals still wait to be delivered, or before it was open. */
  #ending: { readonly reason: Error | undefined } | undefined
  /** That `close()` was called while starting, which makes the end an orderly one. */
  #closing: { readonly reason: Error | undefined } | undefined
  /** What an SDK said before there was a channel to tell: v2 names its versions before it starts a transport. */
  #announced: { version?: string; supported?: string[] } | undefined

  static readonly #handlers: DeliveryHandlers<ConnectedTransport> = {
    deliver: (transport, message, context) => transport.#deliver(message, context),
    over: (transport) => transport.#end(transport.#ending?.reason),
  }

  constructor(connector: Connector, settings: TransportSettings, watch?: TransportWatch) {
    this.#connector = connector
    this.#settings = settings
    this.#watch = watch
    this.#delivery = new Delivery<ConnectedTransport>(this, ConnectedTransport.#handlers)
  }

  get closed(): Promise<Error | undefined> {
    this.#closed ??= deferred()
    if (this.#life.name === 'closed') this.#closed.resolve(this.#life.reason)
    return this.#closed.promise
  }

  get state(): TransportState {
    return this.#life.name
  }

  get peer(): Peer | undefined {
    return this.#channel?.peer ?? this.#peer ?? this.#connector?.peer
  }

  get flow(): Flow | undefined {
    return this.#channel?.flow
  }

  get sessionId(): string | undefined {
    return this.#channel?.http?.sessionId ?? this.#lastSessionId ?? this.#connector?.sessionId
  }

  get hasPerRequestStream(): boolean {
    return this.#channel?.http?.hasPerRequestStream ?? false
  }

  setProtocolVersion(version: string): void {
    this.#announced = { ...this.#announced, version }
    this.#channel?.http?.setProtocolVersion(version)
  }

  setSupportedProtocolVersions(versions: string[]): void {
    this.#announced = { ...this.#announced, supported: versions }
    this.#channel?.http?.setSupportedProtocolVersions?.(versions)
  }

  [PARTS](): TransportParts | undefined {
    const connector = this.#connector
    const watch = this.#watch
    if (this.#life.name !== 'idle' || this.#successor || !connector) return undefined
    if (!watch) return { connector, settings: this.#settings }
    const watched = { watch, replace: (successor: Transport) => this.#replacedBy(successor) }
    return { connector: watch.around(connector), settings: this.#settings, watched }
  }

  async start(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.#life.name === 'closed' || this.#life.name === 'closing') throw this.#closedError()
    const connector = this.#successor ? undefined : this.#connector
    if (this.#life.name !== 'idle' || !connector) {
      throw new TransportError('ALREADY_STARTED', 'this transport was started before', undefined)
    }
    const { signal } = options
    const controller = new AbortController()
    this.#life = { name: 'starting', controller }
    const abort = (): void => controller.abort(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await this.#open(connector, controller.signal)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  send(message: JsonRpcMessage, options?: SendOptions): Promise<void> {
    const life = this.#life
    if (life.name !== 'open') return Promise.reject(this.#notOpenError())
    if (typeof message !== 'object' || message === null) return Promise.reject(noMessage(message))
    let taken: Promise<void> | undefined
    this.#delivery.enter()
    try {
      taken = life.channel.send(message, options)
    } catch (error) {
      return Promise.reject(error)
    } finally {
      this.#delivery.leave()
      this.#watch?.sent(message, taken)
    }
    if (taken === sentImmediately) return taken
    this.#pending ??= new PendingSends((error) => this.#sendError(error))
    return this.#pending.track(Promise.resolve(taken))
  }

  async close(options: { reason?: Error | undefined } = {}): Promise<void> {
    const life = this.#life
    if (life.name === 'idle' && this.#successor) await this.#successor.close(options)
    else if (life.name === 'idle') this.#end(options.reason)
    else if (life.name === 'open') void this.#release(life.channel, options.reason)
    else if (life.name === 'starting' && !this.#closing) {
      this.#closing = { reason: options.reason }
      life.controller.abort(closedError(options.reason))
    }
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get #channel(): Channel | undefined {
    return this.#life.name === 'open' ? this.#life.channel : undefined
  }

  async #open(connector: Connector, signal: AbortSignal): Promise<void> {
    const { clock, closeTimeoutMs } = this.#settings
    let abortedAt = clock.now()
    signal.addEventListener('abort', () => {
      abortedAt = clock.now()
    })
    let channel: Channel
    try {
      channel = await this.#connect(connector, signal)
      this.#peer = channel.peer
      this.#letGoOfConnector()
    } catch (error) {
      const reason = this.#ending ? (this.#ending.reason ?? error) : signal.aborted ? signal.reason : error
      this.#end(this.#closing ? this.#closing.reason : toError(reason))
      throw reason
    }
    if (!signal.aborted) {
      this.#life = { name: 'open', channel }
      this.#announce(channel)
      this.#delivery.open()
      return
    }
    const reason = this.#ending ? hungUpError(channel.peer, this.#ending.reason) : signal.reason
    const timeLeftMs = closeTimeoutMs - (clock.now() - abortedAt)
    await this.#release(channel, this.#closing ? this.#closing.reason : toError(reason), timeLeftMs)
    throw reason
  }

  /** Settles with the channel, or rejects once the signal aborted and the connector let go or took too long. */
  #connect(connector: Connector, signal: AbortSignal): Promise<Channel> {
    const { clock, closeTimeoutMs } = this.#settings
    const connect = (): Promise<Channel> => this.#connectBy(connector, signal)
    const discard = (channel: Channel): void => {
      attempt(() => channel.close(toError(signal.reason))).catch(ignore)
    }
    return withAbortGrace(connect, { signal, clock, graceMs: closeTimeoutMs, discard })
  }

  #connectBy(connector: Connector, signal: AbortSignal): Promise<Channel> {
    this.#watch?.connecting()
    this.#delivery.enter()
    try {
      return connector.connect(this.#sink(), signal)
    } finally {
      this.#delivery.leave()
    }
  }

  #replacedBy(successor: Transport): void {
    this.#successor = successor
    this.#watch?.replaced(successor)
    this.#watch = undefined
    void successor.closed.then((reason) => this.#end(reason))
  }

  #announce({ http }: Channel): void {
    const { version, supported } = this.#announced ?? {}
    const announce = (): void => {
      if (supported !== undefined) http?.setSupportedProtocolVersions?.(supported)
      if (version !== undefined) http?.setProtocolVersion(version)
    }
    // A transport of somebody's may be behind it, and one that fails at this is open all the same.
    guarded(announce, (cause) => this.#report(callbackFailed('setProtocolVersion', cause)))
  }

  #sink(): Sink {
    return {
      message: (message, context) => {
        this.#watch?.received(message)
        this.#delivery.arrive(message, context)
      },
      error: (error) => {
        if (this.#life.name !== 'closed') this.#report(error)
      },
      end: (reason) => this.#ended(reason),
    }
  }

  /** As `guarded`, which would make two functions for each message. */
  #deliver(message: JsonRpcMessage, context: MessageContext | undefined): void {
    try {
      const result: unknown = this.onmessage?.(message, context)
      if (result !== undefined && isThenable(result)) {
        result.then(undefined, (cause) => this.#report(callbackFailed('onmessage', cause)))
      }
    } catch (cause) {
      this.#report(callbackFailed('onmessage', cause))
    }
  }

  #ended(reason: Error | undefined): void {
    const life = this.#life
    if (this.#ending) return
    if (life.name === 'starting') {
      if (life.controller.signal.aborted) return
      this.#ending = { reason }
      life.controller.abort(hungUpError(undefined, reason))
    } else if (life.name === 'open') {
      this.#ending = { reason }
      this.#delivery.finish()
    }
  }

  /** Gives the channel up within `closeTimeoutMs`, then ends. Never rejects. */
  async #release(
    channel: Channel,
    reason: Error | undefined,
    timeLeftMs: number = this.#settings.closeTimeoutMs,
  ): Promise<void> {
    const { clock, closeTimeoutMs } = this.#settings
    this.#remember(channel)
    this.#delivery.stop()
    this.#life = { name: 'closing' }
    // The wait begins after the channel's own deadline, so that with the same duration the channel's comes first.
    await settleWithin(
      attempt(() => channel.close(reason)),
      {
        clock,
        ms: timeLeftMs,
        failed: (error) => this.#report(error),
        late: () => {
          const { address } = channel.peer
          const message = `${address} was not released within closeTimeoutMs (${closeTimeoutMs} ms)`
          this.#report(new TransportError('PEER_LOST', message, { address }))
        },
      },
    )
    this.#end(reason)
  }

  #end(reason: Error | undefined): void {
    if (this.#life.name === 'closed') return
    if (this.#life.name === 'open') this.#remember(this.#life.channel)
    this.#life = { name: 'closed', reason }
    this.#letGoOfConnector()
    this.#delivery.stop()
    this.#pending?.rejectAll(closedError(reason))
    if (reason !== undefined) this.#report(reason)
    this.#closed?.resolve(reason)
    guarded(
      () => this.onclose?.(),
      (cause) => this.#report(callbackFailed('onclose', cause)),
    )
    this.#watch?.ended()
  }

  #remember({ peer, http }: Channel): void {
    this.#peer = peer
    this.#lastSessionId = http?.sessionId ?? this.#lastSessionId
  }

  #letGoOfConnector(): void {
    this.#peer ??= this.#connector?.peer
    this.#lastSessionId ??= this.#connector?.sessionId
    this.#connector = undefined
  }

  #report(error: Error): void {
    // There is nobody left to tell when the one who listens for errors fails (clause C5).
    guarded(() => this.onerror?.(error), ignore)
  }

  #notOpenError(): Error {
    if (this.#life.name === 'closed' || this.#life.name === 'closing') return this.#closedError()
    const message = `send() before start() had succeeded (${this.#life.name})`
    return new TransportError('NOT_STARTED', message, undefined)
  }

  /** A channel that is being closed has many ways to fail at what is left, which are all one (clause C3). */
  #sendError(error: unknown): unknown {
    return this.#life.name === 'open' ? error : closedError(toError(error))
  }

  #closedError(): Error {
    return closedError(this.#life.name === 'closed' ? this.#life.reason : undefined)
  }
}
