import type { Clock } from '@mcpwire/core'

/** How to find out that a peer is gone without having said so. */
export interface KeepaliveOptions {
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  readonly clock: Clock
}

/** The connection to watch. */
export interface Watched {
  readonly ping: () => void
  /** Called once, when no sign of life came. */
  readonly gone: () => void
  /** How much was read: a long frame is a sign of life before it is complete. */
  readonly bytesReceived: () => number
  /** Whether this end reads nothing at the moment, and so cannot know. */
  readonly isPaused: () => boolean
}

/** Watches over one connection. */
export interface Keepalive extends Disposable {
  /** Notes that something was heard. Costs no timer. */
  heard(): void
}

/**
 * Pings a peer that has been silent, and calls `gone` once when that brings no sign of life: a half-open connection
 * is noticed within `pingIntervalMs + pongTimeoutMs` of the last one.
 */
export function keepalive(watched: Watched, options: KeepaliveOptions): Keepalive {
  return new Watch(watched, options)
}

// A class, as one is there for each connection.
class Watch implements Keepalive {
  readonly #watched: Watched
  readonly #options: KeepaliveOptions
  #heardAt: number
  #next: Disposable | undefined

  constructor(watched: Watched, options: KeepaliveOptions) {
    this.#watched = watched
    this.#options = options
    this.#heardAt = options.clock.now()
    this.#wait(options.pingIntervalMs)
  }

  heard(): void {
    this.#heardAt = this.#options.clock.now()
  }

  [Symbol.dispose](): void {
    this.#next?.[Symbol.dispose]()
  }

  #wait(ms: number): void {
    if (ms !== Infinity) this.#next = this.#options.clock.deadline(ms, () => this.#silent())
  }

  #silent(): void {
    const { pingIntervalMs, pongTimeoutMs, clock } = this.#options
    const left = this.#heardAt + pingIntervalMs - clock.now()
    if (left > 0) {
      this.#wait(left)
      return
    }
    const bytesBefore = this.#watched.bytesReceived()
    this.#watched.ping()
    this.#next = clock.deadline(pongTimeoutMs, () => this.#judge(bytesBefore))
  }

  #judge(bytesBefore: number): void {
    if (this.#watched.bytesReceived() === bytesBefore && !this.#watched.isPaused()) {
      this.#watched.gone()
      return
    }
    const { pongTimeoutMs, clock } = this.#options
    this.#heardAt = Math.max(this.#heardAt, clock.now() - pongTimeoutMs)
    this.#silent()
  }
}
