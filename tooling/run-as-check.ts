import { fileURLToPath } from 'node:url'

/** One line for each problem. Empty when the check passes. */
export type Problems = readonly string[]

/** A check of the tree below `root`. It changes nothing. */
export type Check = (root: string) => Problems | Promise<Problems>

/** The top of this repository. */
export const repositoryRoot: string = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '')

/** Exit code of a check that could not run. The runner prints its output and does not fail. */
export const SKIPPED_EXIT_CODE = 77

/** Runs `check` when the module at `moduleUrl` is the program. Prints the problems and sets the exit code. */
export async function runAsCheck(moduleUrl: string, check: Check): Promise<void> {
  if (process.argv[1] !== fileURLToPath(moduleUrl)) return
  const problems = await check(repositoryRoot)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
