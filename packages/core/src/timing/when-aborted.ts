/** What waits for one signal, over one listener: platforms warn of a signal that has many. */
class Waiting {
  readonly #signal: AbortSignal
  readonly #calls = new Set<() => void>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  add(call: () => void): void {
    this.#calls.add(call)
  }

  delete(call: () => void): void {
    if (!this.#calls.delete(call) || this.#calls.size > 0) return
    waitingFor.delete(this.#signal)
    this.#signal.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => {
    waitingFor.delete(this.#signal)
    // Whoever is taken back by one that is called before it is not called any more.
    for (const call of this.#calls) {
      this.#calls.delete(call)
      call()
    }
  }
}

const waitingFor = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls back, once, when the signal aborts; not where it has already. For signals that any number of things wait for,
 * of which none knows of the others. Returns what takes it back.
 */
export function whenAborted(signal: AbortSignal, aborted: () => void): () => void {
  const waiting = waitingFor.get(signal) ?? new Waiting(signal)
  waitingFor.set(signal, waiting)
  const call = (): void => aborted()
  waiting.add(call)
  return () => waiting.delete(call)
}
