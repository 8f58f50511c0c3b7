import { type SessionPolicy, TransportError } from '@mcpwire/core'

/** A limit on open connections that several listeners share. */
export interface ConnectionQuota {
  /** Admits a connection while the quota allows it. The connection counts until it ends. */
  readonly policy: SessionPolicy
  /** Counts one connection more until the promise resolves: a server that is shutting down still uses resources. */
  holdUntil(end: Promise<unknown>): void
}

/**
 * Creates a quota of `maxConnections`. `onRefused` receives an error for each refused connection.
 *
 * @example
 * ```ts
 * const quota = createConnectionQuota(100, (error) => console.error(error.message))
 * const listener = await listenerAt(url, { sessionPolicy: quota.policy })
 * ```
 */
export function createConnectionQuota(
  maxConnections: number,
  onRefused: (error: Error) => void,
): ConnectionQuota {
  let open = 0
  const release = (): void => void open--
  return {
    policy: {
      open: () => {
        if (open >= maxConnections) {
          const message = `connection refused: maxConnections (${maxConnections}) connections are open`
          onRefused(new TransportError('REFUSED', message, { status: 503, option: 'maxConnections' }))
          return { admit: false, status: 503, reason: 'the server has no capacity for another connection' }
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
