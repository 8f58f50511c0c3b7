import type { Clock } from '@mcpwire/core'

/** How long one address may keep silent before the next is tried beside it (RFC 8305, section 8). */
export const ATTEMPT_DELAY_MS = 250

/**
 * Tries candidates side by side: the next starts when the one before has failed or kept silent for 250 ms. The first
 * to succeed wins and the others are abandoned. Rejects with the first failure when all have failed.
 */
export function race<C, T>(
  candidates: readonly C[],
  attempt: (candidate: C, signal: AbortSignal) => Promise<T>,
  discard: (late: T) => void,
  clock: Clock,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = new AbortController()
    const failures: unknown[] = []
    let next = 0
    let isWon = false
    let patience: Disposable | undefined

    const startNext = (): void => {
      patience?.[Symbol.dispose]()
      patience = undefined
      const candidate = candidates[next++]
      if (candidate === undefined || isWon) return
      if (next < candidates.length) patience = clock.deadline(ATTEMPT_DELAY_MS, startNext)
      attempt(candidate, abandon.signal).then(won, failed)
    }
    const won = (result: T): void => {
      if (isWon) {
        discard(result)
        return
      }
      isWon = true
      patience?.[Symbol.dispose]()
      resolve(result)
      abandon.abort()
    }
    const failed = (error: unknown): void => {
      if (isWon) return
      failures.push(error)
      if (failures.length === candidates.length) reject(failures[0])
      else if (next === failures.length) startNext()
    }
    startNext()
  })
}
