import type { Run } from './plan.js'
import type { Verdict } from './verdict.js'

/** The outcome of a run. */
export interface Outcome extends Verdict {
  readonly run: string
  readonly seconds: number
}

/** The name of a run in the table. */
export function titleOf({ side, sdk, selection }: Run): string {
  const named = selection.filter((word) => !word.startsWith('--')).join(' at ')
  return `${side} ${sdk}, ${named}`
}

/** One line of the table, followed by the problems. */
export function lineOf({ run, passed, failed, unscored, seconds, problems }: Outcome): string {
  const figures = `${String(passed).padStart(4)} passed ${String(failed).padStart(3)} failed`
  const extra = unscored === 0 ? '' : `, ${unscored} failed unscored`
  const line = `${run.padEnd(42)}${figures} ${seconds.toFixed(1).padStart(6)} s${extra}`
  const shown = problems.filter((problem) => !problem.startsWith('(not scored)'))
  return [line, ...shown.map((problem) => `    ${problem}`)].join('\n')
}

/** The content of `.results/conformance.json`. CI adds up `passed` and `failed`. */
export function summaryOf(outcomes: readonly Outcome[]): {
  passed: number
  failed: number
  runs: readonly Outcome[]
} {
  const sum = (count: (outcome: Outcome) => number) =>
    outcomes.reduce((total, outcome) => total + count(outcome), 0)
  return { passed: sum(({ passed }) => passed), failed: sum(({ failed }) => failed), runs: outcomes }
}
