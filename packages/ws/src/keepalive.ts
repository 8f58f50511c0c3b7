import type { Clock } from '@mcpwire/core'

/** Intervals of the detection of a lost peer. */
export interface KeepaliveOptions {
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  readonly clock: Clock
}

/** The connection to check. */
export interface KeepaliveTarget {
  readonly ping: () => void
  /** Called once, when a ping gets no response. */
  readonly lost: () => void
  /** Bytes that were read. Part of a long frame is activity too. */
  readonly bytesReceived: () => number
  /** Whether this end reads nothing at the moment. A pong cannot arrive then. */
  readonly isPaused: () => boolean
}

/** The check of one connection. Dispose of it to stop. */
export interface Keepalive extends Disposable {
  /** Records activity of the peer. Sets no timer. */
  activity(): void
}

/**
 * Pings an idle peer, and calls `lost` once when no activity follows.
 *
 * A half-open connection is detected within `pingIntervalMs + pongTimeoutMs` of the last activity.
 */
export function keepalive(target: KeepaliveTarget, options: KeepaliveOptions): Keepalive {
  return new PingTimer(target, options)
}

// A class: every connection has one, and closures would take more memory.
class PingTimer implements Keepalive {
  readonly #target: KeepaliveTarget
  readonly #options: KeepaliveOptions
  #lastActivity: number
  #timer: Disposable | undefined

  constructor(target: KeepaliveTarget, options: KeepaliveOptions) {
    this.#target = target
    this.#options = options
    this.#lastActivity = options.clock.now()
    this.#checkIn(options.pingIntervalMs)
  }

  activity(): void {
    this.#lastActivity = this.#options.clock.now()
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }

  #checkIn(ms: number): void {
    if (ms !== Infinity) this.#timer = this.#options.clock.deadline(ms, () => this.#checkIdle())
  }

  #checkIdle(): void {
    const { pingIntervalMs, pongTimeoutMs, clock } = this.#options
    const left = this.#lastActivity + pingIntervalMs - clock.now()
    if (left > 0) {
      this.#checkIn(left)
      return
    }
    const bytesBefore = this.#target.bytesReceived()
    this.#target.ping()
    this.#timer = clock.deadline(pongTimeoutMs, () => this.#checkResponse(bytesBefore))
  }

  #checkResponse(bytesBefore: number): void {
    if (this.#target.bytesReceived() === bytesBefore && !this.#target.isPaused()) {
      this.#target.lost()
      return
    }
    const { pongTimeoutMs, clock } = this.#options
    this.#lastActivity = Math.max(this.#lastActivity, clock.now() - pongTimeoutMs)
    this.#checkIdle()
  }
}
