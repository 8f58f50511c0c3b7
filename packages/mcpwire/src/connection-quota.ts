import type { SessionPolicy } from '@mcpwire/core'

/** The reason of a refusal by the quota. */
export const NO_CAPACITY = 'the server has no capacity for another connection'

/** A limit on open connections that several listeners share. */
export interface ConnectionQuota {
  /** Admits a connection while the quota allows it. The connection counts until it ends. */
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
  const release = (): void => void open--
  return {
    policy: {
      open: () => {
        if (open >= maxConnections) {
          return { admit: false, status: 503, reason: NO_CAPACITY }
        }
        open++
        return { admit: true, release }
      },
    },
    holdUntil: (end) => {
      open++
      void end.then(release)
    },
  }
}
