import type { Clock } from './clock.js'
import type { Channel, Connector } from './connector.js'
import { cancelledBy, LISTEN_METHOD } from './era.js'
import { TransportError } from './errors.js'
import type { Admission } from './gate.js'
import { isRequest, isResponse, type JsonRpcMessage, type RequestId } from './message.js'
import type { SessionGrant } from './session-policy.js'
import type { AuthInfo, MessageContext, Transport } from './transport.js'

/** What a listener keeps an eye on, for one connection, from its admission to its end. */
export interface Supervision {
  /** The caller's connector, telling who it is with everything it says. */
  readonly connector: Connector
  /** Whether the connector was asked to connect, and so owns what it needs to. */
  readonly wasConnected: boolean
  /** Ends the connection when it is not started in time, idle or alive for too long, or no longer admitted. */
  watch(connection: Transport, startTimeoutMs: number): void
  /** Resolves as soon as no request of the caller is being answered. */
  quiet(): Promise<void>
}

/** What a caller was granted. */
export interface Admitted {
  readonly admission: Admission
  readonly grant?: SessionGrant
}

/** Watches over one connection that was admitted. */
export function superviseConnection(
  inner: Connector,
  { admission, grant }: Admitted,
  clock: Clock,
): Supervision {
  const unanswered = new Set<RequestId>()
  const waiting: (() => void)[] = []
  let lastActivity = clock.now()

  function received(message: JsonRpcMessage): void {
    lastActivity = clock.now()
    if (isRequest(message)) {
      if (message.method !== LISTEN_METHOD) unanswered.add(message.id)
      return
    }
    // Whoever answers a request sends nothing for one that was cancelled (Cancellation, Behavior).
    const cancelled = cancelledBy(message)
    if (cancelled !== undefined) answered(cancelled)
  }

  function sent(message: JsonRpcMessage, taken: Promise<void> | undefined): void {
    lastActivity = clock.now()
    if (!isResponse(message) || message.id === undefined) return
    const { id } = message
    const done = (): void => answered(id)
    // Not before the medium took it, lest the connection is closed in front of the answer.
    Promise.resolve(taken).then(done, done)
  }

  function answered(id: RequestId): void {
    if (unanswered.delete(id) && unanswered.size === 0) for (const resolve of waiting.splice(0)) resolve()
  }

  const connectable: Connector = {
    ...inner,
    connect: (sink, signal) => {
      supervision.wasConnected = true
      return inner.connect(sink, signal)
    },
  }
  const supervision = {
    connector: identified(connectable, admission.authInfo, received, sent),
    wasConnected: false,
    watch: (connection: Transport, startTimeoutMs: number): void => {
      const stops = [
        untilStarted(connection, startTimeoutMs, clock),
        untilInvalid(connection, admission, clock),
        untilOld(connection, grant, clock),
        untilIdle(connection, grant, clock, () => lastActivity),
      ]
      void connection.closed.then(() => {
        for (const stop of stops) stop?.()
        unanswered.clear()
        for (const resolve of waiting.splice(0)) resolve()
      })
    },
    quiet: (): Promise<void> =>
      unanswered.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)),
  }
  return supervision
}

function identified(
  inner: Connector,
  given: AuthInfo | undefined,
  received: (message: JsonRpcMessage) => void,
  sent: (message: JsonRpcMessage, taken: Promise<void> | undefined) => void,
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
      const channel: Channel = await inner.connect(
        {
          ...sink,
          message: (message, context) => {
            received(message)
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
            sent(message, taken)
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

function untilStarted(connection: Transport, startTimeoutMs: number, clock: Clock): () => void {
  const late = clock.deadline(startTimeoutMs, () => {
    if (connection.state !== 'idle') return
    const message = `an admitted connection was not started within startTimeoutMs (${startTimeoutMs} ms)`
    void connection.close({ reason: new TransportError('CLOSED', message, undefined) })
  })
  return () => late[Symbol.dispose]()
}

function untilInvalid(connection: Transport, { expiresAt, revoked }: Admission, clock: Clock): () => void {
  const end = (why: string) => () => {
    void connection.close({ reason: new TransportError('REFUSED', why, { status: 401 }) })
  }
  const expiry =
    expiresAt === undefined
      ? undefined
      : clock.deadline(expiresAt - clock.epochNow(), end('the admission of this caller expired'))
  const onrevoked = end('the admission of this caller was revoked')
  if (revoked?.aborted) onrevoked()
  revoked?.addEventListener('abort', onrevoked, { once: true })
  return () => {
    expiry?.[Symbol.dispose]()
    revoked?.removeEventListener('abort', onrevoked)
  }
}

function untilOld(
  connection: Transport,
  grant: SessionGrant | undefined,
  clock: Clock,
): (() => void) | undefined {
  const lifetimeMs = grant?.lifetimeMs
  if (lifetimeMs === undefined) return undefined
  const old = clock.deadline(lifetimeMs, () => {
    const message = `the session reached its lifetime of ${lifetimeMs} ms`
    void connection.close({ reason: new TransportError('REFUSED', message, { status: 401 }) })
  })
  return () => old[Symbol.dispose]()
}

/** One deadline for the whole life: when it comes and something was said meanwhile, it moves. */
function untilIdle(
  connection: Transport,
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
      void connection.close({ reason: new TransportError('CLOSED', message, undefined) })
    })
  }
  wait(idleTimeoutMs)
  return () => check[Symbol.dispose]()
}
