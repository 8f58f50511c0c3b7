import type { Clock } from '@mcpwire/core'
import { isThere } from './is-there.js'

/** How to learn who started this process. */
export interface ParentSystem {
  /** The id of the parent as it is now. */
  ppid(): number
  /** Whether a process runs; asked only where an orphan keeps the id of its parent, as on Windows. */
  runs?(pid: number): boolean
}

/** The process this is. */
const ownParent: ParentSystem = {
  ppid: () => process.ppid,
  ...(process.platform === 'win32' && { runs: (pid: number) => isThere(() => process.kill(pid, 0)) }),
}

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
    if (system.ppid() !== first || system.runs?.(first) === false) ongone()
    else next = clock.deadline(everyMs, look)
  }
  if (first !== INIT_PID && everyMs !== Infinity) next = clock.deadline(everyMs, look)
  return { [Symbol.dispose]: () => next?.[Symbol.dispose]() }
}
