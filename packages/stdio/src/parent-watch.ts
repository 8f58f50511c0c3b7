import type { Clock } from '@mcpwire/core'
import { processExists } from './process-exists.js'

/** Access to the parent of this process. */
export interface ParentSystem {
  /** The current id of the parent. */
  ppid(): number
  /** Whether a process runs. Given only where an orphan keeps the id of its parent, as on Windows. */
  isRunning?(pid: number): boolean
}

const systemParent: ParentSystem = {
  ppid: () => process.ppid,
  ...(process.platform === 'win32' && {
    isRunning: (pid: number) => processExists(() => process.kill(pid, 0)),
  }),
}

/** The process that adopts orphans, unless a closer reaper does. */
const INIT_PID = 1

/**
 * Calls `onexit` once when the parent of this process has exited.
 *
 * The input does not end while a sibling holds the same pipe open. A new parent is then the only sign. A process that
 * `init` started has no parent to watch.
 */
export function watchParent(
  onexit: () => void,
  intervalMs: number,
  clock: Clock,
  system: ParentSystem = systemParent,
): Disposable {
  const parent = system.ppid()
  let next: Disposable | undefined
  const check = (): void => {
    if (system.ppid() !== parent || system.isRunning?.(parent) === false) onexit()
    else next = clock.deadline(intervalMs, check)
  }
  if (parent !== INIT_PID && intervalMs !== Infinity) next = clock.deadline(intervalMs, check)
  return { [Symbol.dispose]: () => next?.[Symbol.dispose]() }
}
