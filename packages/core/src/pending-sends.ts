/** The sends of one channel that wait for the medium. */
export interface PendingSends {
  /** A promise that settles as the channel's does, unless it is rejected before. */
  track(taken: Promise<void>): Promise<void>
  /** Rejects all that wait. */
  rejectAll(error: Error): void
}

/**
 * Keeps one rejecter for each promise a channel gave, so that none outlives the conversation unsettled (clause C3).
 * `failed` says what a send that the channel rejects is rejected with.
 */
export function pendingSends(failed: (error: unknown) => unknown): PendingSends {
  const rejecters = new Set<(error: Error) => void>()
  let last: { readonly taken: Promise<void>; readonly settled: Promise<void> } | undefined

  function settling(taken: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      rejecters.add(reject)
      taken.then(
        () => {
          rejecters.delete(reject)
          resolve()
        },
        (error) => {
          rejecters.delete(reject)
          reject(failed(error))
        },
      )
    })
  }

  return {
    track(taken) {
      // A channel gives one promise for everything that waits for the same moment.
      if (last?.taken !== taken) last = { taken, settled: settling(taken) }
      return last.settled
    },
    rejectAll(error) {
      for (const reject of rejecters) reject(error)
      rejecters.clear()
    },
  }
}
