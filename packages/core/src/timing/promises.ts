import type { Clock } from '../contract/clock.js'
import { toError } from '../contract/errors.js'

/**
 * Calls back once when the signal aborts, at once if it is already aborted. The returned function removes the callback.
 */
export function onAbort(signal: AbortSignal | undefined, aborted: () => void): () => void {
  if (signal?.aborted) aborted()
  signal?.addEventListener('abort', aborted, { once: true })
  return () => signal?.removeEventListener('abort', aborted)
}

/** The time for work to stop after an abort, and the handler of a late result. */
export interface GracePeriod<T> {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly graceMs: number
  /** Called with a result that arrives after the grace period. */
  readonly discard: (result: T) => void
}

/**
 * Settles as the work does. After the signal aborts, the work has `graceMs` to settle. Then the promise rejects with the
 * reason of the signal, and a later result is discarded.
 */
export function withAbortGrace<T>(work: () => Promise<T>, grace: GracePeriod<T>): Promise<T> {
  const { signal, clock, graceMs, discard } = grace
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    let isExpired = false
    let deadline: Disposable | undefined
    const unsubscribe = onAbort(signal, () => {
      deadline = clock.deadline(graceMs, () => {
        isExpired = true
        reject(signal.reason)
      })
    })
    const release = (): void => {
      unsubscribe()
      deadline?.[Symbol.dispose]()
    }
    attempt(work)
      .finally(release)
      .then((result) => (isExpired ? discard : resolve)(result), reject)
  })
}

/** Settles as the work does, or rejects with the reason of the signal as soon as it aborts. */
export function unlessAborted<T>(work: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const unsubscribe = onAbort(signal, () => reject(signal.reason))
    attempt(work).then(resolve, reject).finally(unsubscribe)
  })
}

/** The time for work to settle, and the callbacks for a failure and a timeout. */
export interface Wait {
  readonly clock: Clock
  readonly ms: number
  /** Called when the work fails in time. */
  readonly failed: (error: Error) => void
  /** Called when the time has passed. */
  readonly late: () => void
}

/** Resolves when the work has settled, or when the time has passed. Never rejects. */
export function settleWithin(work: Promise<unknown>, { clock, ms, failed, late }: Wait): Promise<void> {
  return new Promise((resolve) => {
    let isLate = false
    const deadline = clock.deadline(ms, () => {
      isLate = true
      late()
      resolve()
    })
    const settle = (): void => {
      deadline[Symbol.dispose]()
      resolve()
    }
    work.then(settle, (error) => {
      if (!isLate) failed(toError(error))
      settle()
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

/** Calls the function and turns a synchronous throw into a rejection. */
export async function attempt<T>(call: () => T | Promise<T>): Promise<T> {
  return await call()
}

/** Does nothing. For callbacks and rejections without effect. */
export function ignore(): void {}

/** Whether the value has a method `then`. Not `instanceof Promise`: a callback may return one of another realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function'
}

/** Calls a callback of the application. `failed` receives its error, synchronous or not, and must not throw. */
export function guarded(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call()
    if (isThenable(result)) result.then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}
