import { type Clock, TransportError } from '@mcpwire/core'

/** A callback of the application, and how long what it promises may take. */
export interface AskedCallback {
  /** Its name, as the application knows it. */
  readonly slot: string
  /** The option that says how long. */
  readonly option: string
  readonly timeoutMs: number
}

/** Waits for what callbacks of the application promise: each has a deadline, and all are over with the client. */
export class AskedInTime {
  readonly #clock: Clock
  readonly #waiting: Set<(error: Error) => void> = new Set()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Settles as what was promised does, or rejects with `CALLBACK_FAILED` once the time has passed. */
  wait<T>(promised: PromiseLike<T>, { slot, option, timeoutMs }: AskedCallback): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (error: Error): void => {
        settled()
        reject(error)
      }
      const late = this.#clock.deadline(timeoutMs, () => {
        const message = `${slot}() did not settle within ${option} (${timeoutMs} ms)`
        giveUp(new TransportError('CALLBACK_FAILED', message, { slot }))
      })
      const settled = (): void => {
        late[Symbol.dispose]()
        this.#waiting.delete(giveUp)
      }
      this.#waiting.add(giveUp)
      // One that is no promise of the platform may throw when it is asked.
      Promise.resolve(promised).then(
        (value) => {
          settled()
          resolve(value)
        },
        (error) => {
          settled()
          reject(error)
        },
      )
    })
  }

  /** Waits for nothing of what was asked so far any more. */
  stop(error: Error): void {
    for (const giveUp of [...this.#waiting]) giveUp(error)
  }
}

/** Whether a callback promises what it yields. What it returns may come from another realm or library. */
export function isPromised<T>(yielded: T | PromiseLike<T>): yielded is PromiseLike<T> {
  return typeof (yielded as { then?: unknown } | undefined | null)?.then === 'function'
}
