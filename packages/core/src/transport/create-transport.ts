/*
 * The life cycle of a transport. The state never returns to an earlier one.
 *
 *   idle --start()--> starting --connected--> open --close(), abort--> closing --released--> closed
 *     |                  |                     |                                               ^
 *     |                  |                     +---- channel ended, all messages delivered ----+
 *     |                  +---- connect failed ---------------------------------------------------+
 *     |                  +---- close(), abort, channel ended: the connector has closeTimeoutMs ---+
 *     +---- close() ------------------------------------------------------------------------------+
 *
 * The connector calls the sink; Delivery orders the messages; #end() calls onerror, then onclose, once.
 */
import type { Channel, Connector, Sink } from '../contract/connector.js'
import { TransportError, toError } from '../contract/errors.js'
import type { JsonRpcMessage } from '../contract/message.js'
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
  onAbort,
  settleWithin,
  withAbortGrace,
} from '../timing/promises.js'
import { Delivery, type DeliveryHandlers } from './delivery.js'
import { MessageCallback, type MessageCallbackHandlers } from './message-callback.js'
import { PendingSends, sentImmediately } from './pending-sends.js'
import { callbackFailed, closedByPeer, closedError } from './transport-errors.js'
import {
  type CreateTransportOptions,
  createTransportOptions,
  type TransportSettings,
} from './transport-options.js'
import { PARTS, type TransportObserver, type TransportParts, withProcessTraits } from './transport-parts.js'

/**
 * Makes a transport of a connector. It adds the life cycle and keeps the clauses C1 to C8, C11, C13, C16 and C17 for any
 * connector. It connects when `start()` is called.
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const transport = createTransport({
 *   async connect(sink, signal) {
 *     const socket = await dial(7000, signal)
 *     socket.on('line', (line) => sink.message(JSON.parse(line)))
 *     return { peer, send: (message) => write(socket, message), close: async () => socket.destroy() }
 *   },
 * })
 * ```
 */
export function createTransport(connector: Connector, options: CreateTransportOptions = {}): Transport {
  const transport = new ConnectedTransport(connector, createTransportOptions.select(options))
  return connector.process ? withProcessTraits(transport, connector.process) : transport
}

/** Makes a transport with an observer. For listeners. */
export function createObservedTransport(
  connector: Connector,
  settings: TransportSettings,
  observer: TransportObserver,
): Transport {
  return new ConnectedTransport(connector, settings, observer)
}

type Life =
  | { readonly name: 'idle' }
  | { readonly name: 'starting'; readonly controller: AbortController }
  | { readonly name: 'open'; readonly channel: Channel }
  | { readonly name: 'closing' | 'closed'; readonly reason: Error | undefined }

/** There are many of these: optional parts are created on demand, and released early. */
class ConnectedTransport implements Transport {
  onmessage: ((message: JsonRpcMessage, context?: MessageContext) => void) | undefined
  onerror: ((error: Error) => void) | undefined
  onclose: (() => void) | undefined

  readonly #settings: TransportSettings
  #observer: TransportObserver | undefined
  /** The transport that replaces this observed one. */
  #successor: Transport | undefined
  readonly #delivery: Delivery<ConnectedTransport>
  #life: Life = { name: 'idle' }
  /** Released once connected, because it may need much memory, and when another transport replaces this one. */
  #connector: Connector | undefined
  /** Created with the first message. */
  #callback: MessageCallback<ConnectedTransport> | undefined
  #peer: Peer | undefined
  #pending: PendingSends | undefined
  #closed: Deferred<Error | undefined> | undefined
  /** Kept after the end, for clients that resume. */
  #lastSessionId: string | undefined
  /** The end of the channel, before the transport was open or before all messages were delivered. */
  #ending: { readonly reason: Error | undefined } | undefined
  /** The call of `close()` during `starting`, which makes the end an orderly one. */
  #closing: { readonly reason: Error | undefined } | undefined
  /** The versions that an SDK has set. SDK v2 sets its versions before it starts a transport. */
  #versions: { negotiated?: string; supported?: string[] } | undefined

  static readonly #handlers: DeliveryHandlers<ConnectedTransport> = {
    deliver: (transport, message, context) => {
      transport.#callback ??= new MessageCallback<ConnectedTransport>(transport, ConnectedTransport.#calls)
      transport.#callback.call(message, context)
    },
    finished: (transport) => transport.#end(transport.#ending?.reason),
  }

  static readonly #calls: MessageCallbackHandlers<ConnectedTransport> = {
    call: (transport, message, context) => transport.onmessage?.(message, context),
    failed: (transport, cause) => transport.#report(callbackFailed('onmessage', cause)),
    respond: (transport, response, relatedRequestId) => {
      transport.send(response, { relatedRequestId }).catch(ignore)
    },
  }

  constructor(connector: Connector, settings: TransportSettings, observer?: TransportObserver) {
    this.#connector = connector
    this.#settings = settings
    this.#observer = observer
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
    this.#versions = { ...this.#versions, negotiated: version }
    this.#channel?.http?.setProtocolVersion(version)
  }

  setSupportedProtocolVersions(versions: string[]): void {
    this.#versions = { ...this.#versions, supported: versions }
    this.#channel?.http?.setSupportedProtocolVersions?.(versions)
  }

  [PARTS](): TransportParts | undefined {
    const connector = this.#connector
    const observer = this.#observer
    if (this.#life.name !== 'idle' || !connector) return undefined
    if (!observer) return { connector, settings: this.#settings }
    const observed = { observer, replace: (successor: Transport) => this.#replaceWith(successor) }
    return { connector: observer.around(connector), settings: this.#settings, observed }
  }

  async start({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const connector = this.#connector
    if (this.#life.name !== 'idle' || !connector) {
      const message = 'this transport was started before'
      throw this.#closedError() ?? new TransportError('ALREADY_STARTED', message, undefined)
    }
    const controller = new AbortController()
    this.#life = { name: 'starting', controller }
    const unsubscribe = onAbort(signal, () => controller.abort(signal?.reason))
    try {
      await this.#open(connector, controller.signal)
    } finally {
      unsubscribe()
    }
  }

  send(message: JsonRpcMessage, options?: SendOptions): Promise<void> {
    const life = this.#life
    if (life.name !== 'open') return Promise.reject(this.#notOpenError())
    if (typeof message !== 'object' || message === null) return Promise.reject(noMessage(message))
    let accepted: Promise<void> | undefined
    this.#delivery.enter()
    try {
      accepted = life.channel.send(message, options)
    } catch (error) {
      return Promise.reject(error)
    } finally {
      this.#delivery.leave()
      this.#observer?.sent(message, accepted)
      this.#callback?.sent(message)
    }
    if (accepted === sentImmediately) return accepted
    // A closing channel can fail in many ways. All are `CLOSED` (clause C3).
    this.#pending ??= new PendingSends((error) =>
      this.#life.name === 'open' ? error : closedError(toError(error)),
    )
    return this.#pending.track(Promise.resolve(accepted))
  }

  async close({ reason }: { reason?: Error | undefined } = {}): Promise<void> {
    const life = this.#life
    if (life.name === 'open') void this.#release(life.channel, reason)
    else if (life.name === 'starting' && !this.#closing) {
      this.#closing = { reason }
      life.controller.abort(closedError(reason))
    } else if (life.name === 'idle') {
      if (this.#successor) await this.#successor.close({ reason })
      else this.#end(reason)
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
    let channel: Channel | undefined
    let failure: unknown
    try {
      channel = await this.#connect(connector, signal)
      this.#releaseConnector()
    } catch (error) {
      failure = error
    }
    if (channel && !signal.aborted) {
      this.#life = { name: 'open', channel }
      this.#setVersions(channel)
      this.#delivery.open()
      return
    }
    if (this.#ending)
      failure = closedByPeer(channel?.peer, this.#ending.reason ?? (failure as Error | undefined))
    else if (signal.aborted) failure = signal.reason
    const reason = this.#closing ? this.#closing.reason : toError(failure)
    if (channel) await this.#release(channel, reason, closeTimeoutMs - (clock.now() - abortedAt))
    else this.#end(reason)
    throw failure
  }

  /** Resolves with the channel. Rejects after an abort, when the connector has settled or `closeTimeoutMs` has passed. */
  #connect(connector: Connector, signal: AbortSignal): Promise<Channel> {
    const { clock, closeTimeoutMs: graceMs } = this.#settings
    const connect = (): Promise<Channel> => {
      this.#observer?.connecting()
      this.#delivery.enter()
      try {
        return connector.connect(this.#sink(), signal)
      } finally {
        this.#delivery.leave()
      }
    }
    const discard = (channel: Channel): void => {
      attempt(() => channel.close(toError(signal.reason))).catch(ignore)
    }
    return withAbortGrace(connect, { signal, clock, graceMs, discard })
  }

  #replaceWith(successor: Transport): void {
    this.#successor = successor
    this.#releaseConnector()
    this.#observer?.replaced(successor)
    this.#observer = undefined
    void successor.closed.then((reason) => this.#end(reason))
  }

  #setVersions({ http }: Channel): void {
    const { negotiated, supported } = this.#versions ?? {}
    const set = (): void => {
      if (supported !== undefined) http?.setSupportedProtocolVersions?.(supported)
      if (negotiated !== undefined) http?.setProtocolVersion(negotiated)
    }
    // The channel may be a foreign transport, whose failure here must not close this one.
    guarded(set, (cause) => this.#report(callbackFailed('setProtocolVersion', cause)))
  }

  #sink(): Sink {
    return {
      message: (message, context) => {
        this.#observer?.received(message)
        this.#delivery.add(message, context)
      },
      error: (error) => {
        if (this.#life.name !== 'closed') this.#report(error)
      },
      end: (reason) => this.#channelEnded(reason),
    }
  }

  #channelEnded(reason: Error | undefined): void {
    const life = this.#life
    if (this.#ending) return
    if (life.name === 'starting') {
      if (life.controller.signal.aborted) return
      this.#ending = { reason }
      life.controller.abort(closedByPeer(undefined, reason))
    } else if (life.name === 'open') {
      this.#ending = { reason }
      this.#delivery.finish()
    }
  }

  /** Closes the channel within `closeTimeoutMs`, then ends. Never rejects. */
  async #release(
    channel: Channel,
    reason: Error | undefined,
    timeLeftMs: number = this.#settings.closeTimeoutMs,
  ): Promise<void> {
    const { clock, closeTimeoutMs } = this.#settings
    this.#keepFacts(channel)
    this.#delivery.stop()
    this.#life = { name: 'closing', reason: undefined }
    // Starts after the deadline of the channel itself, which therefore expires first where both have the same duration.
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
    this.#end(reason ?? channel.http?.failure)
  }

  #end(reason: Error | undefined): void {
    if (this.#life.name === 'closed') return
    if (this.#life.name === 'open') this.#keepFacts(this.#life.channel)
    this.#life = { name: 'closed', reason }
    this.#releaseConnector()
    this.#delivery.stop()
    this.#pending?.rejectAll(closedError(reason))
    if (reason !== undefined) this.#report(reason)
    this.#closed?.resolve(reason)
    guarded(
      () => this.onclose?.(),
      (cause) => this.#report(callbackFailed('onclose', cause)),
    )
    this.#observer?.ended()
  }

  #keepFacts({ peer, http }: Channel): void {
    this.#peer = peer
    this.#lastSessionId = http?.sessionId ?? this.#lastSessionId
  }

  #releaseConnector(): void {
    this.#peer ??= this.#connector?.peer
    this.#lastSessionId ??= this.#connector?.sessionId
    this.#connector = undefined
  }

  #report(error: Error): void {
    // A failure of the error callback cannot be reported (clause C5).
    guarded(() => this.onerror?.(error), ignore)
  }

  #notOpenError(): Error {
    const message = `send() was called before start() had succeeded (state ${this.#life.name})`
    return this.#closedError() ?? new TransportError('NOT_STARTED', message, undefined)
  }

  /** The error for a call after the end, or none before. */
  #closedError(): Error | undefined {
    return 'reason' in this.#life ? closedError(this.#life.reason) : undefined
  }
}
