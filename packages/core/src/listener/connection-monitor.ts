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
import { SmallIdMap } from '../messages/small-id-map.js'
import { whenAborted } from '../timing/when-aborted.js'
import { sentImmediately } from '../transport/pending-sends.js'
import type { TransportObserver } from '../transport/transport-parts.js'
import { AdmissionTimer } from './admission-timer.js'

/** The admission of a client and the grant of its session. */
export interface Admitted {
  readonly admission: Admission
  readonly grant?: SessionGrant
}

/** One connection to monitor. */
export interface MonitoredConnection extends Pick<Admitted, 'grant'> {
  readonly incoming: Incoming
  readonly clock: Clock
  readonly owner: MonitorOwner
}

/** The callbacks of a monitor. */
export interface MonitorOwner {
  /** The connection has ended. */
  ended(monitor: ConnectionMonitor): void
  /** The connection was not started in time. */
  report(error: Error): void
  /** Another transport replaces the connection. */
  replaced(connection: Transport, successor: Transport): void
}

/** Monitors one connection of a listener, from its admission to its end: start, admission, lifetime, idle time, requests. */
export class ConnectionMonitor implements TransportObserver {
  readonly grant: SessionGrant | undefined
  /** The caller, until the connector starts to connect and owns its resources. */
  incoming: Incoming | undefined
  /** The monitored transport. Set by `start`. */
  connection: Transport | undefined
  readonly #clock: Clock
  readonly #owner: MonitorOwner
  readonly #pendingRequests = new SmallIdMap()
  #startTimer: Disposable | undefined
  #stops: (() => void)[] | undefined
  #idleWaiters: (() => void)[] | undefined
  #lastActivity = 0

  constructor({ incoming, grant, clock, owner }: MonitoredConnection) {
    this.incoming = incoming
    this.grant = grant
    this.#clock = clock
    this.#owner = owner
  }

  /** Starts the timers: each ends the connection. */
  start(connection: Transport, startTimeoutMs: number, admission: Admission): void {
    this.connection = connection
    const { grant } = this
    const clock = this.#clock
    this.#lastActivity = clock.now()
    this.#startTimer = clock.deadline(startTimeoutMs, () => this.#notStarted(startTimeoutMs))
    const end = (reason: Error): void => void this.connection?.close({ reason })
    const stops = [
      admissionTimer(end, admission, clock),
      revocation(end, grant),
      lifetimeTimer(end, grant, clock),
      idleTimer(end, grant, clock, () => this.#lastActivity),
    ].filter((stop) => stop !== undefined)
    if (stops.length > 0) this.#stops = stops
    if (connection.state === 'closed') this.#stop()
  }

  /** Resolves when the client has no pending request. */
  idle(): Promise<void> {
    if (this.#pendingRequests.isEmpty) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idleWaiters ??= []
      this.#idleWaiters.push(resolve)
    })
  }

  connecting(): void {
    this.incoming = undefined
    this.#startTimer?.[Symbol.dispose]()
    this.#startTimer = undefined
  }

  around(connector: Connector): Connector {
    return monitoredConnector(connector, this, undefined)
  }

  replaced(successor: Transport): void {
    if (this.connection) this.#owner.replaced(this.connection, successor)
    this.connection = successor
  }

  received(message: JsonRpcMessage): void {
    this.#recordActivity()
    if (isRequest(message)) {
      if (message.method !== LISTEN_METHOD) this.#pendingRequests.add(message.id, undefined)
      return
    }
    if (isResponse(message)) return
    // A cancelled request gets no response (Cancellation, Behavior).
    const cancelled = cancelledBy(message)
    if (cancelled !== undefined) this.#completed(cancelled)
  }

  sent(message: JsonRpcMessage, accepted: Promise<void> | undefined): void {
    this.#recordActivity()
    if (!isResponse(message) || message.id === undefined) return
    const { id } = message
    if (accepted === undefined || accepted === sentImmediately) {
      this.#completed(id)
      return
    }
    const completed = (): void => this.#completed(id)
    // Not before the medium has the response: the connection may be closed right after.
    accepted.then(completed, completed)
  }

  ended(): void {
    this.#stop()
    this.#pendingRequests.clear()
    this.#resolveIdle()
    this.#owner.ended(this)
  }

  #notStarted(startTimeoutMs: number): void {
    const { connection } = this
    if (connection?.state !== 'idle') return
    const limit = `startTimeoutMs (${startTimeoutMs} ms)`
    const message = `no server was connected to a new connection within ${limit}; in onconnection, call connect(connection) of your MCP server`
    const reason = new TransportError('CLOSED', message, undefined)
    void connection.close({ reason })
    // The transport has no `onerror` yet, so the listener reports it.
    this.#owner.report(reason)
  }

  #stop(): void {
    this.#startTimer?.[Symbol.dispose]()
    for (const stop of this.#stops ?? []) stop()
    this.#stops = undefined
  }

  /** Reads the clock only where an idle timeout needs it. */
  #recordActivity(): void {
    if (this.grant?.idleTimeoutMs !== undefined) this.#lastActivity = this.#clock.now()
  }

  #completed(id: RequestId): void {
    if (this.#pendingRequests.delete(id) && this.#pendingRequests.isEmpty) this.#resolveIdle()
  }

  #resolveIdle(): void {
    const waiters = this.#idleWaiters
    this.#idleWaiters = undefined
    for (const resolve of waiters ?? []) resolve()
  }
}

/**
 * The connector of a client, with calls of the observer. It adds `authInfo` to the peer and to each message context.
 */
export function monitoredConnector(
  inner: Connector,
  observer: TransportObserver,
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
      observer.connecting()
      const channel: Channel = await inner.connect(
        {
          ...sink,
          message: (message, context) => {
            observer.received(message)
            sink.message(message, contextOf(context))
          },
        },
        signal,
      )
      return {
        ...channel,
        ...(authInfo && { peer: Object.freeze({ ...channel.peer, authInfo }) }),
        send: (message, options) => {
          let accepted: Promise<void> | undefined
          try {
            accepted = channel.send(message, options)
            return accepted
          } finally {
            observer.sent(message, accepted)
          }
        },
      }
    },
  }
}

/** A copy with the accessors of the original, such as `request`, which are not called. */
function withAuthInfo(context: MessageContext, authInfo: AuthInfo): MessageContext {
  const copy = Object.create(Object.prototype, Object.getOwnPropertyDescriptors(context)) as MessageContext
  return Object.assign(copy, { authInfo })
}

const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

/** A copy whose token is hidden from `console.log` and `util.inspect`. */
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

function revocation(end: End, grant: SessionGrant | undefined): (() => void) | undefined {
  const { revoked } = grant ?? {}
  if (!revoked) return undefined
  const revoke = (): void => end(new TransportError('REFUSED', 'the session was revoked', { status: 401 }))
  if (!revoked.aborted) return whenAborted(revoked, revoke)
  revoke()
  return undefined
}

function lifetimeTimer(end: End, grant: SessionGrant | undefined, clock: Clock): (() => void) | undefined {
  const lifetimeMs = grant?.lifetimeMs
  if (lifetimeMs === undefined) return undefined
  const deadline = clock.deadline(lifetimeMs, () => {
    const message = `the session has reached its lifetimeMs (${lifetimeMs} ms)`
    end(new TransportError('REFUSED', message, { status: 401 }))
  })
  return () => deadline[Symbol.dispose]()
}

/** One deadline at a time. When it expires, it is set again if there was a message in the meantime. */
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
      const message = `no message within idleTimeoutMs (${idleTimeoutMs} ms)`
      end(new TransportError('CLOSED', message, undefined))
    })
  }
  wait(idleTimeoutMs)
  return () => check[Symbol.dispose]()
}
