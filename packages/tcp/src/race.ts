import { isIPv6 } from 'node:net'
import type { Clock } from '@mcpwire/core'
import { onAbort } from '@mcpwire/core/authoring'

/** Delay before the next address is tried beside a pending one (RFC 8305, section 8). */
export const ATTEMPT_DELAY_MS = 250

/** The candidates of a race, and how one of them is tried. */
export interface Race<C, T> {
  readonly candidates: readonly C[]
  readonly attempt: (candidate: C, signal: AbortSignal) => Promise<T>
  /** Releases the result of an attempt that succeeds after another one. */
  readonly discard: (late: T) => void
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Tries candidates side by side. The next one starts when the latest has failed, or after 250 ms. The first success
 * wins, and the other attempts are aborted. Rejects with the failure, or failures, when all have failed, and with
 * `signal.reason` when the signal aborts.
 */
export function race<C, T>({ candidates, attempt, discard, clock, signal }: Race<C, T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const others = new AbortController()
    const failures: unknown[] = []
    let started = 0
    let isSettled = false
    let delay: Disposable | undefined

    const settle = (): void => {
      isSettled = true
      delay?.[Symbol.dispose]()
      unsubscribe()
    }
    const startNext = (): void => {
      delay?.[Symbol.dispose]()
      const candidate = candidates[started]
      if (candidate === undefined) return
      const number = ++started
      if (number < candidates.length) delay = clock.deadline(ATTEMPT_DELAY_MS, startNext)
      attempt(candidate, others.signal).then(succeeded, (error) => failed(number, error))
    }
    const succeeded = (result: T): void => {
      if (isSettled) {
        discard(result)
        return
      }
      settle()
      resolve(result)
      if (failures.length + 1 < started) others.abort()
    }
    const failed = (number: number, error: unknown): void => {
      if (isSettled) return
      failures.push(error)
      if (failures.length === candidates.length) {
        settle()
        reject(combined(failures))
      } else if (number === started) startNext()
    }

    signal.throwIfAborted()
    if (candidates.length === 0) throw new Error('the host has no address')
    const unsubscribe = onAbort(signal, () => {
      settle()
      others.abort(signal.reason)
      reject(signal.reason)
    })
    startNext()
  })
}

function combined(failures: readonly unknown[]): unknown {
  if (failures.length < 2) return failures[0]
  return new AggregateError(failures, failures.map((each) => (each as Error).message).join('; '))
}

/** Alternates the address families, so that an unreachable one costs one delay (RFC 8305, section 4). */
export function interleaved(addresses: readonly string[]): string[] {
  const [first = ''] = addresses
  const same = addresses.filter((each) => isIPv6(each) === isIPv6(first))
  const other = addresses.filter((each) => isIPv6(each) !== isIPv6(first))
  return same
    .flatMap((each, index) => [each, ...other.slice(index, index + 1)])
    .concat(other.slice(same.length))
}
