import * as timers from 'node:timers/promises'
import { systemClock } from '@mcpwire/core'

const EAGER_TURNS = 200
const POLL_MS = 5

/** Resolves after one turn of the event loop. */
export async function turn(): Promise<void> {
  await timers.setImmediate()
}

/**
 * Resolves after several turns of the event loop, when pending callbacks have run.
 *
 * @example
 * ```ts
 * await turns()
 * ```
 */
export async function turns(count = 10): Promise<void> {
  for (let done = 0; done < count; done++) await turn()
}

/**
 * Resolves once the condition is true. Rejects after `graceMs` with the description.
 *
 * @example
 * ```ts
 * await until(() => messages.length === 2, 'both messages arrived', 5_000)
 * ```
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  description: string,
  graceMs: number,
): Promise<void> {
  const timeoutAt = systemClock.now() + graceMs
  for (let polls = 0; !(await condition()); polls++) {
    if (systemClock.now() > timeoutAt) throw new Error(`not within ${graceMs} ms: ${description}`)
    await (polls < EAGER_TURNS ? turn() : systemClock.sleep(POLL_MS))
  }
}

/**
 * Settles as the promise does. Rejects after `graceMs` with the description.
 *
 * @example
 * ```ts
 * await within(transport.close(), 'close() returned', 5_000)
 * ```
 */
export async function within<T>(promise: PromiseLike<T>, description: string, graceMs: number): Promise<T> {
  return await new Promise((resolve, reject) => {
    const deadline = systemClock.deadline(graceMs, () => {
      reject(new Error(`not within ${graceMs} ms: ${description}`))
    })
    promise.then(
      (value) => {
        deadline[Symbol.dispose]()
        resolve(value)
      },
      (error) => {
        deadline[Symbol.dispose]()
        reject(error)
      },
    )
  })
}
