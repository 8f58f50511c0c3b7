import { type Clock, type Gate, type Handshake, type Peer, TransportError, type Verdict } from '@mcpwire/core'
import type { AcceptorSink, Channel, Incoming, Sink } from '@mcpwire/core/authoring'
import { hasLapsed } from './admission-timer.js'
import type { EndpointSettings } from './endpoint-options.js'
import { answerRefusal, lapsed } from './http-errors.js'
import type { Exchange } from './http-exchange.js'
import { LiveStreams } from './keep-alive-scheduler.js'
import type { Caller } from './principal.js'
import { newSessionId } from './session-id.js'
import { type ServedSession, type SessionHost, SessionTable } from './session-table.js'

/** What a new session is made of. */
export interface Opening {
  readonly id: string
  readonly caller: Caller
  readonly peer: Peer
  readonly remoteAddress: string
}

/** Takes those who want a session to the listener, and keeps the sessions there are. */
export class SessionRegistry implements SessionHost {
  readonly settings: EndpointSettings
  readonly live: LiveStreams
  readonly sessions: SessionTable
  /** How many that may open a session wait for the gate. */
  waiting = 0
  /** What the gate said about those who are on their way to the listener, which would ask again. */
  readonly #verdicts: WeakMap<Handshake, Verdict> = new WeakMap()
  #door: AcceptorSink | undefined
  #emptied: (() => void) | undefined

  constructor(settings: EndpointSettings) {
    this.settings = settings
    this.live = new LiveStreams(settings.clock, settings.keepAliveIntervalMs, (error) => this.report(error))
    this.sessions = new SessionTable(settings)
  }

  /** The gate for the listener: it repeats what was decided about the request that opens a session. */
  get gate(): Gate | undefined {
    const { gate } = this.settings
    if (!gate) return undefined
    return { admit: (handshake, signal) => this.#verdicts.get(handshake) ?? gate.admit(handshake, signal) }
  }

  get isOpen(): boolean {
    return this.#door !== undefined
  }

  open(door: AcceptorSink): void {
    this.#door = door
  }

  /** Calls back once there is no session any more. */
  close(emptied: () => void): void {
    this.#emptied = emptied
    this.#wind()
  }

  /** Whether there is no room for another session. */
  get isFull(): boolean {
    return this.sessions.size + this.waiting >= this.settings.maxConnections
  }

  refuseFull(exchange: Exchange): void {
    const { maxConnections } = this.settings
    refuseBusy(exchange, 'the server has no room for another session')
    const message = `a caller was refused: maxConnections (${maxConnections}) sessions are open or wait for the gate`
    this.report(new TransportError('REFUSED', message, { status: 503 }))
  }

  /** Takes a new session to the listener, whose application serves it or not. */
  offer(
    exchange: Exchange,
    caller: Caller,
    { make, serve }: { make: (opening: Opening) => ServedSession; serve: (sink: Sink) => Channel },
  ): void {
    const { handshake } = exchange
    const remoteAddress = handshake.remote.address ?? ''
    if (this.sessions.countOf(remoteAddress) >= this.settings.maxSessionsPerAddress) {
      refuseBusy(exchange, 'too many sessions from this address')
      return
    }
    if (this.isFull) {
      this.refuseFull(exchange)
      return
    }
    const peer = peerOf(handshake)
    const session = make({ id: newSessionId(), caller, peer, remoteAddress })
    this.sessions.add(session)
    exchange.whenLeft(() => session.end(callerLeft(peer)))
    this.hand(caller, {
      handshake,
      connector: {
        connectsOnce: true,
        peer,
        sessionId: session.id,
        connect: async (sink, signal) => {
          signal.throwIfAborted()
          if (exchange.hasLeft || this.sessions.get(session.id) !== session) throw callerLeft(peer)
          return serve(sink)
        },
      },
      refuse: (refusal) => {
        session.end()
        if (!exchange.hasLeft) answerRefusal(exchange, refusal)
      },
    })
  }

  /** Takes to the listener whom the gate has admitted. */
  hand({ admission: { authInfo } }: Caller, incoming: Incoming): void {
    this.#verdicts.set(incoming.handshake, { admit: true, ...(authInfo && { authInfo }) })
    this.#door?.connection(incoming)
  }

  /** The session with this id, where it is served and this caller's: to anybody else it does not exist. */
  find(id: string, caller: Caller): ServedSession | undefined {
    const session = this.sessions.get(id)
    return session?.isServed && session.owner === caller.owner ? session : undefined
  }

  readonly over = (session: ServedSession): void => {
    this.sessions.delete(session)
    if (this.sessions.size === 0) this.live.rest()
    this.#wind()
  }

  readonly rests = (session: ServedSession): void => this.sessions.rests(session)

  readonly report = (error: Error): void => this.#door?.error(error)

  #wind(): void {
    if (!this.#emptied || this.sessions.size > 0) return
    this.#emptied()
    this.#emptied = undefined
    this.live.stop()
  }
}

/** Tells a caller to come back later. */
export function refuseBusy(exchange: Exchange, reason: string): void {
  answerRefusal(exchange, { admit: false, status: 503, reason })
}

/** Refuses a caller whose admission ended while its body arrived, and says whether that was so. */
export function refusesLapsed(exchange: Exchange, { admission }: Caller, clock: Clock): boolean {
  if (!hasLapsed(admission, clock)) return false
  answerRefusal(exchange, lapsed)
  return true
}

/** Who is at the other end of a request. */
export function peerOf({ remote: { address }, tls }: Handshake): Peer {
  const host = address?.includes(':') ? `[${address}]` : (address ?? '')
  return Object.freeze({ medium: 'http', address: `http://${host}`, ...(tls && { tls }) })
}

function callerLeft({ address }: Peer): Error {
  return new TransportError('PEER_LOST', `${address} left before its session was served`, { address })
}
