import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Contestant, Load, Suite } from './suite.js'

const SUFFIX = '-before'

/** The top of another checkout. Throws unless its benchmarks are built. */
export function builtCheckout(path: string): string {
  const root = resolve(path)
  if (!existsSync(workerOf(root)))
    throw new Error(`${root} has no built benchmarks: run npm run build there first`)
  return root
}

/**
 * Adds each contestant of ours once more, from the build of another checkout. Its processes run the worker of that
 * checkout, and so its suites and its packages. Both checkouts must have the same protocol between harness and worker,
 * and the same ids of suites, contestants and loads.
 */
export function against<L extends Load>(suite: Suite<L>, checkout: string): Suite<L> {
  const worker = workerOf(checkout)
  const contestants = suite.contestants.flatMap((contestant): Contestant<L>[] => {
    if (!contestant.isOurs) return [contestant]
    const { id, label } = contestant
    return [
      { ...contestant, id: beforeIdOf(id), label: `before: ${label}`, worker, idInWorker: id },
      contestant,
    ]
  })
  return { ...suite, contestants }
}

/** The id of the same contestant from the other checkout. */
export function beforeIdOf(id: string): string {
  return id + SUFFIX
}

function workerOf(checkout: string): string {
  return join(checkout, 'benchmarks/dist/harness/worker.js')
}
