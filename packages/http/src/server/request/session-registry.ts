import {
  type Admission,
  type ByteBudget,
  type Handshake,
  type Peer,
  type Refusal,
  type RefusedCaller,
  TransportError,
} from '@mcpwire/core'
import {
  type AcceptorSink,
  type Channel,
  type Incoming,
  refusedCaller,
  type Sink,
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
import { createPeriodicCheck, KeepAliveScheduler, type PeriodicCheck } from './periodic-check.js'

/** Names the session of a request, and of the response that opens one. */
export const SESSION_HEADER = 'mcp-session-id'

/** The services of the endpoint that a session uses. */
export interface SessionHost {
  readonly settings: EndpointSettings
  readonly keepAlive: KeepAliveScheduler
  /** Called when the session has ended. */
  readonly ended: (session: ServedSession) => void
  /** Called when the session may be idle. */
  readonly idle: (session: ServedSession) => void
}

/** One session, as far as the registry needs to know it. */
export interface ServedSession {
  readonly id: string
  readonly remoteAddress: string
  readonly owner: string
  readonly openedAt: number
  /** Whether the application has connected to it. */
  readonly isServed: boolean
  /** When it expires unless there is activity. */
  readonly dueAt: number
  end(reason?: Error): void
}

/** The properties of a new session. */
export interface SessionStart {
  readonly id: string
  readonly caller: Caller
  readonly peer: Peer
  readonly remoteAddress: string
}

/** How a session is created, and how the application is connected to it. */
export interface SessionFactory {
  create(start: SessionStart): ServedSession
  serve(sink: Sink): Channel
}

/** How much later than due a session may expire, as a part of the idle timeout, and at most. */
const LATENESS = 1 / 128
const MAX_LATENESS_MS = 10_000

/** The sessions of one endpoint. It offers new ones to the listener and ends expired ones. */
export class SessionRegistry implements SessionHost {
  readonly settings: EndpointSettings
  readonly keepAlive: KeepAliveScheduler
  /** The number of requests that wait for the gate and may open a session. */
  pendingAdmissions = 0
  readonly #sessions = new Map<string, ServedSession>()
  readonly #perAddress = new Map<string, number>()
  readonly #expiry: PeriodicCheck
  #sink: AcceptorSink | undefined
  #onEmpty: (() => void) | undefined

  constructor(settings: EndpointSettings) {
    const { clock, idleTimeoutMs, keepAliveIntervalMs } = settings
    const spacingMs = Math.min(idleTimeoutMs * LATENESS, MAX_LATENESS_MS)
    this.settings = settings
    this.keepAlive = new KeepAliveScheduler(clock, keepAliveIntervalMs, (error) => this.report(error))
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

  /** Calls `onEmpty` once no session is left. */
  close(onEmpty: () => void): void {
    this.#onEmpty = onEmpty
    this.#closeIfEmpty()
  }

  /** Whether `maxConnections` sessions are open or pending. */
  get isFull(): boolean {
    return this.#sessions.size + this.pendingAdmissions >= this.settings.maxConnections
  }

  refuseFull(exchange: HttpExchange): void {
    const { maxConnections } = this.settings
    respondUnavailable(exchange, 'the server has no capacity for another session')
    const reason = `maxConnections (${maxConnections}) sessions are open or wait for the gate`
    this.refused(exchange, { status: 503, reason, option: 'maxConnections' })
  }

  /** Refuses a caller, and reports it. */
  refuse(exchange: HttpExchange, refusal: Refusal): void {
    respondWithRefusal(exchange, refusal)
    this.refused(exchange, refusal)
  }

  /** Responds with an error. An overload is a refusal, and is reported. */
  fail(exchange: HttpExchange, failure: HttpFailure): void {
    respondWithError(exchange, failure)
    this.failed(exchange, failure)
  }

  /** Reports an error response that is a refusal. */
  failed(exchange: HttpExchange, { status, message: reason, option }: HttpFailure): void {
    if (status !== 503) return
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
    const { maxSessionsPerAddress } = this.settings
    if (this.#countOf(remoteAddress) >= maxSessionsPerAddress) {
      respondUnavailable(exchange, 'too many sessions from this address')
      const reason = `maxSessionsPerAddress (${maxSessionsPerAddress}) sessions of this address are open`
      this.refused(exchange, { status: 503, reason, option: 'maxSessionsPerAddress' })
      return
    }
    if (this.isFull) {
      this.refuseFull(exchange)
      return
    }
    const peer = peerOf(handshake)
    const session = create({ id: newSessionId(), caller, peer, remoteAddress })
    this.add(session)
    exchange.whenDisconnected(() => session.end(disconnectedBefore(peer)))
    this.offer(caller, {
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
      refuse: (refusal) => {
        session.end()
        if (!exchange.isDisconnected) respondWithRefusal(exchange, refusal)
      },
    })
  }

  /** Offers a connection of an admitted caller to the listener. Sessions renew their admission themselves. */
  offer({ admission: { authInfo } }: Caller, incoming: Omit<Incoming, 'admission'>): void {
    const admission: Admission = { admit: true, ...(authInfo && { authInfo }) }
    this.#sink?.connection({ ...incoming, admission })
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

  #countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0
  }

  #delete(session: ServedSession): void {
    if (!this.#sessions.delete(session.id)) return
    const others = this.#countOf(session.remoteAddress) - 1
    if (others > 0) this.#perAddress.set(session.remoteAddress, others)
    else this.#perAddress.delete(session.remoteAddress)
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

/** 122 bits from a cryptographically secure source, in visible ASCII (SESS-S-02, SESS-S-03). */
export function newSessionId(): string {
  return crypto.randomUUID()
}

/** Refuses a caller whose admission ended while its body arrived. Returns whether it did. */
export function refuseIfExpired(
  exchange: HttpExchange,
  { admission: { expiresAt = Infinity, revoked } }: Caller,
  registry: SessionRegistry,
): boolean {
  if (revoked?.aborted !== true && expiresAt > registry.settings.clock.epochNow()) return false
  registry.refuse(exchange, expiredCredential)
  return true
}

/** The peer of a request. */
export function peerOf({ remote: { address }, tls }: Handshake): Peer {
  const host = address?.includes(':') ? `[${address}]` : (address ?? '')
  return Object.freeze({ medium: 'http', address: `http://${host}`, ...(tls && { tls }) })
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
