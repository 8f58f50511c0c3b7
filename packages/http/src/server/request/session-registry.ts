import {
  type Admission,
  type ByteBudget,
  type Peer,
  type Refusal,
  type RefusedCaller,
  type RequestId,
  TransportError,
} from '@mcpwire/core'
import {
  type AcceptorSink,
  asksForMessages,
  type Incoming,
  isRefusal,
  refusedCaller,
} from '@mcpwire/core/authoring'
import type { EndpointSettings } from './endpoint-options.js'
import {
  expiredCredential,
  type HttpFailure,
  respondUnavailable,
  respondWithError,
  respondWithRefusal,
} from './http-errors.js'
import type { Caller, HttpExchange } from './http-exchange.js'
import { MessageAdmission } from './message-admission.js'
import { createPeriodicCheck, KeepAliveScheduler, type PeriodicCheck } from './periodic-check.js'
import { ParseTurns } from './read-post.js'
import type { ServedSession, SessionFactory, SessionHost } from './served-session.js'
import { peerOf, refusalByGrant } from './session-caller.js'
import { longestIdle, type PrincipalUsage, quarterOf } from './session-eviction.js'

/** A limit on sessions, and those that it counts. */
interface RoomLimit {
  readonly option: string
  readonly max?: number
  readonly matches?: (session: ServedSession) => boolean
}

/** The limit of a session policy. */
const noCapacity: RoomLimit = { option: 'the session policy' }

interface ShareReached {
  readonly status: 429 | 503
  readonly reason: 'principal' | 'address'
  readonly limit: RoomLimit
}

/** How much later than due a session may expire, as a part of the idle timeout, and at most. */
const LATENESS = 1 / 128
const MAX_LATENESS_MS = 10_000

/** The sessions of one endpoint. It offers new ones to the listener and ends expired ones. */
export class SessionRegistry implements SessionHost {
  readonly settings: EndpointSettings
  readonly keepAlive: KeepAliveScheduler
  readonly parseTurns: ParseTurns
  /** Set where the gate is asked for each request. */
  readonly messageAdmission: MessageAdmission | undefined
  /** The number of requests that wait for the gate and may open a session. */
  pendingAdmissions = 0
  readonly #sessions = new Map<string, ServedSession>()
  readonly #perAddress = new Map<string, number>()
  readonly #usage = new Map<string, PrincipalUsage>()
  readonly #expiry: PeriodicCheck
  #sink: AcceptorSink | undefined
  #onEmpty: (() => void) | undefined

  /** @param nextTurn calls back in another turn of the event loop */
  constructor(settings: EndpointSettings, nextTurn: (run: () => void) => void) {
    const { clock, idleTimeoutMs, keepAliveIntervalMs } = settings
    const spacingMs = Math.min(idleTimeoutMs * LATENESS, MAX_LATENESS_MS)
    this.settings = settings
    this.keepAlive = new KeepAliveScheduler(clock, keepAliveIntervalMs, (error) => this.report(error))
    const { gate } = settings
    this.messageAdmission = asksForMessages(gate) ? new MessageAdmission(gate, this) : undefined
    this.parseTurns = new ParseTurns(clock, nextTurn)
    this.#expiry = createPeriodicCheck(clock, spacingMs, (now) => this.#expire(now))
  }

  /** The bytes that all connections of the listener may hold together. */
  get budget(): ByteBudget | undefined {
    return this.#sink?.budget
  }

  get isOpen(): boolean {
    return this.#sink !== undefined
  }

  open(sink: AcceptorSink): void {
    this.#sink = sink
  }

  /** Replaces the caller of a request by the one behind a proxy. Returns the refusal of the resolver. */
  resolve(exchange: HttpExchange): Refusal | undefined {
    if (!this.#sink?.resolve) return undefined
    const resolved = this.#sink.resolve(exchange.handshake)
    if (isRefusal(resolved)) return resolved
    exchange.handshake = resolved
    return undefined
  }

  /** Calls `onEmpty` once no session is left. */
  close(onEmpty: () => void): void {
    this.#onEmpty = onEmpty
    this.#closeIfEmpty()
  }

  /** Whether `maxConnections` sessions are open or pending. */
  get isFull(): boolean {
    return this.#sessions.size + this.pendingAdmissions >= this.settings.maxConnections
  }

  /** Whether a caller at the gate could not get a session, although idle ones make space. */
  get hasNoRoom(): boolean {
    if (!this.isFull) return false
    let busy = this.pendingAdmissions
    for (const { idleness } of this.#sessions.values()) if (!idleness) busy++
    return busy >= this.settings.maxConnections
  }

  /** Ends the session that is idle the longest, if `maxConnections` is reached. Returns whether another one may open. */
  makeRoom(): boolean {
    return !this.isFull || this.#evict({ option: 'maxConnections', max: this.settings.maxConnections })
  }

  refuseFull(exchange: HttpExchange): void {
    const { maxConnections } = this.settings
    respondUnavailable(exchange, 'the server has no capacity for another session')
    const reason = `maxConnections (${maxConnections}) sessions are open or wait for the gate`
    this.refused(exchange, { status: 503, reason, option: 'maxConnections' })
  }

  /** Refuses a caller, and reports it. */
  refuse(exchange: HttpExchange, refusal: Refusal, option?: string): void {
    respondWithRefusal(exchange, refusal)
    this.refused(exchange, { ...refusal, ...(option !== undefined && { option }) })
  }

  /** Responds with an error. An overload is a refusal, and is reported. */
  fail(exchange: HttpExchange, failure: HttpFailure): void {
    respondWithError(exchange, failure)
    this.failed(exchange, failure)
  }

  /** Reports an error response that is a refusal. */
  failed(exchange: HttpExchange, { status, message: reason, option }: HttpFailure): void {
    if (status !== 503 && status !== 429) return
    this.refused(exchange, { status, reason, ...(option !== undefined && { option }) })
  }

  /** Reports a caller that was refused. */
  refused({ handshake }: HttpExchange, refusal: Pick<RefusedCaller, 'status' | 'reason' | 'option'>): void {
    this.#sink?.refused(refusedCaller(handshake, { ...refusal, address: peerOf(handshake).address }))
  }

  /** Creates a session and offers it to the listener. */
  openSession(exchange: HttpExchange, caller: Caller, { create, serve }: SessionFactory): void {
    const { handshake } = exchange
    const remoteAddress = handshake.remote.address ?? ''
    const reached = this.#shareReached(caller, remoteAddress)
    if (reached) {
      const { status, reason, limit } = reached
      const refusal: Refusal = { admit: false, status, reason: `too many sessions of this ${reason}` }
      respondWithRefusal(exchange, refusal)
      const full = `${limit.option} (${limit.max}) sessions of this ${reason} are open`
      this.refused(exchange, { status, reason: full, option: limit.option })
      return
    }
    const hasMadeRoom = this.isFull
    if (!this.makeRoom()) {
      this.refuseFull(exchange)
      return
    }
    const peer = peerOf(handshake)
    const usage = this.#usageOf(caller.owner)
    const session = create({ id: newSessionId(), caller, peer, remoteAddress, usage })
    this.add(session)
    exchange.whenDisconnected(() => session.end(disconnectedBefore(peer)))
    const incoming = {
      handshake,
      connector: {
        connectsOnce: true,
        peer,
        sessionId: session.id,
        connect: async (sink, signal) => {
          signal.throwIfAborted()
          if (exchange.isDisconnected || !this.has(session.id)) throw disconnectedBefore(peer)
          return serve(sink)
        },
      },
      onGrant: (grant) => {
        session.grant = grant
      },
      refuse: (refusal) => {
        session.end()
        if (!exchange.isDisconnected) respondWithRefusal(exchange, refusal)
      },
    } satisfies Omit<Incoming, 'admission' | 'makeRoom'>
    this.offer(caller, incoming, hasMadeRoom)
  }

  /**
   * Offers a connection of an admitted caller to the listener. Sessions renew their admission themselves.
   *
   * @param hasMadeRoom whether an idle session ends for this caller already
   */
  offer(
    { admission: { authInfo } }: Caller,
    incoming: Omit<Incoming, 'admission' | 'makeRoom'>,
    hasMadeRoom = false,
  ): void {
    const admission: Admission = { admit: true, ...(authInfo && { authInfo }) }
    const makeRoom = once(() => hasMadeRoom || this.#evict(noCapacity))
    this.#sink?.connection({ ...incoming, admission, asksForMessages: true, makeRoom })
  }

  /** Refuses a further request of a session where its grant does not allow it. Returns whether it did. */
  refuseBySession(session: ServedSession, exchange: HttpExchange, caller: Caller, id?: RequestId): boolean {
    const refusal = this.refusalBySession(session, exchange, caller)
    if (!refusal) return false
    respondWithRefusal(exchange, refusal, id)
    this.refused(exchange, refusal)
    return true
  }

  /** The refusal of a further request by the grant of its session. */
  refusalBySession(
    { grant }: ServedSession,
    { handshake }: HttpExchange,
    { admission }: Caller,
  ): Refusal | undefined {
    return grant?.check && refusalByGrant(grant, { handshake, admission }, this.report)
  }

  has(id: string): boolean {
    return this.#sessions.has(id)
  }

  /** The session with this id, where it is served and belongs to this caller. */
  find(id: string, caller: Caller): ServedSession | undefined {
    const session = this.#sessions.get(id)
    return session?.isServed && session.owner === caller.owner ? session : undefined
  }

  add(session: ServedSession): void {
    this.#sessions.set(session.id, session)
    this.#perAddress.set(session.remoteAddress, this.#countOf(session.remoteAddress) + 1)
    this.#usageOf(session.owner).sessions++
    this.#expiry.schedule(session.dueAt)
  }

  readonly ended = (session: ServedSession): void => {
    this.#delete(session)
    if (this.#sessions.size === 0) this.keepAlive.stopWhenEmpty()
    this.#closeIfEmpty()
  }

  readonly idle = (session: ServedSession): void => {
    if (this.#sessions.has(session.id)) this.#expiry.schedule(session.dueAt)
  }

  readonly report = (error: Error): void => this.#sink?.error(error)

  /** The share of the caller that has no capacity for another session. */
  #shareReached({ authInfo, owner }: Caller, address: string): ShareReached | undefined {
    const { maxConnections, maxSessionsPerAddress } = this.settings
    const { maxSessionsPerPrincipal = quarterOf(maxConnections) } = this.settings
    const ofPrincipal: RoomLimit = {
      option: 'maxSessionsPerPrincipal',
      max: maxSessionsPerPrincipal,
      matches: (session) => session.owner === owner,
    }
    const isPrincipalFull =
      authInfo !== undefined && (this.#usage.get(owner)?.sessions ?? 0) >= maxSessionsPerPrincipal
    if (isPrincipalFull && !this.#evict(ofPrincipal))
      return { status: 429, reason: 'principal', limit: ofPrincipal }
    const ofAddress: RoomLimit = {
      option: 'maxSessionsPerAddress',
      max: maxSessionsPerAddress,
      matches: (session) => session.remoteAddress === address,
    }
    const isAddressFull = this.#countOf(address) >= maxSessionsPerAddress
    if (isAddressFull && !this.#evict(ofAddress)) return { status: 503, reason: 'address', limit: ofAddress }
    return undefined
  }

  /** Ends the session that is idle the longest. Returns whether there was one. */
  #evict({ option, max, matches = () => true }: RoomLimit): boolean {
    const session = longestIdle(this.#sessions.values(), matches)
    if (!session) return false
    const limit = max === undefined ? option : `${option} (${max})`
    session.end(new TransportError('CLOSED', `the session was idle and made space: ${limit}`, undefined))
    return true
  }

  #usageOf(owner: string): PrincipalUsage {
    let usage = this.#usage.get(owner)
    if (!usage) {
      usage = { sessions: 0, inFlight: 0 }
      this.#usage.set(owner, usage)
    }
    return usage
  }

  #countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0
  }

  #delete(session: ServedSession): void {
    if (!this.#sessions.delete(session.id)) return
    const others = this.#countOf(session.remoteAddress) - 1
    if (others > 0) this.#perAddress.set(session.remoteAddress, others)
    else this.#perAddress.delete(session.remoteAddress)
    const usage = this.#usageOf(session.owner)
    usage.sessions--
    if (usage.sessions === 0) this.#usage.delete(session.owner)
    if (this.#sessions.size === 0) this.#expiry.stop()
  }

  #closeIfEmpty(): void {
    if (!this.#onEmpty || this.#sessions.size > 0) return
    this.#onEmpty()
    this.#onEmpty = undefined
    this.keepAlive.stop()
  }

  #expire(now: number): number {
    let next = Infinity
    for (const session of this.#sessions.values()) {
      const { dueAt } = session
      if (dueAt > now) next = Math.min(next, dueAt)
      else session.end(expired(session, now, this.settings))
    }
    return next
  }
}

/** A function whose result is that of its first call. */
function once(call: () => boolean): () => boolean {
  let result: boolean | undefined
  return () => {
    result ??= call()
    return result
  }
}

/** 122 bits from a cryptographically secure source, in visible ASCII (SESS-S-02, SESS-S-03). */
export function newSessionId(): string {
  return crypto.randomUUID()
}

/** Refuses a caller whose admission ended while its body arrived. Returns whether it did. */
export function refuseIfExpired(
  exchange: HttpExchange,
  { admission: { expiresAt, revoked } }: Caller,
  registry: SessionRegistry,
): boolean {
  const isExpired = expiresAt !== undefined && expiresAt <= registry.settings.clock.epochNow()
  if (revoked?.aborted !== true && !isExpired) return false
  registry.refuse(exchange, expiredCredential)
  return true
}

function disconnectedBefore({ address }: Peer): Error {
  return new TransportError('PEER_LOST', `${address} disconnected before its session was served`, { address })
}

function expired(
  { openedAt }: ServedSession,
  now: number,
  { lifetimeMs, idleTimeoutMs }: EndpointSettings,
): Error {
  const reason =
    now >= openedAt + lifetimeMs
      ? `the session reached lifetimeMs (${lifetimeMs})`
      : `the session was idle for idleTimeoutMs (${idleTimeoutMs})`
  return new TransportError('CLOSED', reason, undefined)
}
