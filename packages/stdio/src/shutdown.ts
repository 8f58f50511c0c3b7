import type { Clock } from '@mcpwire/core'
import type { KillSignal } from './process-tree.js'

/** A tree of processes that is to end. */
export interface Tree {
  /** Resolves when its root has exited. */
  readonly exited: Promise<unknown>
  isAlive(): boolean
  kill(signal: KillSignal): void
}

/** The part of the time after which even a killed tree is not waited for, so that the whole fits into it. */
const LAST_LOOK = 0.95
/**
 * How soon the rest of a tree is looked for again once its root has exited: no event tells of it. Each look costs
 * the system some work, so the next one is twice as far away.
 */
const LOOK_AGAIN_MS = 5
const LONGEST_LOOK_MS = 40

/**
 * Ends a tree of processes whose input has been ended already: half of the time to exit by itself, a quarter after
 * SIGTERM, then SIGKILL (MCP, Lifecycle: Shutdown). Resolves when nothing is left, at the latest after `budgetMs`.
 */
export async function shutDown(tree: Tree, budgetMs: number, clock: Clock): Promise<void> {
  const start = clock.now()
  await exitedBy(tree, start + budgetMs / 2, clock)
  if (!tree.isAlive()) return
  tree.kill('SIGTERM')
  await goneBy(tree, start + (budgetMs * 3) / 4, clock)
  if (!tree.isAlive()) return
  tree.kill('SIGKILL')
  await goneBy(tree, start + budgetMs * LAST_LOOK, clock)
}

async function exitedBy(tree: Tree, moment: number, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const late = clock.deadline(moment - clock.now(), resolve)
    void tree.exited.then(() => {
      late[Symbol.dispose]()
      resolve()
    })
  })
}

async function goneBy(tree: Tree, moment: number, clock: Clock): Promise<void> {
  await exitedBy(tree, moment, clock)
  for (let wait = LOOK_AGAIN_MS; tree.isAlive(); wait = Math.min(wait * 2, LONGEST_LOOK_MS)) {
    const left = moment - clock.now()
    if (left <= 0) return
    await clock.sleep(Math.min(wait, left))
  }
}
