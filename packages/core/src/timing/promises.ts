import type { Clock } from '../contract/clock.js'
import { toError } from '../contract/errors.js'

/** How long to wait for work that was told to stop, and what to do with what it makes too late. */
export interface GracePeriod<T> {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly graceMs: number
  readonly discard: (made: T) => void
}

/**
 * Settles as the work does, which was told to stop when the signal aborts: from then on it has `graceMs`. After
 * those, rejects with the signal's reason, and what the work makes later is discarded.
 */
export function withAbortGrace<T>(work: () => Promise<T>, patience: GracePeriod<T>): Promise<T> {
  const { signal, clock, graceMs, discard } = patience
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason)
      return
    }
    let isGivenUp = false
    let late: Disposable | undefined
    const onabort = (): void => {
      late = clock.deadline(graceMs, () => {
        isGivenUp = true
        reject(signal.reason)
      })
    }
    signal.addEventListener('abort', onabort, { once: true })
    const settled = (): void => {
      signal.removeEventListener('abort', onabort)
      late?.[Symbol.dispose]()
    }
    attempt(work).then(
      (made) => {
        settled()
        if (isGivenUp) discard(made)
        else resolve(made)
      },
      (error) => {
        settled()
        reject(error)
      },
    )
  })
}

/** How long to wait for work, and whom to tell what came of it. */
export interface Wait {
  readonly clock: Clock
  readonly ms: number
  /** Hears that the work failed in time. */
  readonly failed: (error: Error) => void
  /** Hears that it was not done in time. */
  readonly late: () => void
}

/** Resolves when the work is done, whether it failed or not, or when the time has passed. Never rejects. */
export function settleWithin(work: Promise<unknown>, { clock, ms, failed, late }: Wait): Promise<void> {
  return new Promise((resolve) => {
    let isLate = false
    const patience = clock.deadline(ms, () => {
      isLate = true
      late()
      resolve()
    })
    const done = (): void => {
      patience[Symbol.dispose]()
      resolve()
    }
    work.then(done, (error) => {
      if (!isLate) failed(toError(error))
      done()
    })
  })
}

/** A promise with the functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

/** Makes a promise that is settled from outside. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

/** Calls it, turning a synchronous throw into a rejection. */
export async function attempt<T>(call: () => T | Promise<T>): Promise<T> {
  return await call()
}

/** For promises whose failure nobody needs to hear of. */
export function ignore(): void {}

/** Not `instanceof Promise`: what a callback returns may come from another realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function'
}

/** Calls a callback of somebody's; what it throws or rejects with goes to `failed`, which must not throw. */
export function guarded(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call()
    if (isThenable(result)) result.then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}
