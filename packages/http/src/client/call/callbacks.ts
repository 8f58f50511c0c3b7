import { type Clock, TransportError } from '@mcpwire/core'
import { callbackFailed } from '@mcpwire/core/authoring'

/** Receives the errors of callbacks. */
export interface CallbackReporter {
  report(error: Error): void
}

/** The most microtasks between the arrival of a response and its delivery: it waits behind a notification. */
const MICROTASKS_OF_RESPONSE = 4

/** Calls a function of the application, which may throw. */
export function callBack(slot: string, callback: () => unknown, reporter: CallbackReporter): void {
  try {
    callback()
  } catch (cause) {
    reporter.report(callbackFailed(slot, cause))
  }
}

/** Reports the end of a request's stream after the delivery of its last message. */
export function callBackAtEnd(onRequestStreamEnd: () => void, reporter: CallbackReporter): void {
  let left = MICROTASKS_OF_RESPONSE
  const step = (): void => {
    if (left-- > 0) queueMicrotask(step)
    else callBack('onRequestStreamEnd', onRequestStreamEnd, reporter)
  }
  step()
}

/** A callback of the application, and how long its promise may take. */
export interface CallbackLimit {
  readonly slot: string
  /** The option that sets the limit. */
  readonly option: string
  readonly timeoutMs: number
}

/** Waits for the promises of callbacks, each with a deadline, until the client is closed. */
export class CallbackTimeouts {
  readonly #clock: Clock
  readonly #pending: Set<(error: Error) => void> = new Set()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Settles as the promise does. Rejects with `CALLBACK_FAILED` once the time has passed. */
  wait<T>(promise: PromiseLike<T>, { slot, option, timeoutMs }: CallbackLimit): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = (error: Error): void => {
        settled()
        reject(error)
      }
      const deadline = this.#clock.deadline(timeoutMs, () => {
        const message = `${slot}() did not settle within ${option} (${timeoutMs} ms)`
        cancel(new TransportError('CALLBACK_FAILED', message, { slot }))
      })
      const settled = (): void => {
        deadline[Symbol.dispose]()
        this.#pending.delete(cancel)
      }
      this.#pending.add(cancel)
      // By resolve(): the then() of a foreign promise may throw.
      Promise.resolve(promise).then((value) => {
        settled()
        resolve(value)
      }, cancel)
    })
  }

  /** Rejects everything pending with the error. */
  cancel(error: Error): void {
    for (const cancel of [...this.#pending]) cancel(error)
  }
}
