/** All callbacks of one signal, behind one listener: platforms warn about a signal with many listeners. */
class AbortCallbacks {
  readonly #signal: AbortSignal
  readonly #callbacks = new Set<() => void>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  add(callback: () => void): void {
    this.#callbacks.add(callback)
  }

  delete(callback: () => void): void {
    if (!this.#callbacks.delete(callback) || this.#callbacks.size > 0) return
    callbacksOf.delete(this.#signal)
    this.#signal.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => {
    callbacksOf.delete(this.#signal)
    // A callback can remove a later one, which is then not called.
    for (const callback of this.#callbacks) {
      this.#callbacks.delete(callback)
      callback()
    }
  }
}

const callbacksOf = new WeakMap<AbortSignal, AbortCallbacks>()

/**
 * Calls back once when the signal aborts, but not if it is already aborted. Any number of callbacks can share a signal.
 * The returned function removes the callback.
 */
export function whenAborted(signal: AbortSignal, aborted: () => void): () => void {
  const callbacks = callbacksOf.get(signal) ?? new AbortCallbacks(signal)
  callbacksOf.set(signal, callbacks)
  const callback = (): void => aborted()
  callbacks.add(callback)
  return () => callbacks.delete(callback)
}
