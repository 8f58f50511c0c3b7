/** The result of a `send` that the medium accepted immediately. Sharing one promise costs a connection nothing. */
export const sentImmediately: Promise<void> = Promise.resolve()

type Reject = (error: Error) => void

/** The pending sends of one channel. They settle as those of the channel do, or with `rejectAll` before. */
export class PendingSends {
  readonly #toError: (error: unknown) => unknown
  readonly #rejecters = new Set<Reject>()
  #last: { readonly accepted: Promise<void>; readonly settled: Promise<void> } | undefined

  /** `toError` converts the errors of the channel. */
  constructor(toError: (error: unknown) => unknown) {
    this.#toError = toError
  }

  /** A promise that settles as the channel's does, unless it is rejected before. */
  track(accepted: Promise<void>): Promise<void> {
    // A channel returns the same promise for all sends that settle at the same moment.
    if (this.#last?.accepted !== accepted) this.#last = { accepted, settled: this.#settling(accepted) }
    return this.#last.settled
  }

  /** Rejects all pending sends. */
  rejectAll(error: Error): void {
    for (const reject of this.#rejecters) reject(error)
    this.#rejecters.clear()
  }

  #settling(accepted: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#rejecters.add(reject)
      accepted.then(
        () => {
          this.#rejecters.delete(reject)
          resolve()
        },
        (error) => {
          this.#rejecters.delete(reject)
          reject(this.#toError(error))
        },
      )
    })
  }
}
