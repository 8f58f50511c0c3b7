import type { Clock } from '@mcpwire/core'

/** Looks after any number of things that are due some time, with one deadline. */
export interface Sweep {
  /** Says that something is due at that moment, in the time of the clock. */
  expect(moment: number): void
  stop(): void
}

/**
 * Makes one. `look` does what is due and answers the next moment at which something is, `Infinity` where nothing is.
 * It is called at most once in `spacingMs`.
 */
export function createSweep(clock: Clock, spacingMs: number, look: (now: number) => number): Sweep {
  let next = Infinity
  let deadline: Disposable | undefined

  function expect(moment: number): void {
    if (moment >= next) return
    deadline?.[Symbol.dispose]()
    next = moment
    deadline = clock.deadline(moment - clock.now(), () => {
      next = Infinity
      deadline = undefined
      const now = clock.now()
      const due = look(now)
      if (due !== Infinity) expect(Math.max(due, now + spacingMs))
    })
  }

  return {
    expect,
    stop: () => {
      deadline?.[Symbol.dispose]()
      deadline = undefined
      next = Infinity
    },
  }
}
