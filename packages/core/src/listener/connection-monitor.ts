import type { Clock } from '../contract/clock.js'
import type { Channel, Connector } from '../contract/connector.js'
import { TransportError } from '../contract/errors.js'
import type { Admission } from '../contract/gate.js'
import type { Incoming } from '../contract/listener.js'
import { isRequest, isResponse, type JsonRpcMessage, type RequestId } from '../contract/message.js'
import { LISTEN_METHOD } from '../contract/protocol.js'
import type { SessionGrant } from '../contract/session-policy.js'
import type { AuthInfo, MessageContext, Transport } from '../contract/transport.js'
import { cancelledBy } from '../messages/era.js'
import { SmallIdSet } from '../messages/small-id-set.js'
import { sentImmediately } from '../transport/pending-sends.js'
import type { TransportWatch } from '../transport/transport-watch.js'
import { AdmissionTimer } from './admission-timer.js'

/** What a caller was granted. */
export interface Admitted {
  readonly admission: Admission
  readonly grant?: SessionGrant
}

/** One connection to watch over, and on whose behalf. */
export interface MonitoredConnection extends Pick<Admitted, 'grant'> {
  readonly incoming: Incoming
  readonly clock: Clock
  readonly owner: MonitorOwner
}

/** Who has connections watched over. */
export interface MonitorOwner {
  /** Hears that the connection has ended. */
  left(supervision: ConnectionMonitor): void
  /** Hears that nobody started the connection. */
  report(error: Error): void
  /** Hears that one transport is used instead of another. */
  replaced(connection: Transport, successor: Transport): void
}

/** What a listener keeps an eye on, for one connection, from its admission to its end. */
export class ConnectionMonitor implements TransportWatch {
  readonly grant: SessionGrant | undefined
  /** Who is at the door still: let go of once the connector is asked to connect, and so owns what it needs to. */
  incoming: Incoming | undefined
  /** What is watched, once `watch` was called. */
  connection: Transport | undefined
  readonly #clock: Clock
  readonly #owner: MonitorOwner
  readonly #unanswered = new SmallIdSet()
  #untilStarted: Disposable | undefined
  #stops: (() => void)[] | undefined
  #waiting: (() => void)[] | undefined
  #lastActivity = 0

  constructor({ incoming, grant, clock, owner }: MonitoredConnection) {
    this.incoming = incoming
    this.grant = grant
    this.#clock = clock
    this.#owner = owner
  }

  /** Ends the connection when it is not started in time, idle or alive for too long, or no longer admitted. */
  watch(connection: Transport, startTimeoutMs: number, admission: Admission): void {
    this.connection = connection
    const { grant } = this
    const clock = this.#clock
    this.#lastActivity = clock.now()
    this.#untilStarted = clock.deadline(startTimeoutMs, () => this.#notStarted(startTimeoutMs))
    const end = (reason: Error): void => void this.connection?.close({ reason })
    const stops = [
      admissionTimer(end, admission, clock),
      lifetimeTimer(end, grant, clock),
      idleTimer(end, grant, clock, () => this.#lastActivity),
    ].filter((stop) => stop !== undefined)
    if (stops.length > 0) this.#stops = stops
    if (connection.state === 'closed') this.#stop()
  }

  /** Resolves as soon as no request of the caller is being answered. */
  idle(): Promise<void> {
    if (this.#unanswered.isEmpty) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting ??= []
      this.#waiting.push(resolve)
    })
  }

  connecting(): void {
    this.incoming = undefined
    this.#untilStarted?.[Symbol.dispose]()
    this.#untilStarted = undefined
  }

  around(connector: Connector): Connector {
    return monitoredConnector(connector, this, undefined)
  }

  replaced(successor: Transport): void {
    if (this.connection) this.#owner.replaced(this.connection, successor)
    this.connection = successor
  }

  received(message: JsonRpcMessage): void {
    this.#noteActivity()
    if (isRequest(message)) {
      if (message.method !== LISTEN_METHOD) this.#unanswered.add(message.id)
      return
    }
    if (isResponse(message)) return
    // Whoever answers a request sends nothing for one that was cancelled (Cancellation, Behavior).
    const cancelled = cancelledBy(message)
    if (cancelled !== undefined) this.#answered(cancelled)
  }

  sent(message: JsonRpcMessage, taken: Promise<void> | undefined): void {
    this.#noteActivity()
    if (!isResponse(message) || message.id === undefined) return
    const { id } = message
    if (taken === undefined || taken === sentImmediately) {
      this.#answered(id)
      return
    }
    const done = (): void => this.#answered(id)
    // Not before the medium took it, lest the connection is closed in front of the answer.
    taken.then(done, done)
  }

  ended(): void {
    this.#stop()
    this.#unanswered.clear()
    this.#nobodyWaits()
    this.#owner.left(this)
  }

  #notStarted(startTimeoutMs: number): void {
    const { connection } = this
    if (connection?.state !== 'idle') return
    const message = `an admitted connection was not started within startTimeoutMs (${startTimeoutMs} ms)`
    const reason = new TransportError('CLOSED', message, undefined)
    void connection.close({ reason })
    // Whoever forgot to start it listens to nothing of it.
    this.#owner.report(reason)
  }

  #stop(): void {
    this.#untilStarted?.[Symbol.dispose]()
    for (const stop of this.#stops ?? []) stop()
    this.#stops = undefined
  }

  /** The time is read only where somebody looks at it. */
  #noteActivity(): void {
    if (this.grant?.idleTimeoutMs !== undefined) this.#lastActivity = this.#clock.now()
  }

  #answered(id: RequestId): void {
    if (this.#unanswered.delete(id) && this.#unanswered.isEmpty) this.#nobodyWaits()
  }

  #nobodyWaits(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const resolve of waiting ?? []) resolve()
  }
}

/**
 * The caller's connector, watched where layers stand between it and the transport, and telling who the caller is with
 * everything it says.
 */
export function monitoredConnector(
  inner: Connector,
  watch: TransportWatch,
  given: AuthInfo | undefined,
): Connector {
  const authInfo = given && concealAuthInfo(given)
  const shared: MessageContext | undefined = authInfo && Object.freeze({ authInfo })
  const contextOf = (context: MessageContext | undefined): MessageContext | undefined => {
    if (!authInfo || context?.authInfo) return context
    return context ? withAuthInfo(context, authInfo) : shared
  }
  return {
    ...inner,
    ...(authInfo && inner.peer && { peer: Object.freeze({ ...inner.peer, authInfo }) }),
    connect: async (sink, signal) => {
      watch.connecting()
      const channel: Channel = await inner.connect(
        {
          ...sink,
          message: (message, context) => {
            watch.received(message)
            sink.message(message, contextOf(context))
          },
        },
        signal,
      )
      return {
        ...channel,
        ...(authInfo && { peer: Object.freeze({ ...channel.peer, authInfo }) }),
        send: (message, options) => {
          let taken: Promise<void> | undefined
          try {
            taken = channel.send(message, options)
            return taken
          } finally {
            watch.sent(message, taken)
          }
        },
      }
    },
  }
}

/** A copy that leaves accessors, such as `request`, uncalled. */
function withAuthInfo(context: MessageContext, authInfo: AuthInfo): MessageContext {
  const copy = Object.create(Object.prototype, Object.getOwnPropertyDescriptors(context)) as MessageContext
  return Object.assign(copy, { authInfo })
}

const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

/** The same facts, with the token kept out of what `console.log` and `util.inspect` show. */
export function concealAuthInfo(authInfo: AuthInfo): AuthInfo {
  const shown = { ...authInfo, token: '[concealed]' }
  return Object.defineProperty({ ...authInfo }, INSPECT, { value: () => shown, enumerable: false })
}

type End = (reason: Error) => void

function admissionTimer(end: End, admission: Admission, clock: Clock): (() => void) | undefined {
  if (admission.expiresAt === undefined && admission.revoked === undefined) return undefined
  const timer = new AdmissionTimer(clock, (why) => {
    const message = why === 'expired' ? 'the admission expired' : 'the admission was revoked'
    end(new TransportError('REFUSED', message, { status: 401 }))
  })
  timer.renew(admission)
  return () => timer.end()
}

function lifetimeTimer(end: End, grant: SessionGrant | undefined, clock: Clock): (() => void) | undefined {
  const lifetimeMs = grant?.lifetimeMs
  if (lifetimeMs === undefined) return undefined
  const old = clock.deadline(lifetimeMs, () => {
    const message = `the session reached its lifetime of ${lifetimeMs} ms`
    end(new TransportError('REFUSED', message, { status: 401 }))
  })
  return () => old[Symbol.dispose]()
}

/** One deadline for the whole life: when it comes and something was said meanwhile, it moves. */
function idleTimer(
  end: End,
  grant: SessionGrant | undefined,
  clock: Clock,
  lastActivity: () => number,
): (() => void) | undefined {
  const idleTimeoutMs = grant?.idleTimeoutMs
  if (idleTimeoutMs === undefined) return undefined
  let check: Disposable
  const wait = (ms: number): void => {
    check = clock.deadline(ms, () => {
      const left = lastActivity() + idleTimeoutMs - clock.now()
      if (left > 0) {
        wait(left)
        return
      }
      const message = `nothing was said for ${idleTimeoutMs} ms (idleTimeoutMs)`
      end(new TransportError('CLOSED', message, undefined))
    })
  }
  wait(idleTimeoutMs)
  return () => check[Symbol.dispose]()
}
