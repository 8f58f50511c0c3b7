import { type SessionPolicy, TransportError } from '@mcpwire/core'

/** How many more may come, whichever door they come to. */
export interface Places {
  /** Lets in who finds a place, which is free again when the connection has ended. */
  readonly policy: SessionPolicy
  /** Takes a place until then: a server that is still ending costs as much as one that runs. */
  keepUntil(end: Promise<unknown>): void
}

/** That many places. `report` hears of those who find none. */
export function createPlaces(maxConnections: number, report: (error: Error) => void): Places {
  let taken = 0
  const release = (): void => void taken--
  return {
    policy: {
      open: () => {
        if (taken >= maxConnections) {
          const message = `a caller was refused: maxConnections (${maxConnections}) are connected`
          report(new TransportError('REFUSED', message, { status: 503 }))
          return { admit: false, status: 503, reason: 'the server has no room for another connection' }
        }
        taken++
        return { admit: true, release }
      },
    },
    keepUntil: (end) => {
      taken++
      void end.then(release)
    },
  }
}
