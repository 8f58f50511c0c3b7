import type { Clock } from '@mcpwire/core'
import type { KillSignal } from './process-tree.js'

/** A process and its descendants. */
export interface ProcessTree {
  /** Resolves when the root process has exited. */
  readonly exited: Promise<unknown>
  isAlive(): boolean
  kill(signal: KillSignal): void
}

/** Part of the budget after which `shutDown` returns even when a killed process remains. */
const LAST_CHECK = 0.95
/**
 * First interval between checks of the descendants once the root has exited. No event reports their exit. A check
 * costs system calls, so each interval is twice as long as the one before.
 */
const FIRST_CHECK_MS = 5
const LONGEST_CHECK_MS = 40

/**
 * Ends a process tree whose input has already ended (MCP, Lifecycle: Shutdown). Resolves when no process is left, at
 * the latest after `budgetMs`.
 *
 *     0 %    wait for the processes to exit by themselves
 *     50 %   SIGTERM, wait
 *     75 %   SIGKILL, wait
 *     95 %   return
 */
export async function shutDown(tree: ProcessTree, budgetMs: number, clock: Clock): Promise<void> {
  const start = clock.now()
  await rootExitedBy(tree, start + budgetMs / 2, clock)
  if (!tree.isAlive()) return
  tree.kill('SIGTERM')
  await treeExitedBy(tree, start + (budgetMs * 3) / 4, clock)
  if (!tree.isAlive()) return
  tree.kill('SIGKILL')
  await treeExitedBy(tree, start + budgetMs * LAST_CHECK, clock)
}

async function rootExitedBy(tree: ProcessTree, deadline: number, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const timeout = clock.deadline(deadline - clock.now(), resolve)
    void tree.exited.then(() => {
      timeout[Symbol.dispose]()
      resolve()
    })
  })
}

async function treeExitedBy(tree: ProcessTree, deadline: number, clock: Clock): Promise<void> {
  await rootExitedBy(tree, deadline, clock)
  for (let interval = FIRST_CHECK_MS; tree.isAlive(); interval = Math.min(interval * 2, LONGEST_CHECK_MS)) {
    const left = deadline - clock.now()
    if (left <= 0) return
    await clock.sleep(Math.min(interval, left))
  }
}
