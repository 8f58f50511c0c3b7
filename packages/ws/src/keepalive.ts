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
export function keepalive(
  { ping, gone, bytesReceived, isPaused }: Watched,
  options: KeepaliveOptions,
): Keepalive {
  const { pingIntervalMs, pongTimeoutMs, clock } = options
  let heardAt = clock.now()
  let next: Disposable | undefined

  function silent(): void {
    const left = heardAt + pingIntervalMs - clock.now()
    if (left > 0) {
      next = clock.deadline(left, silent)
      return
    }
    const bytesBefore = bytesReceived()
    ping()
    next = clock.deadline(pongTimeoutMs, () => {
      if (bytesReceived() === bytesBefore && !isPaused()) {
        gone()
        return
      }
      heardAt = Math.max(heardAt, clock.now() - pongTimeoutMs)
      silent()
    })
  }

  if (pingIntervalMs !== Infinity) next = clock.deadline(pingIntervalMs, silent)
  return {
    heard() {
      heardAt = clock.now()
    },
    [Symbol.dispose]: () => next?.[Symbol.dispose](),
  }
}
