/**
 * What a channel returns from `send` where the medium took the message at once: one promise for all of them costs a
 * connection nothing.
 */
export const sentImmediately: Promise<void> = Promise.resolve()

type Reject = (error: Error) => void

/**
 * The sends of one channel that wait for the medium. They settle as the channel's do, unless they are rejected
 * before; what the channel rejects with is told as `failed` makes of it.
 */
export class PendingSends {
  readonly #failed: (error: unknown) => unknown
  readonly #rejecters = new Set<Reject>()
  #last: { readonly taken: Promise<void>; readonly settled: Promise<void> } | undefined

  constructor(failed: (error: unknown) => unknown) {
    this.#failed = failed
  }

  /** A promise that settles as the channel's does, unless it is rejected before. */
  track(taken: Promise<void>): Promise<void> {
    // A channel gives one promise for everything that waits for the same moment.
    if (this.#last?.taken !== taken) this.#last = { taken, settled: this.#settling(taken) }
    return this.#last.settled
  }

  /** Rejects all that wait. */
  rejectAll(error: Error): void {
    for (const reject of this.#rejecters) reject(error)
    this.#rejecters.clear()
  }

  #settling(taken: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#rejecters.add(reject)
      taken.then(
        () => {
          this.#rejecters.delete(reject)
          resolve()
        },
        (error) => {
          this.#rejecters.delete(reject)
          reject(this.#failed(error))
        },
      )
    })
  }
}
