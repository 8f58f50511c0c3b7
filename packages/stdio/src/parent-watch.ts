import type { Clock } from '@mcpwire/core'

/** How to learn who started this process. */
export interface ParentSystem {
  /** The id of the parent as it is now. */
  ppid(): number
}

/** The process this is. */
export const ownParent: ParentSystem = { ppid: () => process.ppid }

/** Processes without a parent are adopted by this one, or by a reaper closer to them. */
const INIT_PID = 1

/**
 * Calls back once when the process that started this one is gone. A host that died cannot end the input when a
 * sibling holds the same pipe open; a new parent is then the only sign. Watches nothing when there is none to lose.
 */
export function watchParent(
  ongone: () => void,
  everyMs: number,
  clock: Clock,
  system: ParentSystem = ownParent,
): Disposable {
  const first = system.ppid()
  let next: Disposable | undefined
  const look = (): void => {
    if (system.ppid() !== first) ongone()
    else next = clock.deadline(everyMs, look)
  }
  if (first !== INIT_PID && everyMs !== Infinity) next = clock.deadline(everyMs, look)
  return { [Symbol.dispose]: () => next?.[Symbol.dispose]() }
}
