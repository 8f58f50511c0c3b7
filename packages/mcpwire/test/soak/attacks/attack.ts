import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from '../support/targets.js'

/** What attackers report while they run. */
export interface AttackProgress {
  /** What was done, by name, such as posts or connections. */
  readonly counts: Record<string, number>
  /** Processes that were stopped, and have to be continued. */
  readonly stopped: number[]
}

/** One kind of attack. Runs until its process is killed. */
export type Attack = (target: Target, progress: AttackProgress) => Promise<void>

export const ATTACKER = 'attacker'

/** Counts one more. */
export function count({ counts }: AttackProgress, name: string, by = 1): void {
  counts[name] = (counts[name] ?? 0) + by
}

/**
 * Runs the work that many times a second, at most `times` times. Starts each without a wait for the one before, except
 * that at most `atOnce` are pending.
 */
export async function atRate(
  perSecond: number,
  times: number,
  work: (at: number) => Promise<unknown>,
  atOnce = Infinity,
): Promise<void> {
  const startedAt = performance.now()
  let pending = 0
  for (let at = 0; at < times; at++) {
    const dueMs = startedAt + (at / perSecond) * 1_000 - performance.now()
    if (dueMs > 1) await sleep(dueMs)
    while (pending >= atOnce) await sleep(5)
    pending++
    void work(at)
      .catch(() => {})
      .finally(() => {
        pending--
      })
  }
  while (pending > 0) await sleep(20)
}

/** Never resolves: connections stay as they are until the process is killed. */
export function stay(): Promise<never> {
  return new Promise(() => {})
}
