/*
 * Notices a peer that is gone while something is in flight, by the request `ping` of MCP. The keep-alive of TCP does not
 * probe then: the system sends the data again instead, on Linux for about 15 minutes.
 *
 *   idle ──sent()──▶ waiting ──silence──▶ pinged ──silence──▶ lost
 *    ▲                │   ▲                 │
 *    └─ none in flight┘   └──── received() ─┘
 *
 * A silence lasts `pingIntervalMs`. In flight is a request without a response, and any message since the last received
 * bytes. Only a session has `ping`: from the response to `initialize` on, and not in 2026-07-28. Without one, and while
 * the consumer does not read, a lost peer is not noticed here.
 */
import { systemRandom } from '../authoring.js'
import { PING_METHOD } from '../contract/protocol.js'
import type { Clock, JsonRpcMessage, JsonRpcRequest } from '../index.js'
import { isResponse } from '../index.js'

/** The facts about a connection at the time of a check. */
export interface LivenessFacts {
  /** Whether the peer accepts `ping`. */
  readonly canPing: boolean
  /** Whether a sent request has no response yet. */
  readonly hasPendingRequests: boolean
  /** Whether received bytes would be noticed. */
  readonly isReading: boolean
  /** The bytes that the system has not accepted yet. */
  readonly queuedBytes: number
  /** The bytes that the system has accepted so far. */
  readonly acceptedBytes: number
}

/** The step after a check. */
export type LivenessStep =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'idle' }

/** The state of one connection, without a timer. All times are in milliseconds of one clock. */
export class LivenessState {
  readonly #intervalMs: number
  #isIdle = true
  #lastLife = 0
  /** Whether a message was sent after the last received bytes. */
  #isUnanswered = false
  #isPinged = false
  /** The output at the last check. */
  #queuedBytes = 0
  #acceptedBytes = 0

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** A message was sent. Returns whether checks begin, after the interval. */
  sent(now: number): boolean {
    this.#isUnanswered = true
    if (!this.#isIdle) return false
    this.#isIdle = false
    this.#lastLife = now
    return true
  }

  received(now: number): void {
    this.#lastLife = now
    this.#isUnanswered = false
    this.#isPinged = false
  }

  check(now: number, facts: LivenessFacts): LivenessStep {
    if (this.#hasProgress(facts) || !facts.isReading) this.#lastLife = now
    const isInFlight = this.#isUnanswered || this.#isPinged || facts.hasPendingRequests
    if (!isInFlight || !facts.canPing) {
      this.#isIdle = true
      return { kind: 'idle' }
    }
    const leftMs = this.#lastLife + this.#intervalMs - now
    if (leftMs > 0) return { kind: 'wait', ms: leftMs }
    if (this.#isPinged) return { kind: 'lost' }
    this.#isPinged = true
    this.#lastLife = now
    return { kind: 'ping' }
  }

  /** Whether the peer takes bytes: the system had a full buffer at the last check, and has accepted more since. */
  #hasProgress({ queuedBytes, acceptedBytes }: LivenessFacts): boolean {
    const hasProgress = this.#queuedBytes > 0 && acceptedBytes > this.#acceptedBytes
    this.#queuedBytes = queuedBytes
    this.#acceptedBytes = acceptedBytes
    return hasProgress
  }
}

/** The connection to check. */
export interface LivenessTarget {
  livenessFacts(): LivenessFacts
  /** Sends the request. May fail: the peer is then as silent as before. */
  sendPing(request: JsonRpcRequest): void
  /** Nothing was received after a ping. Called once. */
  peerLost(): void
}

/** Checks one connection while something is in flight. */
export class Liveness {
  readonly #target: LivenessTarget
  readonly #state: LivenessState
  readonly #intervalMs: number
  readonly #clock: Clock
  readonly #random: () => number
  /** Set by the first ping. Random, so that no id of the application is the same. */
  #idPrefix: string | undefined
  #pings = 0
  #timer: Disposable | undefined

  constructor(target: LivenessTarget, intervalMs: number, clock: Clock, random: () => number = systemRandom) {
    this.#target = target
    this.#state = new LivenessState(intervalMs)
    this.#intervalMs = intervalMs
    this.#clock = clock
    this.#random = random
  }

  sent(): void {
    if (this.#state.sent(this.#clock.now())) this.#checkIn(this.#intervalMs)
  }

  received(): void {
    this.#state.received(this.#clock.now())
  }

  /** Whether the message is the response to a ping of this side. */
  isPong(message: JsonRpcMessage): boolean {
    if (this.#idPrefix === undefined || !isResponse(message)) return false
    return typeof message.id === 'string' && message.id.startsWith(this.#idPrefix)
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]()
  }

  #checkIn(ms: number): void {
    this.#timer = this.#clock.deadline(ms, () => this.#check())
  }

  #check(): void {
    const step = this.#state.check(this.#clock.now(), this.#target.livenessFacts())
    if (step.kind === 'lost') this.#target.peerLost()
    else if (step.kind === 'wait') this.#checkIn(step.ms)
    else if (step.kind === 'ping') {
      this.#checkIn(this.#intervalMs)
      this.#target.sendPing({ jsonrpc: '2.0', id: this.#nextId(), method: PING_METHOD })
    }
  }

  #nextId(): string {
    this.#idPrefix ??= `mcpwire-ping-${this.#random().toString(36).slice(2)}-`
    this.#pings++
    return `${this.#idPrefix}${this.#pings}`
  }
}
