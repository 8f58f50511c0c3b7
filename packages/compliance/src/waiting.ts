import * as timers from 'node:timers/promises'
import { systemClock } from '@mcpwire/core'

const EAGER_TURNS = 200
const POLL_MS = 5

/** Resolves after one turn of the event loop, when what was due in it has happened. */
export async function turn(): Promise<void> {
  await timers.setImmediate()
}

/** Resolves after several turns of the event loop: long enough for what needs no waiting to have happened. */
export async function turns(count = 10): Promise<void> {
  for (let done = 0; done < count; done++) await turn()
}

/** Resolves as soon as the fact is true. Rejects, naming it, when that takes longer than `graceMs`. */
export async function until(
  fact: () => boolean | Promise<boolean>,
  what: string,
  graceMs: number,
): Promise<void> {
  const giveUpAt = systemClock.now() + graceMs
  for (let polls = 0; !(await fact()); polls++) {
    if (systemClock.now() > giveUpAt) throw new Error(`not within ${graceMs} ms: ${what}`)
    await (polls < EAGER_TURNS ? turn() : systemClock.sleep(POLL_MS))
  }
}

/** Settles as the promise does. Rejects, naming what was awaited, when that takes longer than `graceMs`. */
export async function within<T>(promise: PromiseLike<T>, what: string, graceMs: number): Promise<T> {
  return await new Promise((resolve, reject) => {
    const late = systemClock.deadline(graceMs, () => {
      reject(new Error(`not within ${graceMs} ms: ${what}`))
    })
    promise.then(
      (value) => {
        late[Symbol.dispose]()
        resolve(value)
      },
      (error) => {
        late[Symbol.dispose]()
        reject(error)
      },
    )
  })
}
