import { isIPv6 } from 'node:net'
import type { Clock } from '@mcpwire/core'

/** How long one address may keep silent before the next is tried beside it (RFC 8305, section 8). */
export const ATTEMPT_DELAY_MS = 250

/** What is raced, and how. */
export interface Race<C, T> {
  readonly candidates: readonly C[]
  readonly attempt: (candidate: C, signal: AbortSignal) => Promise<T>
  /** Gets what an attempt yields after another has won. */
  readonly discard: (late: T) => void
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Tries candidates side by side: the next starts when the one before has failed or kept silent for 250 ms. The first
 * to succeed wins and the others are abandoned. Rejects with the failure, or failures, when all have failed, and with
 * `signal.reason` once that aborts.
 */
export function race<C, T>({ candidates, attempt, discard, clock, signal }: Race<C, T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = new AbortController()
    const failures: unknown[] = []
    let started = 0
    let isOver = false
    let patience: Disposable | undefined

    const settle = (): void => {
      isOver = true
      patience?.[Symbol.dispose]()
      signal.removeEventListener('abort', onabort)
    }
    const onabort = (): void => {
      settle()
      abandon.abort(signal.reason)
      reject(signal.reason)
    }
    const startNext = (): void => {
      patience?.[Symbol.dispose]()
      const candidate = candidates[started]
      if (candidate === undefined) return
      const number = ++started
      if (number < candidates.length) patience = clock.deadline(ATTEMPT_DELAY_MS, startNext)
      attempt(candidate, abandon.signal).then(won, (error) => failed(number, error))
    }
    const won = (result: T): void => {
      if (isOver) {
        discard(result)
        return
      }
      settle()
      resolve(result)
      if (failures.length + 1 < started) abandon.abort()
    }
    const failed = (number: number, error: unknown): void => {
      if (isOver) return
      failures.push(error)
      if (failures.length === candidates.length) {
        settle()
        reject(together(failures))
      } else if (number === started) startNext()
    }

    if (signal.aborted) {
      onabort()
      return
    }
    if (candidates.length === 0) {
      reject(new Error('the name has no address'))
      return
    }
    signal.addEventListener('abort', onabort, { once: true })
    startNext()
  })
}

function together(failures: readonly unknown[]): unknown {
  if (failures.length < 2) return failures[0]
  return new AggregateError(failures, failures.map((each) => (each as Error).message).join('; '))
}

/** The same addresses with the two families taking turns, so that one that leads nowhere costs one delay (section 4). */
export function interleaved(addresses: readonly string[]): string[] {
  const [first = ''] = addresses
  const same = addresses.filter((each) => isIPv6(each) === isIPv6(first))
  const other = addresses.filter((each) => isIPv6(each) !== isIPv6(first))
  return same
    .flatMap((each, index) => [each, ...other.slice(index, index + 1)])
    .concat(other.slice(same.length))
}
