import { type SessionPolicy, systemClock } from '@mcpwire/core'
import { deferred } from '@mcpwire/core/authoring'

/** The reason of a refusal by the quota. */
export const NO_CAPACITY = 'the server has no capacity for another connection'

/** A limit on open connections that several listeners share. */
export interface ConnectionQuota {
  /**
   * Admits a connection while the quota allows it. The connection counts until it ends. Listeners with idle sessions end
   * one for a refused connection, and ask again when the server of one has ended.
   */
  readonly policy: SessionPolicy
  /** Counts one connection more until the promise resolves: a server that is shutting down still uses resources. */
  holdUntil(end: Promise<unknown>): void
}

/**
 * Creates a quota of `maxConnections`.
 *
 * @example
 * ```ts
 * const quota = createConnectionQuota(100)
 * const listener = await listenerAt(url, { sessionPolicy: quota.policy })
 * ```
 */
export function createConnectionQuota(maxConnections: number): ConnectionQuota {
  let open = 0
  /** Resolved when a connection ends: all of them, as some may have stopped waiting. */
  let freed = deferred()
  const release = (): void => {
    open--
    freed.resolve()
    freed = deferred()
  }
  return {
    policy: {
      open: () => {
        if (open >= maxConnections) {
          return { admit: false, status: 503, reason: NO_CAPACITY, whenFree: () => freed.promise }
        }
        open++
        // Later: `holdUntil` counts a server that is still shutting down when its connection has ended.
        return { admit: true, release: () => void systemClock.deadline(0, release) }
      },
    },
    holdUntil: (end) => {
      open++
      void end.then(release)
    },
  }
}
